"""Discord's rules for modals."""

from __future__ import annotations

from typing import Any

from .form import Form
from .selects import SELECTS, check_options, check_select

ROW, TEXT_INPUT, TEXT, LABEL, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 1, 4, 10, 18, 19, 21, 22, 23
IN_LABEL = (TEXT_INPUT, *SELECTS, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX)


def check_modal(form: Form) -> dict[str, Any]:
    """The normalised modal: custom_id, title of up to 45 characters, one to five components."""
    seen: set[str] = set()
    children = form.forms("components", low=1, high=5, required=True)
    return {
        "custom_id": form.text("custom_id", low=1, high=100, required=True),
        "title": form.text("title", low=1, high=45, required=True),
        "components": [_top(child, number, seen) for number, child in enumerate(children, 1)],
    }


def _top(form: Form, number: int, seen: set[str]) -> dict[str, Any]:
    kind = form.choice("type", (ROW, TEXT, LABEL), required=True)
    if kind == TEXT:
        return {"type": TEXT, "id": number, "content": form.text("content", low=1, high=4000, required=True)}
    if kind == ROW:
        return _row(form, number, seen)
    if kind == LABEL:
        return _label(form, number, seen)
    return {}


def _row(form: Form, number: int, seen: set[str]) -> dict[str, Any]:
    found = []
    for child in form.forms("components", low=1, high=1, required=True):
        if child.choice("type", (TEXT_INPUT,), required=True) is not None:
            child.text("label", low=1, high=45, required=True)
            found.append(_field(child, number * 10, seen))
    return {"type": ROW, "id": number, "components": found}


def _label(form: Form, number: int, seen: set[str]) -> dict[str, Any]:
    label: dict[str, Any] = {
        "type": LABEL,
        "id": number,
        "label": form.text("label", low=1, high=45, required=True),
        "description": form.text("description", low=1, high=100),
    }
    child = form.form("component", required=True)
    if child is not None and child.choice("type", IN_LABEL, required=True) is not None:
        if child.value["type"] == TEXT_INPUT and child.value.get("label") is not None:
            message = "A text input in a label cannot have a label of its own"
            child.note("label", "COMPONENT_LABEL_NOT_ALLOWED", message)
        label["component"] = _field(child, number * 10, seen)
    return label


def _field(form: Form, number: int, seen: set[str]) -> dict[str, Any]:
    kind = int(form.value["type"])
    field: dict[str, Any]
    if kind in SELECTS:
        field = check_select(form, number, in_modal=True)
    else:
        custom_id = form.text("custom_id", low=1, high=100, required=True)
        field = {"type": kind, "id": number, "custom_id": custom_id}
        if kind == CHECKBOX:
            field["default"] = bool(form.flag("default"))
        else:
            field["required"] = form.flag("required") is not False
            _READERS[kind](form, field)
    if field["custom_id"] in seen:
        form.note("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
    seen.add(str(field["custom_id"]))
    return field


def _text_input(form: Form, field: dict[str, Any]) -> None:
    field["style"] = form.choice("style", (1, 2), required=True)
    field["label"] = form.text("label", high=45)
    field["placeholder"] = form.text("placeholder", high=100)
    field["min_length"] = form.whole("min_length", low=0, high=4000)
    field["max_length"] = form.whole("max_length", low=1, high=4000)
    field["value"] = form.text("value", high=field["max_length"] or 4000)
    if (field["min_length"] or 0) > (field["max_length"] or 4000):
        form.note("min_length", "TEXT_INPUT_MIN_GREATER_THAN_MAX", "min_length exceeds max_length")


def _radio(form: Form, field: dict[str, Any]) -> None:
    field["options"] = check_options(form, low=2, high=10, emoji=False)
    if sum(1 for option in field["options"] if option["default"]) > 1:
        form.note("options", "RADIO_GROUP_TOO_MANY_DEFAULTS", "Only one option can be the default")


def _checkboxes(form: Form, field: dict[str, Any]) -> None:
    field["options"] = check_options(form, low=1, high=10, emoji=False)
    _counts(form, field, len(field["options"]))


def _upload(form: Form, field: dict[str, Any]) -> None:
    _counts(form, field, 1)


def _counts(form: Form, field: dict[str, Any], most: int) -> None:
    low = form.whole("min_values", low=0, high=10)
    high = form.whole("max_values", low=1, high=10)
    field["min_values"] = low if low is not None else int(field["required"])
    field["max_values"] = high if high is not None else max(1, most)
    if field["min_values"] > field["max_values"]:
        form.note("min_values", "COMPONENT_MIN_VALUES_GREATER_THAN_MAX", "min_values exceeds max_values")


_READERS = {TEXT_INPUT: _text_input, RADIO: _radio, CHECKBOXES: _checkboxes, FILE_UPLOAD: _upload}
