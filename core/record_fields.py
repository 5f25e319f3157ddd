"""The shape of a draw's record: for each field a function that says what is wrong with a value, or None.

They take anything that JSON can hold and never raise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.fair_draw import EVENT_KINDS, MODES, PROTOCOL, Entrants, parse_utc

OWN_CHAIN = ("public_key", "genesis", "period")

_MAX_ID = (1 << 64) - 1
_MAX_NUMBER = (1 << 63) - 1

Fault = str | None
Shape = Callable[[object], Fault]


def _is_int(value: object, least: int, most: int = _MAX_NUMBER) -> bool:
    return type(value) is int and least <= value <= most


def _integer(least: int) -> Shape:
    return lambda value: None if _is_int(value, least) else f"a whole number of {least} or more is expected"


def _text(value: object) -> Fault:
    return None if isinstance(value, str) else "a text is expected"


def _pattern(pattern: str, what: str) -> Shape:
    return lambda v: None if isinstance(v, str) and re.fullmatch(pattern, v) else f"{what} is expected"


_hex_64 = _pattern("[0-9a-f]{64}", "64 lower-case hex digits")


def _id(value: object) -> Fault:
    good = isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,19}", value) and int(value) <= _MAX_ID
    return None if good else "an id, as a text of decimal digits, is expected"


def _time(value: object) -> Fault:
    try:
        parse_utc(value if isinstance(value, str) else "")
    except ValueError:
        return "a time as YYYY-MM-DDTHH:MM:SS[.ffffff]Z is expected"
    return None


def _choice(*allowed: object) -> Shape:
    expected = f"one of {', '.join(map(str, allowed))} is expected"
    return lambda v: None if any(type(v) is type(a) and v == a for a in allowed) else expected


def _object(shape: Mapping[str, Shape]) -> Shape:
    """An object with exactly these fields."""

    def fault(value: object) -> Fault:
        if not isinstance(value, dict) or value.keys() != shape.keys():
            return f"an object with {', '.join(shape)} and nothing else is expected"
        return next((f"{name}: {bad}" for name, check in shape.items() if (bad := check(value[name]))), None)

    return fault


def _list(item: Shape) -> Shape:
    def fault(value: object) -> Fault:
        if not isinstance(value, list):
            return "a list is expected"
        return next((f"number {i}: {bad}" for i, row in enumerate(value) if (bad := item(row))), None)

    return fault


def _entrant(row: object) -> Fault:
    good = isinstance(row, list) and len(row) == 2 and _id(row[0]) is None and _is_int(row[1], 1)
    return None if good else '["<id>", <tickets>] is expected'


def _entrants(value: object) -> Fault:
    if fault := _list(_entrant)(value):
        return fault
    try:
        read_entrants(value)
    except ValueError as error:
        return str(error)
    return None


def read_entrants(rows: Any) -> Entrants:
    """The `entrants` field, read; ValueError where the order or the size is wrong."""
    return Entrants([int(row[0]) for row in rows], [row[1] for row in rows])


def _beacon(value: object) -> Fault:
    if value is None:
        return None
    own = isinstance(value, dict) and not value.keys().isdisjoint(OWN_CHAIN)
    return _object(_BEACON | _BEACON_OWN if own else _BEACON)(value)


_BEACON: dict[str, Shape] = {
    "network": _text,
    "chain_hash": _hex_64,
    "round": _integer(1),
    "signature": _pattern("[0-9a-f]{96}", "96 lower-case hex digits"),
    "randomness": _hex_64,
}
_BEACON_OWN: dict[str, Shape] = {
    "public_key": _pattern("[0-9a-f]{192}", "192 lower-case hex digits"),
    "genesis": _integer(0),
    "period": _integer(1),
}
_EVENT: dict[str, Shape] = {
    "at": _time,
    "kind": _choice(*EVENT_KINDS),
    "position": _integer(0),
    "replaced_by": _integer(0),
    "by": _id,
    "reason": _text,
}
FIELDS: dict[str, Shape] = {
    "protocol": _choice(PROTOCOL),
    "draw_id": _pattern(
        "raffle/[1-9][0-9]{0,19}/[1-9][0-9]{0,18}|giveaway/[1-9][0-9]{0,18}",
        "raffle/<guild id>/<period> or giveaway/<id>",
    ),
    "title": _text,
    "prize": _text,
    "guild_id": _id,
    "mode": _choice(*MODES),
    "opened_at": _time,
    "frozen_at": _time,
    "drawn_at": _time,
    "commitment": _hex_64,
    "server_seed": _hex_64,
    "entrants": _entrants,
    "entrants_sha256": _hex_64,
    "total_tickets": _integer(0),
    "excluded": _list(_object({"id": _id, "reason": _text})),
    "beacon": _beacon,
    "seed": _hex_64,
    "winners": _integer(1),
    "picks": _list(_object({"id": _id, "ticket": _integer(1)})),
    "events": _list(_object(_EVENT)),
}
