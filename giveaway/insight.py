"""Statistics: of a guild, of a member, the entities leaderboard, entries over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.chances import chance_to_win
from core.clock import Clock
from core.db import Connection
from giveaway import entities, entry_store
from giveaway import insight_store as store
from giveaway.models import Giveaway

LEADERBOARD_DAYS, LEADERBOARD_LIMIT, CHART_POINTS = 90, 10, 60
_STEPS = (10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400)


@dataclass(frozen=True, kw_only=True)
class GuildStats:
    giveaways: int
    running: int
    ended: int
    cancelled: int
    entries: int
    winners: int
    members: int


@dataclass(frozen=True, kw_only=True)
class MemberStats:
    """`drawn` of the giveaways that were entered; `expected` prizes by the member's own chances in those."""

    entered: int
    drawn: int
    won: int
    expected: float


@dataclass(frozen=True, kw_only=True)
class PointsRank:
    rank: int
    user_id: int
    points: int
    entered: int
    tier: str


async def of_guild(conn: Connection, guild_id: int) -> GuildStats:
    return GuildStats(**await store.guild(conn, guild_id))


async def of_member(conn: Connection, guild_id: int, user_id: int) -> MemberStats:
    """Entered, won, and how many prizes chance alone would have given."""
    rows = await store.drawn_entries(conn, guild_id, user_id)
    expected = sum(chance_to_win(r["tickets"], r["total"], r["winners"], r["rate"]) for r in rows)
    return MemberStats(**await store.member(conn, guild_id, user_id), expected=expected)


async def entities_leaderboard(
    conn: Connection, clock: Clock, guild_id: int, tiers: list[tuple[str, int]]
) -> list[PointsRank]:
    """Members by the most points that they took into a giveaway in the last 90 days; equals share a rank."""
    since = clock.now() - timedelta(days=LEADERBOARD_DAYS)
    rows = await store.most_points(conn, guild_id, since, LEADERBOARD_LIMIT)
    return [
        PointsRank(
            rank=1 + sum(other["points"] > row["points"] for other in rows), user_id=row["user_id"],
            points=row["points"], entered=row["entered"], tier=entities.tier_of(row["points"], tiers),
        )
        for row in rows
    ]  # fmt: skip


async def entries_over_time(conn: Connection, clock: Clock, giveaway: Giveaway) -> list[tuple[datetime, int]]:
    """(moment, entrants by then), cumulative, at most about 60 points; who left is not counted."""
    start = giveaway.started_at or giveaway.start_time
    span = ((giveaway.ended_at or clock.now()) - start).total_seconds()
    seconds = next((step for step in _STEPS if span / step <= CHART_POINTS), _STEPS[-1])
    series, total = [(start, 0)], 0
    for row in await entry_store.over_time(conn, giveaway.giveaway_id, seconds):
        total += row["entries"]
        series.append((row["at"] + timedelta(seconds=seconds), total))
    return series
