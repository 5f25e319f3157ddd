"""When a giveaway that comes back comes next."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def next_start(first: datetime, recurrence: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The first start after `now` of a series that began at `first`: at the same local time every day, week or month.

    Starts that were slept through are left out. A month that lacks the day has it on its last day.
    """
    count = 1
    while (moment := _start(first, recurrence, zone, count)) <= now:
        count += _steps_to(moment, recurrence, now)
    return moment


def _steps_to(moment: datetime, recurrence: str, now: datetime) -> int:
    days = {"daily": 1, "weekly": 7, "monthly": 31}[recurrence]
    return max((now - moment).days // days, 1)


def _start(first: datetime, recurrence: str, zone: ZoneInfo, count: int) -> datetime:
    here = first.astimezone(zone)
    if recurrence == "monthly":
        months = here.year * 12 + here.month - 1 + count
        year, month = divmod(months, 12)
        day = min(here.day, monthrange(year, month + 1)[1])
        return here.replace(year=year, month=month + 1, day=day).astimezone(UTC)
    return (here + timedelta(days=count * (7 if recurrence == "weekly" else 1))).astimezone(UTC)
