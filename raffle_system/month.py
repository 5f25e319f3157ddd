"""When periods end: pure rules of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def boundary(year: int, month: int, zone: ZoneInfo, day: int, hour: int) -> datetime:
    """The moment, in UTC, at which a month's raffle starts. Months beyond 1..12 carry into the year.

    Where the clocks skip that hour, the first moment after the gap; where they repeat it, the first of the two.
    """
    carried, index = divmod(month - 1, 12)
    wall = datetime(year + carried, index + 1, day, hour, tzinfo=zone)
    return wall.astimezone(UTC)


def next_boundary(after: datetime, zone: ZoneInfo, day: int = 1, hour: int = 0) -> datetime:
    """The first boundary later than `after`."""
    local = after.astimezone(zone)
    candidates = (boundary(local.year, local.month + step, zone, day, hour) for step in range(-1, 3))
    return min(moment for moment in candidates if moment > after)


def current_boundary(now: datetime, zone: ZoneInfo, day: int = 1, hour: int = 0) -> datetime:
    """The latest boundary at or before `now`."""
    local = now.astimezone(zone)
    candidates = (boundary(local.year, local.month + step, zone, day, hour) for step in range(-2, 2))
    return max(moment for moment in candidates if moment <= now)


def title_of(start: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Year and month that a period is named after: those in which most of its first week lies."""
    local = (start + timedelta(days=3)).astimezone(zone)
    return local.year, local.month
