"""How well the raffle does: participation, sources, growth, adoption, gifts, projection, and how tickets are spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.db import Connection, Row
from core.guilds import GuildSettings
from raffle_system import month_store, periods
from raffle_system.models import SOURCES, Period

MONTHS = 6
TOP = 10


@dataclass(frozen=True, kw_only=True)
class Month:
    """A period's tickets by source, for the chart."""

    number: int
    start_date: datetime
    by_source: dict[str, int]
    total: int
    running: bool


@dataclass(frozen=True, kw_only=True)
class Success:
    """The plan's success metrics. Shares are (part, whole); `growth` is in per cent, None without a month before."""

    participation: tuple[int, int]
    adoption: tuple[int, int]
    growth: float | None
    gifted: int
    gifts_per_member: float
    projection: int
    months: Sequence[Month]


@dataclass(frozen=True, kw_only=True)
class Band:
    """Members whose balances lie between `smallest` and `largest`."""

    smallest: int
    largest: int
    members: int
    tickets: int


def projected(total: int, period: Period, now: datetime) -> int:
    """Tickets at the period's end if it goes on as so far."""
    passed = (now - period.start_date) / (period.end_date - period.start_date)
    return round(total / min(max(passed, 0.001), 1)) if total else 0


def growth(before: int, now: int) -> float | None:
    """Change from the last month's tickets in per cent; None where there were none.

    >>> growth(200, 250)
    25.0
    """
    return None if before <= 0 else (now - before) * 100 / before


async def success(conn: Connection, settings: GuildSettings, now: datetime) -> Success:
    period = await periods.active(conn, settings.guild_id)
    months = [_month(row) for row in await month_store.months(conn, settings.guild_id, MONTHS)]
    row = await month_store.engagement(conn, settings.guild_id, period.id)
    total = months[-1].total
    projection = projected(total, period, now)
    before = months[-2].total if len(months) > 1 else 0
    return Success(
        participation=(row["earning"], row["linked"]), adoption=(row["adopted"], row["linked"]),
        growth=growth(before, projection), gifted=int(row["gifted"]),
        gifts_per_member=int(row["gifted"]) / row["linked"] if row["linked"] else 0.0, projection=projection,
        months=months,
    )  # fmt: skip


def _month(row: Row) -> Month:
    return Month(
        number=row["number"], start_date=row["start_date"], total=int(row["total"]),
        by_source={source: int(row[source]) for source in SOURCES if source in row}, running=row["status"] == "active",
    )  # fmt: skip


async def odds(conn: Connection, period: Period) -> list[Band]:
    """How the tickets are spread, largest balances first."""
    return [
        Band(smallest=row["smallest"], largest=row["largest"], members=row["members"], tickets=int(row["tickets"]))
        for row in await month_store.bands(conn, period.id)
    ]


async def missing_to_top(conn: Connection, period: Period, own: int) -> int | None:
    """Tickets that put a member into the top 10; None for who is in it."""
    last = await month_store.total_at_rank(conn, period.id, TOP)
    return None if last is None or own >= last else last - own
