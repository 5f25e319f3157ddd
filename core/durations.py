"""Spans and moments as people type them: `1d 12h`, `90m`, `يومين`, `2026-12-24 20:00`."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.errors import UserError

SHORTEST, LONGEST = timedelta(seconds=60), timedelta(days=365)
_LONGEST_TEXT = 64

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800
_MONTH, _YEAR = 30 * _DAY, 365 * _DAY
_UNITS = {
    1: "s sec secs second seconds ث ثانيه ثواني ثوان",
    _MINUTE: "m min mins minute minutes د دقيقه دقائق دقايق",
    _HOUR: "h hr hrs hour hours س ساعه ساعات",
    _DAY: "d day days ي يوم يوما ايام",
    _WEEK: "w wk week weeks اسبوع اسبوعا اسابيع",
    _MONTH: "mo month months شهر شهرا اشهر شهور",
    _YEAR: "y yr year years سنه سنوات سنين عام عاما اعوام",
}
_SECONDS = {name: seconds for seconds, names in _UNITS.items() for name in names.split()}
_ALONE = {
    "ثانيه": 1, "دقيقه": _MINUTE, "ساعه": _HOUR, "يوم": _DAY, "اسبوع": _WEEK, "شهر": _MONTH, "سنه": _YEAR, "عام": _YEAR,
    "ثانيتين": 2, "ثانيتان": 2, "دقيقتين": 2 * _MINUTE, "دقيقتان": 2 * _MINUTE, "ساعتين": 2 * _HOUR,
    "ساعتان": 2 * _HOUR, "يومين": 2 * _DAY, "يومان": 2 * _DAY, "اسبوعين": 2 * _WEEK, "اسبوعان": 2 * _WEEK,
    "شهرين": 2 * _MONTH, "شهران": 2 * _MONTH, "سنتين": 2 * _YEAR, "سنتان": 2 * _YEAR, "عامين": 2 * _YEAR,
}  # fmt: skip
_AND = re.compile(r"[,،+]|\band\b|(?<!\S)و(?=[\d\s])")
_PART = re.compile(r"\s*(?:([0-9]+(?:\.[0-9]+)?)\s*([^\W\d_]+)|([^\W\d_]+))\s*")
_BARE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ى": "ي", "ـ": None, "٫": "."})
_MOMENT = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ t]+(\d{1,2}):(\d{2}))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def plain(text: str) -> str:
    """Lower case, ASCII digits, Arabic letters without their variants and marks, single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    shown = (c for c in folded if unicodedata.category(c) not in ("Mn", "Cf"))
    digits = (str(unicodedata.decimal(c)) if c.isdecimal() else c for c in shown)
    return " ".join("".join(digits).split())


def parse_duration(text: str) -> timedelta:
    """The span that a person typed; a bare number is minutes.

    Errors: `duration.empty`, `duration.unreadable`, `duration.too_short` (under 60 s), `duration.too_long` (over 1
    year).
    """
    wanted = plain(text)
    if not wanted:
        raise UserError("duration.empty")
    if len(wanted) > _LONGEST_TEXT:
        raise UserError("duration.unreadable", text=f"{wanted[:_LONGEST_TEXT]}…")
    return _bounded(_seconds(wanted))


def _seconds(wanted: str) -> Decimal:
    if _BARE.fullmatch(wanted):
        return Decimal(wanted) * _MINUTE
    parts, total, at = _AND.sub(" ", wanted).strip(), Decimal(0), 0
    while at < len(parts):
        found = _PART.match(parts, at)
        if found is None:
            raise UserError("duration.unreadable", text=wanted)
        total += _part(found, wanted)
        at = found.end()
    return total


def _part(found: re.Match[str], wanted: str) -> Decimal:
    number, unit, alone = found.groups()
    seconds = _SECONDS.get(unit) if number else _ALONE.get(alone.removeprefix("و"), _ALONE.get(alone))
    if seconds is None:
        raise UserError("duration.unreadable", text=wanted)
    return Decimal(number or 1) * seconds


def _bounded(seconds: Decimal) -> timedelta:
    if seconds < int(SHORTEST.total_seconds()):
        raise UserError("duration.too_short")
    if seconds > int(LONGEST.total_seconds()):
        raise UserError("duration.too_long")
    return timedelta(seconds=int(seconds))


def is_moment(text: str) -> bool:
    """Whether the text has the form of a date or a time of day rather than of a span."""
    return bool(_MOMENT.fullmatch(plain(text)) or _CLOCK.fullmatch(plain(text)))


def parse_moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """`2026-12-24 20:00`, `2026-12-24` (its midnight) or `20:00` (the next one) in the zone, as UTC.

    Errors: `moment.unreadable`, `moment.past`, `moment.too_far` (over 1 year).
    """
    wanted = plain(text)
    try:
        moment = _read_moment(wanted, zone, now)
    except (ValueError, OverflowError) as error:
        raise UserError("moment.unreadable", text=wanted[:_LONGEST_TEXT]) from error
    if moment <= now:
        raise UserError("moment.past")
    if moment - now > LONGEST:
        raise UserError("moment.too_far")
    return moment


def _read_moment(wanted: str, zone: ZoneInfo, now: datetime) -> datetime:
    if clock := _CLOCK.fullmatch(wanted):
        here = now.astimezone(zone)
        hour, minute = map(int, clock.groups())
        today = here.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
        later = today if today.astimezone(UTC) > now else today + timedelta(days=1)
        return later.astimezone(UTC)
    found = _MOMENT.fullmatch(wanted)
    if found is None:
        raise ValueError(wanted)
    year, month, day, hour, minute = (int(part or 0) for part in found.groups())
    return datetime(year, month, day, hour, minute, tzinfo=zone).astimezone(UTC)


def parse_end(text: str, zone: ZoneInfo, start: datetime) -> datetime:
    """When something that begins at `start` ends: after a typed span or at a typed moment.

    Errors: as `parse_duration` and `parse_moment`; a moment less than 60 s away is `duration.too_short`.
    """
    if not is_moment(text):
        return start + parse_duration(text)
    end = parse_moment(text, zone, start)
    if end - start < SHORTEST:
        raise UserError("duration.too_short")
    return end
