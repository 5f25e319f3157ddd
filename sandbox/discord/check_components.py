"""Discord's rules for the components of a message: action rows, and the second version's layout."""

from __future__ import annotations

from typing import Any

from .errors import Problems
from .form import Form
from .selects import SELECTS, check_emoji, check_select

ROW, BUTTON, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 1, 2, 9, 10, 11, 12, 13, 14, 17
V2_TOP = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)
V2_INSIDE = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
V2_TOTAL = 40
V2_TEXT = 4000
_MEDIA_SCHEMES = ("http", "https", "attachment")


class _Layout:
    """What has to be counted over all components of one message."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.custom_ids: set[str] = set()
        self.count = 0
        self.text = 0

    def number(self, form: Form) -> int:
        """The component's id: its own, or the next free number."""
        self.count += 1
        return form.whole("id", low=0, high=(1 << 31) - 1) or self.count

    def unique(self, form: Form, custom_id: str | None) -> None:
        if custom_id is None:
            return
        if custom_id in self.custom_ids:
            form.note("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        self.custom_ids.add(custom_id)


def check_message_components(form: Form, *, v2: bool) -> list[dict[str, Any]]:
    """The normalised components of a message body; `v2` is its IS_COMPONENTS_V2 flag."""
    layout = _Layout(form.problems)
    if not v2:
        return [_row(child, layout) for child in form.forms("components", high=5) if _is(child, (ROW,))]
    found = [_any(child, layout) for child in form.forms("components", high=V2_TOTAL) if _is(child, V2_TOP)]
    if layout.count > V2_TOTAL:
        message = f"The total number of components cannot exceed {V2_TOTAL}"
        form.note("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    if layout.text > V2_TEXT:
        message = f"The total length of text cannot exceed {V2_TEXT} characters"
        form.note("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)
    return found


def _is(form: Form, allowed: tuple[int, ...]) -> bool:
    return form.choice("type", allowed, required=True) is not None


def _row(form: Form, layout: _Layout) -> dict[str, Any]:
    number = layout.number(form)
    children = form.forms("components", low=1, high=5, required=True)
    kinds = [child.value.get("type") for child in children]
    if any(kind in SELECTS for kind in kinds) and len(kinds) > 1:
        form.note(
            "components",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        )
    found = []
    for child in children:
        if not _is(child, (BUTTON, *SELECTS)):
            continue
        found.append(_button(child, layout) if child.value["type"] == BUTTON else _select(child, layout))
    return {"type": ROW, "id": number, "components": found}


def _select(form: Form, layout: _Layout) -> dict[str, Any]:
    select = check_select(form, layout.number(form), in_modal=False)
    layout.unique(form, select.get("custom_id"))
    return select


def _button(form: Form, layout: _Layout) -> dict[str, Any]:
    button: dict[str, Any] = {"type": BUTTON, "id": layout.number(form)}
    style = form.choice("style", range(1, 7), required=True)
    button["style"] = style
    label = form.text("label", high=80)
    emoji = check_emoji(form)
    if style == 5:
        _link(form, button)
    elif style == 6:
        button["sku_id"] = form.snowflake("sku_id", required=True)
    else:
        button["custom_id"] = form.text("custom_id", low=1, high=100, required=True)
        layout.unique(form, button["custom_id"])
        if form.value.get("url"):
            form.note("url", "BUTTON_COMPONENT_URL_FORBIDDEN", "A url is only allowed on link buttons")
    if not label and not emoji and style != 6:
        form.note("label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button must have a label or an emoji")
    button.update({key: value for key, value in (("label", label), ("emoji", emoji)) if value})
    if form.flag("disabled"):
        button["disabled"] = True
    return button


def _link(form: Form, button: dict[str, Any]) -> None:
    if form.text("url", high=512, required=True) is not None:
        button["url"] = form.url("url", schemes=("http", "https", "discord"), high=512)
    if form.value.get("custom_id"):
        form.note(
            "custom_id",
            "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
            "A custom id and url cannot both be specified",
        )


def _any(form: Form, layout: _Layout) -> dict[str, Any]:
    kind = form.value["type"]
    if kind == ROW:
        return _row(form, layout)
    if kind == SECTION:
        return _section(form, layout)
    if kind == CONTAINER:
        return _container(form, layout)
    body: dict[str, Any] = {"type": kind, "id": layout.number(form)}
    if kind == TEXT:
        body["content"] = form.text("content", low=1, high=V2_TEXT, required=True) or ""
        layout.text += len(body["content"])
    elif kind == GALLERY:
        body["items"] = [_gallery_item(child) for child in form.forms("items", low=1, high=10, required=True)]
    elif kind == FILE:
        body["file"] = _media(form, "file", ("attachment",))
        body["spoiler"] = bool(form.flag("spoiler"))
    else:
        body["divider"] = form.flag("divider") is not False
        body["spacing"] = form.choice("spacing", (1, 2)) or 1
    return body


def _container(form: Form, layout: _Layout) -> dict[str, Any]:
    number = layout.number(form)
    children = form.forms("components", low=1, high=V2_TOTAL, required=True)
    return {
        "type": CONTAINER,
        "id": number,
        "accent_color": form.whole("accent_color", low=0, high=0xFFFFFF),
        "spoiler": bool(form.flag("spoiler")),
        "components": [_any(child, layout) for child in children if _is(child, V2_INSIDE)],
    }


def _section(form: Form, layout: _Layout) -> dict[str, Any]:
    number = layout.number(form)
    texts = form.forms("components", low=1, high=3, required=True)
    body: dict[str, Any] = {"type": SECTION, "id": number}
    body["components"] = [_any(child, layout) for child in texts if _is(child, (TEXT,))]
    accessory = form.form("accessory", required=True)
    if accessory is not None and _is(accessory, (BUTTON, THUMBNAIL)):
        is_button = accessory.value["type"] == BUTTON
        body["accessory"] = _button(accessory, layout) if is_button else _thumbnail(accessory, layout)
    return body


def _thumbnail(form: Form, layout: _Layout) -> dict[str, Any]:
    return {
        "type": THUMBNAIL,
        "id": layout.number(form),
        "media": _media(form, "media", _MEDIA_SCHEMES),
        "description": form.text("description", low=1, high=1024),
        "spoiler": bool(form.flag("spoiler")),
    }


def _gallery_item(form: Form) -> dict[str, Any]:
    return {
        "media": _media(form, "media", _MEDIA_SCHEMES),
        "description": form.text("description", low=1, high=1024),
        "spoiler": bool(form.flag("spoiler")),
    }


def _media(form: Form, key: str, schemes: tuple[str, ...]) -> dict[str, Any]:
    child = form.form(key, required=True)
    if child is None or child.text("url", high=2048, required=True) is None:
        return {}
    url = child.url("url", schemes=schemes)
    return {"id": "0", "url": url, "proxy_url": url, "width": None, "height": None}


def walk(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All components, nested ones included, in the order in which they stand."""
    found = []
    for component in components:
        found.append(component)
        found.extend(walk(component.get("components", [])))
        for key in ("accessory", "component"):
            if isinstance(component.get(key), dict):
                found.extend(walk([component[key]]))
    return found
