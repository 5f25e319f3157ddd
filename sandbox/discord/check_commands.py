"""Discord's rules for application commands."""

from __future__ import annotations

import re
from typing import Any

from .errors import ApiError, Path, Problems
from .form import Form, as_form

CHAT, USER, MESSAGE = 1, 2, 3
SUB, GROUP, STRING, INTEGER, BOOLEAN, USER_OPT, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(1, 12)
LIMITS = {CHAT: 100, USER: 15, MESSAGE: 15}
TOTAL = 8000
# Discord's pattern is ^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$ ; \w covers letters, digits and "_".
NAME = re.compile(r"[-'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")


def read_command(body: object, *, path: Path = (), problems: Problems | None = None) -> dict[str, Any]:
    """A normalised command; raises ApiError 50035 unless the caller collects `problems` itself."""
    own = problems if problems is not None else Problems()
    form = as_form(body, own, path)
    command = _command(form) if form is not None else {}
    if problems is None:
        own.check()
    return command


def read_bulk(body: object) -> list[dict[str, Any]]:
    """The list of a bulk overwrite: every command checked, names unique, at most 100."""
    if body is None:
        return []
    if not isinstance(body, list):
        problems = Problems()
        problems.add((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        problems.check()
        return []
    problems = Problems()
    commands = [read_command(item, path=(index,), problems=problems) for index, item in enumerate(body)]
    problems.check()
    check_counts(commands)
    _unique(commands, problems)
    problems.check()
    return commands


def check_counts(commands: list[dict[str, Any]]) -> None:
    for kind, limit in LIMITS.items():
        if sum(1 for command in commands if command["type"] == kind) > limit:
            raise ApiError(30032, message=f"Maximum number of application commands reached ({limit}).")


def _unique(commands: list[dict[str, Any]], problems: Problems) -> None:
    seen: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        key = (command["type"], command["name"])
        if key in seen:
            message = "Application command names must be unique"
            problems.add((index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
        seen.add(key)


def _command(form: Form) -> dict[str, Any]:
    kind = form.choice("type", (CHAT, USER, MESSAGE)) or CHAT
    permissions = form.whole("default_member_permissions", low=0, high=(1 << 54) - 1)
    contexts = [value for _, value in form.items("contexts", high=3)]
    installs = [value for _, value in form.items("integration_types", high=2)]
    command: dict[str, Any] = {
        "type": kind,
        "name": _name(form, kind),
        "description": "",
        "default_member_permissions": None if permissions is None else str(permissions),
        "dm_permission": form.flag("dm_permission") is not False,
        "contexts": contexts or None,
        "integration_types": installs or [0],
        "nsfw": bool(form.flag("nsfw")),
        "name_localizations": _localized(form, "name", 32),
        "description_localizations": _localized(form, "description", 100),
    }
    if kind == CHAT:
        command["description"] = form.text("description", low=1, high=100, required=True)
        options = _options(form, depth=0)
        if options:
            command["options"] = options
        if _size(command) > TOTAL:
            form.note("name", "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TOTAL})")
    elif form.value.get("description"):
        message = "Context menu commands cannot have a description"
        form.note("description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", message)
    return command


def _name(form: Form, kind: int) -> str | None:
    name = form.text("name", low=1, high=32, required=True)
    if name is None or kind != CHAT:
        return name
    if not NAME.fullmatch(name) or name != name.lower():
        form.note("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        return None
    return name


def _localized(form: Form, key: str, high: int) -> dict[str, str] | None:
    child = form.form(f"{key}_localizations")
    if child is None:
        return None
    return {locale: child.text(locale, low=1, high=high) or "" for locale in child.value}


def _options(form: Form, depth: int) -> list[dict[str, Any]]:
    """Options of a command (`depth` 0), a group or sub-command (1), or a group's sub-command (2)."""
    found = [_option(child, depth) for child in form.forms("options", high=25)]
    names = [option["name"] for option in found]
    kinds = {option["type"] in (SUB, GROUP) for option in found if option["type"] is not None}
    if len(kinds) > 1:
        message = "Sub-commands and other options cannot be mixed"
        form.note("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    if len(set(names)) < len(names) and None not in names:
        message = "Option name already exists"
        form.note("options", "APPLICATION_COMMAND_OPTION_NAME_ALREADY_EXISTS", message)
    _required_first(form, found)
    return found


def _required_first(form: Form, options: list[dict[str, Any]]) -> None:
    optional_seen = False
    for index, option in enumerate(options):
        if option.get("required") and optional_seen:
            form.problems.add(
                (*form.path, "options", index),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required", False)


def _option(form: Form, depth: int) -> dict[str, Any]:
    allowed = range(1, 12) if depth == 0 else (SUB, *range(3, 12)) if depth == 1 else range(3, 12)
    kind = form.choice("type", allowed, required=True)
    option: dict[str, Any] = {
        "type": kind,
        "name": _name(form, CHAT),
        "description": form.text("description", low=1, high=100, required=True),
    }
    if kind in (SUB, GROUP):
        children = _options(form, 1 if kind == GROUP else 2)
        if kind == GROUP and any(child["type"] != SUB for child in children):
            message = "A group can only contain sub-commands"
            form.note("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
        option["options"] = children
        return option
    option["required"] = bool(form.flag("required"))
    _limits(form, option)
    _choices(form, option)
    return option


def _limits(form: Form, option: dict[str, Any]) -> None:
    kind = option["type"]
    if kind == STRING:
        for key, low in (("min_length", 0), ("max_length", 1)):
            value = form.whole(key, low=low, high=6000)
            if value is not None:
                option[key] = value
    elif kind in (INTEGER, NUMBER):
        for key in ("min_value", "max_value"):
            number = form.whole(key, low=-(2**53), high=2**53) if kind == INTEGER else form.number(key)
            if number is not None:
                option[key] = number
    elif kind == CHANNEL:
        kinds = [value for _, value in form.items("channel_types", high=20)]
        if kinds:
            option["channel_types"] = kinds


def _choices(form: Form, option: dict[str, Any]) -> None:
    completes = bool(form.flag("autocomplete"))
    choices = [_choice(child, option["type"]) for child in form.forms("choices", high=25)]
    if not (completes or choices):
        return
    if option["type"] not in (STRING, INTEGER, NUMBER):
        form.note("choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "This type takes no choices")
    elif completes and choices:
        message = "Choices and autocomplete exclude each other"
        form.note("autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", message)
    elif completes:
        option["autocomplete"] = True
    else:
        option["choices"] = choices


def _choice(form: Form, kind: int | None) -> dict[str, Any]:
    name = form.text("name", low=1, high=100, required=True)
    value = choice_value(form, kind, text_high=6000)
    return {"name": name, "value": value}


def choice_value(form: Form, kind: int | None, *, text_high: int) -> str | int | float | None:
    """The `value` of a choice, of the type that its option has."""
    if form.value.get("value") is None:
        form.note("value", "BASE_TYPE_REQUIRED", "This field is required")
        return None
    if kind == INTEGER:
        return form.whole("value", low=-(2**53), high=2**53)
    if kind == NUMBER:
        return form.number("value")
    return form.text("value", high=text_high)


def _size(node: dict[str, Any]) -> int:
    """Characters of names, descriptions and values, nested ones included."""
    total = len(node.get("name") or "") + len(node.get("description") or "")
    if isinstance(node.get("value"), str):
        total += len(node["value"])
    return total + sum(_size(child) for key in ("options", "choices") for child in node.get(key) or [])
