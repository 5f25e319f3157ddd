"""Rows of a feed: what may count as a name and as an amount, and how rows of one account become one."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal, InvalidOperation, localcontext
from typing import Any

log = logging.getLogger(__name__)

LARGEST_AMOUNT = Decimal(10) ** 11
LONGEST_NAME = 100
_SCALE = Decimal("0.00000001")
_LOGGED, _SHOWN = 200, 40
_DOLLARS = frozenset({"USD", "USDT", "USDC", "$", ""})
_PLACEHOLDERS = frozenset({"hidden", "hidden user", "anonymous", "anon", "private", "private user", "unknown"})
# Amounts with separators that can be read in one way alone: 1,234.56 and 1.234,56, and 1,234,567. Not 1,234.
_ENGLISH = re.compile(r"\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}", re.ASCII)
_CONTINENTAL = re.compile(r"\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}", re.ASCII)


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
    """What one account has wagered, in USD. `account` is the source's stable id, else the case-folded name.

    `shared`: the name may stand for several accounts, and nothing else tells them apart.
    """

    account: str
    name_key: str
    username: str
    amount: Decimal
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """All accounts of an answer, each once; `bad` rows could not be read and lost only themselves.

    `example` is the first amount of such a row, as the source wrote it; empty where its amount was not the matter.
    """

    rows: tuple[WagerRow, ...]
    bad: int
    example: str = ""


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


def is_masked(key: str) -> bool:
    """Whether a name, as `name_key` gives it, stands for more people than one."""
    return "*" in key or key in _PLACEHOLDERS


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
        amount = Decimal(_plain(value.strip()) if isinstance(value, str) else value)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_AMOUNT * divisor:
        raise ValueError("out of range")
    with localcontext() as context:
        context.prec = 60
        return (amount / divisor).quantize(_SCALE, rounding=ROUND_DOWN)


def _plain(written: str) -> str:
    """A number without its separators, where these can mean one thing only."""
    bare = written.removeprefix("$").strip()
    if _ENGLISH.fullmatch(bare):
        return bare.replace(",", "")
    if _CONTINENTAL.fullmatch(bare):
        return bare.replace(".", "").replace(",", ".")
    return bare


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
    """Read all rows; several of one account are summed. `codes` are the campaign codes that count, all when empty.

    A name without an id that comes twice under one code is two accounts of one name.
    """
    wanted = {code.casefold() for code in codes}
    found: dict[str, WagerRow] = {}
    seen: set[tuple[str, str]] = set()
    bad, example = 0, ""
    for item in items:
        try:
            raw = _raw(item, read, wanted)
            row = None if raw is None else _row(raw, divisor)
        except _BadAmount as error:
            bad, example = bad + 1, example or str(error)
            continue
        except (ValueError, KeyError, TypeError) as error:
            bad += 1
            log.warning("wager_row_unreadable", extra={"error": repr(error), "row": repr(item)[:_LOGGED]})
            continue
        if raw is None or row is None:
            continue
        place = (row.account, _code(raw))
        twice = place in seen and raw.account is None
        seen.add(place)
        found[row.account] = _sum(found.get(row.account), replace(row, shared=row.shared or twice))
    return Answer(tuple(found.values()), bad, example)


class _BadAmount(ValueError):
    """A row whose amount is none; its text is the amount as it was written."""


def _code(raw: RawRow) -> str:
    return str(raw.code).strip().casefold()


def _raw(
    item: Any, read: Callable[[Mapping[str, Any]], RawRow | None], wanted: Collection[str]
) -> RawRow | None:  # fmt: skip
    if not isinstance(item, Mapping):
        raise TypeError("not an object")
    currency = item.get("currency")
    if currency is not None and str(currency).strip().upper() not in _DOLLARS:
        raise ValueError("not in dollars")
    raw = read(item)
    return None if raw is None or (wanted and raw.code is not None and _code(raw) not in wanted) else raw


def _row(raw: RawRow, divisor: int) -> WagerRow:
    username = username_of(raw.name)
    key = name_key(username)
    account = _account_of(raw, key)
    try:
        amount = amount_of(raw.amount, divisor)
    except ValueError as error:
        log.warning("wager_row_unreadable", extra={"error": repr(error), "row": repr(raw)[:_LOGGED]})
        raise _BadAmount(str(raw.amount)[:_SHOWN]) from None
    return WagerRow(account, key, username, amount, shared=raw.account is None and is_masked(key))


def _sum(first: WagerRow | None, second: WagerRow) -> WagerRow:
    if first is None:
        return second
    total = min(first.amount + second.amount, LARGEST_AMOUNT)
    return replace(first, amount=total, shared=first.shared or second.shared)
