"""How well the raffle does: participation, sources, growth, adoption, gifts, and what it may come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.db import Connection, Row
from core.guilds import GuildSettings
from raffle_system import month_store
from raffle_system.models import SOURCES, Period, Stats

MONTHS = 6
# Before that little has happened: ten minutes of a month would be multiplied by four thousand.
LEAST_SHARE, LEAST_TIME = 0.1, timedelta(days=3)
MOST_GROWTH = 999.0


@dataclass(frozen=True, kw_only=True)
class Month:
    """A period's tickets by source, for the chart; `listed` are those of its draw's list."""

    number: int
    start_date: datetime
    counted: timedelta
    by_source: dict[str, int]
    total: int
    listed: int
    running: bool


@dataclass(frozen=True, kw_only=True)
class Success:
    """The plan's success metrics. Shares are (part, whole).

    `projection` is None before `projects_from`; `growth` is in per cent against the raffle before, within
    +-MOST_GROWTH, None where the two cannot be compared. `gifted` subs in all, `by_linked` members of them.
    """

    participation: tuple[int, int]
    adoption: tuple[int, int]
    growth: float | None
    gifted: int
    by_linked: int
    projection: int | None
    projects_from: datetime
    months: Sequence[Month]


def counted_from(period: Period) -> datetime:
    """Since when tickets were earned: a bot that came in mid-month opened the whole month."""
    return max(period.start_date, min(period.created_at, period.end_date))


def projects_from(period: Period) -> datetime:
    """The moment from which on a projection means something."""
    start = counted_from(period)
    length = period.end_date - start
    return start + max(length * LEAST_SHARE, min(LEAST_TIME, length / 2))


def projected(total: int, period: Period, now: datetime) -> int | None:
    """Tickets at the period's end if it goes on as so far; None before `projects_from`."""
    start = counted_from(period)
    if now < projects_from(period) or now <= start:
        return None
    passed = min(now, period.end_date) - start
    return round(total * ((period.end_date - start) / passed))


def growth(before: int, now: int) -> float | None:
    """Change from the tickets of the raffle before in per cent, within +-MOST_GROWTH; None where there were none.

    >>> growth(200, 250)
    25.0
    """
    return None if before <= 0 else max(-MOST_GROWTH, min(MOST_GROWTH, (now - before) * 100 / before))


async def success(
    conn: Connection, settings: GuildSettings, period: Period, stats: Stats, now: datetime
) -> Success:  # fmt: skip
    """Of the running period, whose list of now has these `stats`."""
    months = [_month(row) for row in await month_store.months(conn, settings.guild_id, MONTHS)]
    months = [_as_listed(month, stats) if month.number == period.number else month for month in months]
    row = await month_store.engagement(conn, settings.guild_id, period.id)
    projection = projected(stats.total, period, now)
    before = next((month for month in reversed(months) if month.number < period.number), None)
    return Success(
        participation=(row["earning"], row["linked"]), adoption=(row["adopted"], row["linked"]),
        growth=_growth(before, period, projection), gifted=int(row["gifted"]), by_linked=int(row["by_linked"]),
        projection=projection, projects_from=projects_from(period), months=months,
    )  # fmt: skip


def _growth(before: Month | None, period: Period, projection: int | None) -> float | None:
    """None, too, where the raffle before was open for less than half of the time."""
    if before is None or projection is None or before.counted * 2 < period.end_date - counted_from(period):
        return None
    return growth(before.listed, projection)


def _as_listed(month: Month, stats: Stats) -> Month:
    return replace(month, by_source=dict(stats.by_source), total=stats.total, listed=stats.total)


def _month(row: Row) -> Month:
    start = max(row["start_date"], min(row["created_at"], row["end_date"]))
    return Month(
        number=row["number"], start_date=row["start_date"], counted=row["end_date"] - start, total=int(row["total"]),
        listed=int(row["listed"]), by_source={source: int(row[source]) for source in SOURCES},
        running=row["status"] == "active",
    )  # fmt: skip
