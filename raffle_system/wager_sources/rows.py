"""Rows of a feed: what may count as a name and as an amount, and how rows of one account become one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, InvalidOperation, localcontext
from typing import Any

log = logging.getLogger(__name__)

LARGEST_AMOUNT = Decimal(10) ** 11
LONGEST_NAME = 100
_SCALE = Decimal("0.00000001")
_LOGGED = 200


class FeedTrouble(Exception):
    """An answer that is no list of rows. `reason` completes the text key `wagers.trouble_...`; never has the address.

    `retry_after` are the seconds that the source asked us to wait, if it did.
    """

    def __init__(self, reason: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class WagerRow:
    """What one account has wagered, in USD. `account` is the source's stable id, else the case-folded name."""

    account: str
    name_key: str
    username: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """All accounts of an answer, each once; `bad` rows could not be read and lost only themselves."""

    rows: tuple[WagerRow, ...]
    bad: int


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as its decoder found it, before anything was checked."""

    name: object
    amount: object
    account: object = None
    code: object = None


def name_key(name: str) -> str:
    """How casino names compare: case-folded, without surrounding space."""
    return name.strip().casefold()


def parse_json(body: bytes) -> Any:
    """Errors: `FeedTrouble("not_json")` for HTML and everything else that is not JSON."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise FeedTrouble("not_json") from None


def amount_of(value: object, divisor: int = 1) -> Decimal:
    """An amount in USD with 8 decimals, rounded down. Errors: ValueError unless 0 <= amount <= 10^11."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("not a number")
    try:
        amount = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_AMOUNT * divisor:
        raise ValueError("out of range")
    with localcontext() as context:
        context.prec = 60
        return (amount / divisor).quantize(_SCALE, rounding=ROUND_DOWN)


def username_of(value: object) -> str:
    """A name that the database can hold. Errors: ValueError."""
    if not isinstance(value, str):
        raise ValueError("no name")
    name = value.strip()
    if not 1 <= len(name) <= LONGEST_NAME or "\x00" in name or not name_key(name):
        raise ValueError("no name")
    name.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
    return name


def _account_of(raw: RawRow, key: str) -> str:
    if raw.account is None:
        return key
    if isinstance(raw.account, bool) or not isinstance(raw.account, str | int):
        raise ValueError("no id")
    account = str(raw.account).strip()
    if not 1 <= len(account) <= LONGEST_NAME or "\x00" in account:
        raise ValueError("no id")
    account.encode()
    return f"id:{account}"


def collect(
    items: Sequence[Any], read: Callable[[Mapping[str, Any]], RawRow | None], codes: Collection[str] = (),
    divisor: int = 1,
) -> Answer:  # fmt: skip
    """Read all rows; several of one account are summed. `codes` are the campaign codes that count, all when empty."""
    wanted = {code.casefold() for code in codes}
    found: dict[str, WagerRow] = {}
    bad = 0
    for item in items:
        try:
            row = _row(item, read, wanted, divisor)
        except (ValueError, KeyError, TypeError) as error:
            bad += 1
            log.warning("wager_row_unreadable", extra={"error": repr(error), "row": repr(item)[:_LOGGED]})
            continue
        if row is not None:
            known = found.get(row.account)
            found[row.account] = row if known is None else _sum(known, row)
    return Answer(tuple(found.values()), bad)


def _row(
    item: Any, read: Callable[[Mapping[str, Any]], RawRow | None], wanted: Collection[str], divisor: int
) -> WagerRow | None:
    if not isinstance(item, Mapping):
        raise TypeError("not an object")
    raw = read(item)
    if raw is None:
        return None
    if wanted and raw.code is not None and str(raw.code).strip().casefold() not in wanted:
        return None
    username = username_of(raw.name)
    key = name_key(username)
    return WagerRow(_account_of(raw, key), key, username, amount_of(raw.amount, divisor))


def _sum(first: WagerRow, second: WagerRow) -> WagerRow:
    total = first.amount + second.amount
    return WagerRow(first.account, first.name_key, first.username, min(total, LARGEST_AMOUNT))
