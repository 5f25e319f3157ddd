"""Filling in what a person chooses: select menus, and all the fields of a modal."""

from __future__ import annotations

from typing import Any

from .check_components import walk
from .check_modal import CHECKBOX, CHECKBOXES, FILE_UPLOAD, LABEL, RADIO, ROW, TEXT_INPUT
from .errors import RefusedError
from .resolve import Resolved
from .selects import (
    CHANNEL_SELECT,
    MENTIONABLE_SELECT,
    ROLE_SELECT,
    SELECTS,
    STRING_SELECT,
    USER_SELECT,
)


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def choose(component: dict[str, Any], values: list[Any], resolved: Resolved) -> list[str]:
    """The values of a select menu or group, within its limits."""
    kind = component["type"]
    shown = component.get("placeholder") or component["custom_id"]
    optional = component.get("required") is False
    low, high = component.get("min_values", 1), component.get("max_values", 1)
    if not (low <= len(values) <= high or (optional and not values)):
        raise RefusedError(f"{shown!r} takes {low} to {high} choices, not {len(values)}")
    if kind in (STRING_SELECT, CHECKBOXES):
        return [option_value(component, value) for value in values]
    if kind == CHANNEL_SELECT:
        return [resolved.add_channel(value, component.get("channel_types")) for value in values]
    adders = {
        USER_SELECT: resolved.add_user,
        ROLE_SELECT: resolved.add_role,
        MENTIONABLE_SELECT: resolved.add_mentionable,
        FILE_UPLOAD: resolved.add_file,
    }
    return [adders[kind](value) for value in values]


def option_value(component: dict[str, Any], wanted: Any) -> str:
    for option in component["options"]:
        if str(wanted) in (option["value"], option["label"]):
            return str(option["value"])
    listed = ", ".join(option["label"] for option in component["options"])
    raise RefusedError(f"there is no choice {wanted!r}; there are: {listed}")


def submit(modal: dict[str, Any], values: dict[str, Any], resolved: Resolved) -> list[dict[str, Any]]:
    """The `components` of a modal submit: `values` by label or custom_id, defaults for the rest."""
    names = [name for one in _fields(modal) for name in (one[0], one[1]["custom_id"])]
    unknown = [name for name in values if name not in names]
    if unknown:
        listed = ", ".join(repr(label) for label, _ in _fields(modal))
        raise RefusedError(f"the form {modal['title']!r} has no field {unknown[0]!r}; it has {listed}")
    return [_component(one, values, resolved) for one in modal["components"]]


def _fields(modal: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(label, field) of every field of a modal."""
    found = []
    for top in modal["components"]:
        for one in walk([top]):
            if "custom_id" in one:
                found.append((str(top.get("label") or one.get("label")), one))
    return found


def _component(top: dict[str, Any], values: dict[str, Any], resolved: Resolved) -> dict[str, Any]:
    if top["type"] == LABEL:
        field = _field(top["component"], top["label"], values, resolved)
        return {"type": LABEL, "id": top["id"], "component": field}
    if top["type"] == ROW:
        inner = [_field(one, one["label"], values, resolved) for one in top["components"]]
        return {"type": ROW, "id": top["id"], "components": inner}
    return {"type": top["type"], "id": top["id"]}


def _field(field: dict[str, Any], label: str, values: dict[str, Any], resolved: Resolved) -> dict[str, Any]:
    given = values.get(label, values.get(field["custom_id"]))
    body = {"type": field["type"], "id": field["id"], "custom_id": field["custom_id"]}
    if field["type"] == TEXT_INPUT:
        return {**body, "value": _text(field, label, given)}
    if field["type"] == CHECKBOX:
        return {**body, "value": bool(field["default"] if given is None else given)}
    if field["type"] == RADIO:
        return {**body, "value": _radio(field, label, given)}
    chosen = as_list(given) if given is not None else _defaults(field)
    if field.get("required") and not chosen:
        raise RefusedError(f"the field {label!r} must be filled in")
    return {**body, "values": choose(field, chosen, resolved)}


def _defaults(field: dict[str, Any]) -> list[Any]:
    if field["type"] in (STRING_SELECT, CHECKBOXES):
        return [option["value"] for option in field["options"] if option["default"]]
    if field["type"] in SELECTS:
        return [one["id"] for one in field.get("default_values", [])]
    return []


def _text(field: dict[str, Any], label: str, given: Any) -> str:
    text = str(field.get("value") or "") if given is None else str(given)
    if not text and not field["required"]:
        return text
    low, high = field.get("min_length") or 0, field.get("max_length") or 4000
    if not max(low, int(field["required"])) <= len(text) <= high:
        raise RefusedError(f"the field {label!r} takes {max(low, 1)} to {high} characters, not {len(text)}")
    return text


def _radio(field: dict[str, Any], label: str, given: Any) -> str | None:
    if given is not None:
        return option_value(field, given)
    default = next((option["value"] for option in field["options"] if option["default"]), None)
    if default is None and field["required"]:
        raise RefusedError(f"the field {label!r} must be filled in")
    return default
