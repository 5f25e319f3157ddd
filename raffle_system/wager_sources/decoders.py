"""One small decoder per casino, with what its amounts mean.

Sources that take only whole days or months (Rainbet, Packdraw, Gamdom) are read from a fixed first day on, which makes
their amounts lifetime amounts: a raffle need not begin at a midnight of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from raffle_system.wager_sources.rows import FeedTrouble, RawRow

FIRST_DAY = "2020-01-01"
_NO_REFEREES = "REFEREES_NOT_FOUND"
_HIDDEN = "-1"


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a period that a windowed source is asked for; `end` lies in the past."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Asking:
    """What is added to the configured address."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WagerSource:
    """A kind of feed.

    `windowed`: amounts are those of the asked span, so a period starts at zero; else they are lifetime amounts, so a
    period starts at what was known at its beginning. `stable_id`: rows carry an id that survives a rename.
    `weighted`: the amounts are weighted by the games' edge where the casino offers no others. `least_interval`:
    seconds between two requests that the source allows. `divisor`: units to the dollar.
    """

    kind: str
    casino: str
    windowed: bool
    stable_id: bool
    least_interval: int
    ask: Callable[[Span, str], Asking]
    rows: Callable[[Any], Sequence[Any]]
    read: Callable[[Mapping[str, Any]], RawRow | None]
    weighted: bool = False
    divisor: int = 1
    lag: timedelta = timedelta(seconds=15)


def _refused(answer: Mapping[str, Any]) -> FeedTrouble:
    message = str(answer.get("message") or answer.get("error") or answer.get("statusCode") or "")[:80]
    if "TOO_MANY_REQUEST" in message.upper():
        return FeedTrouble("too_many")
    if _NO_REFEREES in message.upper():
        return FeedTrouble("empty")
    return FeedTrouble("error_object", message) if message else FeedTrouble("not_rows")


def _plain_list(answer: Any) -> Sequence[Any]:
    """The answer itself is the list; any object is an error, also with status 200."""
    if isinstance(answer, list):
        return answer
    raise _refused(answer) if isinstance(answer, Mapping) else FeedTrouble("not_rows")


def _list_under(name: str) -> Callable[[Any], Sequence[Any]]:
    def rows(answer: Any) -> Sequence[Any]:
        if not isinstance(answer, Mapping):
            raise FeedTrouble("not_rows")
        found = answer.get(name)
        if answer.get("success") is False or not isinstance(found, list):
            raise _refused(answer)
        return found

    return rows


def _nothing(_span: Span, _key: str) -> Asking:
    return Asking()


def _unix(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp()) * 1000)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _shuffle(row: Mapping[str, Any]) -> RawRow:
    """A row without the field has no code; one whose code is null came under none of the streamer's."""
    code = "" if "campaignCode" in row and row["campaignCode"] is None else row.get("campaignCode")
    return RawRow(row["username"], row["wagerAmount"], code=code)


def _howl(row: Mapping[str, Any]) -> RawRow:
    return RawRow(row["name"], row["wageredUSD"], row["userId"])


def _roobet(row: Mapping[str, Any]) -> RawRow:
    return RawRow(row["username"], row["wagered"], row["uid"])


def _rainbet(row: Mapping[str, Any]) -> RawRow:
    return RawRow(row["username"], row["wagered_amount"], row["id"])


def _packdraw(row: Mapping[str, Any]) -> RawRow:
    return RawRow(row["username"], row["wagerAmount"])


def _csgobig(row: Mapping[str, Any]) -> RawRow:
    return RawRow(row["name"], row["wagerTotal"], row["id"])


def _gamdom(row: Mapping[str, Any]) -> RawRow | None:
    """Months summed; all hidden members share one id and cannot be told apart."""
    if str(row["user_id"]).strip() == _HIDDEN:
        return None
    months = [month["total_wager_usd"] for month in row["wager_data"]]
    if any(isinstance(amount, bool | str | None) for amount in months):
        raise ValueError("not a number")
    return RawRow(row["username"], sum(months), row["user_id"])


_KINDS = (
    WagerSource(
        kind="shuffle_stats", casino="shuffle", windowed=False, stable_id=False, least_interval=10,
        ask=_nothing, rows=_plain_list, read=_shuffle,
    ),
    WagerSource(
        kind="shuffle_window", casino="shuffle", windowed=True, stable_id=False, least_interval=10,
        ask=lambda span, _key: Asking({"startTime": _unix(span.start), "endTime": _unix(span.end)}),
        rows=_plain_list, read=_shuffle,
    ),
    WagerSource(
        kind="shuffle_wager", casino="shuffle", windowed=False, stable_id=False, least_interval=10,
        ask=_nothing, rows=_plain_list, read=_shuffle,
    ),
    WagerSource(
        kind="howl", casino="howl", windowed=True, stable_id=True, least_interval=60,
        ask=lambda span, key: Asking(
            {"from": _iso(span.start), "to": _iso(span.end), "limit": "10000"}, {"Authorization": key}
        ),
        rows=_list_under("data"), read=_howl,
    ),
    WagerSource(
        kind="roobet", casino="roobet", windowed=True, stable_id=True, least_interval=60,
        ask=lambda span, key: Asking(
            {"startDate": _iso(span.start), "endDate": _iso(span.end)}, {"Authorization": f"Bearer {key}"}
        ),
        rows=_plain_list, read=_roobet,
    ),
    WagerSource(
        kind="rainbet", casino="rainbet", windowed=False, stable_id=True, least_interval=60,
        ask=lambda span, key: Asking(
            {"start_at": FIRST_DAY, "end_at": f"{span.end + timedelta(days=1):%Y-%m-%d}", "key": key}
        ),
        rows=_list_under("affiliates"), read=_rainbet,
    ),
    WagerSource(
        kind="gamdom", casino="gamdom", windowed=False, stable_id=True, least_interval=60,
        ask=lambda _span, key: Asking({"apikey": key, "after": FIRST_DAY}), rows=_list_under("data"), read=_gamdom,
    ),
    WagerSource(
        kind="packdraw", casino="packdraw", windowed=False, stable_id=False, least_interval=60,
        ask=lambda _span, key: Asking({"after": FIRST_DAY, "apiKey": key}),
        rows=_list_under("leaderboard"), read=_packdraw,
    ),
    WagerSource(
        kind="csgobig", casino="csgobig", windowed=True, stable_id=True, least_interval=900,
        ask=lambda span, _key: Asking({"from": _milliseconds(span.start), "to": _milliseconds(span.end)}),
        rows=_list_under("results"), read=_csgobig,
    ),
)  # fmt: skip

SOURCES: Mapping[str, WagerSource] = {source.kind: source for source in _KINDS}
CASINOS: tuple[str, ...] = tuple(dict.fromkeys(source.casino for source in _KINDS))
