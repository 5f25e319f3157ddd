"""Who would be in a raffle's list now, and what that makes of everybody's rank, chance and the totals.

The draw asks here as every page does: what is shown is what the draw would do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass

from core.chances import Chances, counted_beside
from core.db import Connection
from core.guilds import GuildSettings
from raffle_system import entrants_store as store
from raffle_system import periods, prize_store
from raffle_system.models import SOURCES, Balance, Entering, Period, Standing, Stats

TOP, BREATH_EVERY = 10, 10_000
Present = Container[int] | None


@dataclass(frozen=True, kw_only=True)
class Band:
    """Members whose balances lie between `smallest` and `largest`."""

    smallest: int
    largest: int
    members: int
    tickets: int


async def entering(conn: Connection, settings: GuildSettings, period: Period, present: Present) -> Entering:
    """The rule for a period now: enough tickets, and still in the server where its members are known (`present`)."""
    minimum = settings.minimum_tickets_to_enter
    if present is None:
        return Entering(minimum=minimum)
    held, gone = await store.holders(conn, period.id, minimum), list[int]()
    for start in range(0, len(held), BREATH_EVERY):
        gone += [who for who in held[start : start + BREATH_EVERY] if who not in present]
        await asyncio.sleep(0)
    return Entering(minimum=minimum, gone=gone)


async def undrawn(conn: Connection, settings: GuildSettings, present: Present) -> list[Period]:
    """Ended periods that wait for `raffle draw` and have somebody to draw, oldest first."""
    return [
        period
        for period in await periods.undrawn(conn, settings.guild_id)
        if (await stats(conn, period, await entering(conn, settings, period, present))).participants
    ]


async def balance_of(conn: Connection, period: Period, discord_id: int, rule: Entering) -> Balance:
    row = dict(await store.balance(conn, period.id, discord_id, rule))
    by_source = {source: row.pop(source) for source in SOURCES}
    return Balance(discord_id=discord_id, by_source=by_source, **row)


async def leaderboard(conn: Connection, period: Period, limit: int, rule: Entering) -> list[Standing]:
    return [Standing(**row) for row in await store.leaderboard(conn, period.id, limit, rule)]


async def stats(conn: Connection, period: Period, rule: Entering) -> Stats:
    row = await store.totals(conn, period.id, rule)
    by_source = {source: int(row[source]) for source in SOURCES}
    return Stats(participants=row["participants"], total=int(row["total"]), by_source=by_source)


async def chances(conn: Connection, period: Period, rule: Entering) -> Chances:
    """Everybody's chance of any of the period's prizes."""
    winners = max(1, len(await prize_store.prizes(conn, period.id)))
    if winners == 1:
        return Chances({(await store.totals(conn, period.id, rule))["total"]: 1}, 1)
    return await counted_beside(await store.counted(conn, period.id, rule), winners)


async def odds(conn: Connection, period: Period, rule: Entering) -> list[Band]:
    """How the tickets are spread, largest balances first."""
    return [
        Band(smallest=row["smallest"], largest=row["largest"], members=row["members"], tickets=int(row["tickets"]))
        for row in await store.bands(conn, period.id, rule)
    ]


async def missing_to_top(conn: Connection, period: Period, own: int, rule: Entering) -> int | None:
    """Tickets that put a member into the top 10; None for who is in it."""
    last = await store.total_at_rank(conn, period.id, TOP, rule)
    return None if last is None or own >= last else last - own
