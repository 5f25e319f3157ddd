"""Select menus and emoji, in messages and in modals."""

from __future__ import annotations

from typing import Any

from .form import Form

STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 3, 5, 6, 7, 8
SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
_DEFAULTS = {
    USER_SELECT: ("user",),
    ROLE_SELECT: ("role",),
    MENTIONABLE_SELECT: ("user", "role"),
    CHANNEL_SELECT: ("channel",),
}


def check_select(form: Form, number: int, *, in_modal: bool) -> dict[str, Any]:
    """A normalised select menu; `number` is the component's id."""
    kind = int(form.value["type"])
    low = form.whole("min_values", low=0, high=25)
    high = form.whole("max_values", low=1, high=25)
    select: dict[str, Any] = {
        "type": kind,
        "id": number,
        "custom_id": form.text("custom_id", low=1, high=100, required=True),
        "min_values": 1 if low is None else low,
        "max_values": 1 if high is None else high,
    }
    placeholder = form.text("placeholder", high=150)
    if placeholder:
        select["placeholder"] = placeholder
    _modal_or_message(form, select, in_modal)
    if kind == STRING_SELECT:
        select["options"] = check_options(form, low=1, high=25)
        _fits(form, select)
    else:
        _defaults(form, select, kind)
    if select["min_values"] > select["max_values"]:
        form.note("min_values", "SELECT_COMPONENT_MIN_VALUES_GREATER_THAN_MAX", "min_values exceeds max_values")
    return select


def _modal_or_message(form: Form, select: dict[str, Any], in_modal: bool) -> None:
    required = form.flag("required")
    disabled = form.flag("disabled")
    if in_modal:
        select["required"] = required is not False
        if disabled:
            form.note("disabled", "COMPONENT_DISABLED_IN_MODAL", "A select in a modal cannot be disabled")
        if select["required"] and form.value.get("min_values") == 0:
            form.note("min_values", "SELECT_COMPONENT_REQUIRED_MIN", "A required select needs at least one value")
    elif disabled:
        select["disabled"] = True


def _fits(form: Form, select: dict[str, Any]) -> None:
    count = len(select["options"])
    if not count:
        return
    for key in ("min_values", "max_values"):
        if select[key] > count:
            form.note(key, "SELECT_COMPONENT_VALUES_EXCEED_OPTIONS", f"{key} exceeds the number of options")
    if sum(1 for option in select["options"] if option["default"]) > select["max_values"]:
        form.note("options", "SELECT_COMPONENT_TOO_MANY_DEFAULTS", "More defaults than max_values")


def check_options(form: Form, *, low: int, high: int, emoji: bool = True) -> list[dict[str, Any]]:
    """Options of a string select, radio group or checkbox group; values must differ."""
    found: list[dict[str, Any]] = []
    seen: set[str | None] = set()
    for child in form.forms("options", low=low, high=high, required=True):
        option: dict[str, Any] = {
            "label": child.text("label", low=1, high=100, required=True),
            "value": child.text("value", low=1, high=100, required=True),
            "description": child.text("description", high=100),
            "default": bool(child.flag("default")),
            "emoji": check_emoji(child) if emoji else None,
        }
        if option["value"] is not None and option["value"] in seen:
            message = "The specified option value is already used"
            child.note("value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
        seen.add(option["value"])
        found.append({key: value for key, value in option.items() if value is not None})
    return found


def _defaults(form: Form, select: dict[str, Any], kind: int) -> None:
    if kind == CHANNEL_SELECT:
        kinds = [value for _, value in form.items("channel_types", high=20)]
        if kinds:
            select["channel_types"] = kinds
    found = []
    for child in form.forms("default_values", high=25):
        what = child.value.get("type")
        if what not in _DEFAULTS[kind]:
            child.note("type", "BASE_TYPE_CHOICES", f"Value must be one of {_DEFAULTS[kind]}.")
        found.append({"id": child.snowflake("id", required=True), "type": what})
    if found and not select["min_values"] <= len(found) <= select["max_values"]:
        form.note(
            "default_values",
            "SELECT_COMPONENT_DEFAULT_VALUES_BAD_LENGTH",
            "The number of default values must be between min_values and max_values",
        )
    if found:
        select["default_values"] = found


def check_emoji(form: Form) -> dict[str, Any] | None:
    """A Unicode emoji; the sandbox's guilds have no custom ones, so an id is refused."""
    child = form.form("emoji")
    if child is None:
        return None
    name = child.text("name", high=32)
    if child.value.get("id") or not is_emoji(name or ""):
        child.note("name", "COMPONENT_INVALID_EMOJI", "Invalid emoji")
    return {"name": name}


def is_emoji(text: str) -> bool:
    """Whether `text` may be a Unicode emoji: short, and no ordinary letters or words."""
    if not 0 < len(text) <= 16 or any(char.isspace() for char in text):
        return False
    return any(ord(char) > 0x203B or char in "\u00a9\u00ae\u20e3" for char in text) and not text.isalpha()
