"""Values from outside into values one can trust; what does not fit becomes None, nothing raises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]

_MAX_ID = 2**63 - 1
_MAX_GIFT = 10_000
_EMPTY: JsonObject = {}


def clean(text: str) -> str:
    """`text` without what PostgreSQL or UTF-8 refuse: NUL, and surrogates without a partner."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "") if "\0" in text else text


def text(value: object, limit: int = 4000) -> str:
    """A string (at most `limit` characters) or the digits of an integer; "" for anything else."""
    if isinstance(value, str):
        return clean(value if len(value) <= limit else value[:limit])
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_ID:
        return str(value)
    return ""


def whole(value: object, limit: int = _MAX_ID) -> int | None:
    """A whole number from 0 to `limit`, also from decimal digits or an integral float."""
    if isinstance(value, str):
        value = int(value) if len(value) <= 19 and value.isascii() and value.isdigit() else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= limit else None


def quantity(value: object) -> int | None:
    """A number of gifts, 1 to 10,000; more is no gift that Kick sells."""
    return whole(value, _MAX_GIFT) or None


def mapping(value: object) -> JsonObject:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else _EMPTY


def items(value: object) -> list[Any]:
    """`value` if it is a JSON array, else an empty one; no more than 10,000 items."""
    return value[:_MAX_GIFT] if isinstance(value, list) else []


def parse(raw: str | bytes) -> object:
    """The JSON value in `raw`; ValueError for anything that is none, however broken, deep or large."""
    try:
        return json.loads(raw)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
