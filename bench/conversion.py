"""The hourly conversion of 100,000 linked viewers, all of them due, and a minute of 20,000."""

from __future__ import annotations

from datetime import timedelta

from bench.support import FIRST_MEMBER, GUILD, NOW, Figure, Statements, database, fill, open_guild, settle
from core.clock import monotonic
from core.db import Database
from core.guilds import GuildSettings
from raffle_system import watchtime_converter
from raffle_system.chat_activity import Viewer
from raffle_system.models import Period
from raffle_system.tickets import audit_differences

VIEWERS, ACTIVE = 100_000, 20_000
RUNS = 3

LINKED = """
INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at)
SELECT :guild, CAST(:first AS bigint) + n, 'viewer' || n, 'viewer' || n, n, :now FROM generate_series(1, :count) n
"""
WATCHED = """
INSERT INTO watchtime (guild_id, kick_user_id, kick_name, name_key, minutes, last_minute, active_until)
SELECT :guild, n, 'viewer' || n, 'viewer' || n, 65, :now, :now FROM generate_series(1, :count) n
"""
IN_PERIOD = """
INSERT INTO watchtime_periods (guild_id, period_id, kick_user_id, minutes)
SELECT :guild, :period, n, 65 FROM generate_series(1, :count) n
"""


async def conversion() -> list[Figure]:
    """The first hour of a month (all balances new) and a later one (all balances there)."""
    async with database() as db:
        settings, period = await open_guild(db)
        await fill(db, LINKED, guild=GUILD, first=FIRST_MEMBER, count=VIEWERS, now=NOW)
        await fill(db, WATCHED, guild=GUILD, count=VIEWERS, now=NOW)
        await fill(db, IN_PERIOD, guild=GUILD, period=period.id, count=VIEWERS)
        await settle(db)
        first, statements = await _convert(db, settings, period)
        later = []
        for _ in range(RUNS):
            await fill(db, "UPDATE watchtime_periods SET minutes = minutes + 60")
            await settle(db)
            later.append((await _convert(db, settings, period))[0])
        few = await _statements_for_ten(db, settings, period)
        async with db.transaction() as conn:
            if await audit_differences(conn):
                raise RuntimeError("the balances are not the ledger's sums")
    return [
        Figure(name=f"conversion, {VIEWERS:,} viewers due, first of the month", figure=first, unit="s", limit=3),
        Figure(name=f"conversion, {VIEWERS:,} viewers due, later", figure=sorted(later)[1], unit="s", limit=3),
        Figure(name="conversion, statements beyond those for 10 viewers", figure=statements - few, unit="", limit=0.5),
    ]


async def _convert(db: Database, settings: GuildSettings, period: Period) -> tuple[float, int]:
    """(seconds until committed, statements)."""
    began = monotonic()
    async with db.transaction() as conn:
        statements = Statements(conn)
        paid = await watchtime_converter.convert(conn, settings, period, NOW)
    took = monotonic() - began
    if paid.members != VIEWERS:
        raise RuntimeError(f"{paid.members} viewers were paid")
    return took, statements.count


async def _statements_for_ten(db: Database, settings: GuildSettings, period: Period) -> int:
    await fill(db, "UPDATE watchtime_periods SET minutes = minutes + 60 WHERE kick_user_id <= 10")
    async with db.transaction() as conn:
        statements = Statements(conn)
        paid = await watchtime_converter.convert(conn, settings, period, NOW)
    if paid.members != 10:
        raise RuntimeError(f"{paid.members} viewers were paid")
    return statements.count


async def minute() -> list[Figure]:
    """The minute tick: the first one inserts every viewer, the later ones count on."""
    viewers = [Viewer(n, f"Viewer_{n}", NOW) for n in range(1, ACTIVE + 1)]
    taken = []
    async with database() as db:
        settings, period = await open_guild(db)
        for index in range(RUNS + 1):
            began = monotonic()
            async with db.transaction() as conn:
                at = NOW + timedelta(minutes=index)
                counted = await watchtime_converter.credit(conn, settings, period, at, viewers)
            taken.append(monotonic() - began)
            if counted != ACTIVE:
                raise RuntimeError(f"{counted} viewers were counted")
    return [
        Figure(name=f"minute tick, {ACTIVE:,} viewers, the first", figure=taken[0], unit="s", limit=0.5),
        Figure(name=f"minute tick, {ACTIVE:,} viewers, later", figure=sorted(taken[1:])[1], unit="s", limit=0.5),
    ]
