"""Dates from outside: a valid date is no moment yet. One that nothing can have happened at is "unknown"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SERVICE_BEGAN = datetime(2022, 1, 1, tzinfo=UTC)
"""Before Kick and the bot; what shows an earlier date shows a zero or a mistake."""
AHEAD = timedelta(days=1)
"""How far another's clock may be before ours."""

EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""What a database that holds more is read as, so that no sum with a date leaves the calendar."""
_MILLISECONDS_FROM = 100_000_000_000


def happened(when: datetime, now: datetime, since: datetime = SERVICE_BEGAN) -> bool:
    """Whether an aware date can be when something happened: not before `since`, not well after `now`."""
    return since <= when and when - AHEAD <= now


def read_moment(value: object, now: datetime, since: datetime = SERVICE_BEGAN) -> datetime | None:
    """An ISO 8601 text (UTC where it names no zone), or Unix seconds or milliseconds, as an aware moment in UTC.

    None for anything else, and for a date at which nothing can have `happened`.
    """
    try:
        found = _date(value)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found is not None and happened(found, now, since) else None


def _date(value: object) -> datetime | None:
    if isinstance(value, str):
        parsed = datetime.fromisoformat(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)


def clamped(microseconds: int) -> datetime:
    """A stored moment, in microseconds since 2000, within `EARLIEST` and `LATEST`; infinities are such, too."""
    return _Y2K + timedelta(microseconds=min(max(microseconds, _FIRST), _LAST))


def stored_in_json(text: str) -> datetime:
    """A moment as PostgreSQL writes it into JSON; what Python's calendar does not have is read as by `clamped`."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return EARLIEST if text.startswith("-") or text.endswith("BC") else LATEST


def microseconds_of(when: datetime) -> int:
    """An aware moment as `clamped` reads it. Errors: TypeError for a naive one."""
    return (when - _Y2K) // _MICROSECOND


_Y2K = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = microseconds_of(EARLIEST), microseconds_of(LATEST)
