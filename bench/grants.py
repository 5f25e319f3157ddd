"""`grant_many` beside bare asyncpg executing the same statement with the same values."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from bench.support import FIRST_MEMBER, GUILD, NOW, Figure, database, open_guild
from core.clock import monotonic
from core.db import Database
from raffle_system import tickets
from raffle_system.ledger_store import GRANT_MANY, parameters
from raffle_system.models import Grant, Period

SIZES = {1: 300, 100: 60, 10_000: 4}
_refs = itertools.count(1)


def _batch(period: Period, rows: int) -> list[Grant]:
    return [
        Grant(
            guild_id=GUILD, period_id=period.id, discord_id=FIRST_MEMBER + n, kick_name=f"viewer{n}", change=10,
            source="gifted_sub", source_ref=f"bench:{next(_refs)}", occurred_at=NOW, description="1 gifted",
        )
        for n in range(rows)
    ]  # fmt: skip


async def grants() -> list[Figure]:
    """Rows a second, committed, and as a share of what the bare driver does; alternating, so that both age alike."""
    figures = []
    compiled = text(GRANT_MANY).compile(dialect=dialect())  # type: ignore[no-untyped-call]
    async with database() as db:
        _settings, period = await open_guild(db)
        bare = await asyncpg.connect(db.url)
        for rows, runs in SIZES.items():
            ours, theirs = 0.0, 0.0
            await _timed(_ours(db), _batch(period, rows))
            await _timed(_bare(bare, str(compiled), compiled.positiontup), _batch(period, rows))
            for _ in range(runs):
                ours += await _timed(_ours(db), _batch(period, rows))
                theirs += await _timed(_bare(bare, str(compiled), compiled.positiontup), _batch(period, rows))
            figures += [
                Figure(name=f"bare asyncpg, {rows:,} rows a statement", figure=rows * runs / theirs, unit="rows/s"),
                Figure(name=f"grant_many, {rows:,} rows a statement", figure=rows * runs / ours, unit="rows/s"),
                Figure(
                    name=f"grant_many as a share of bare asyncpg, {rows:,} rows", figure=theirs / ours, unit="",
                    limit=0.5, at_least=True,
                ),
            ]  # fmt: skip
        await bare.close()
    return figures


async def _timed(work: Callable[[Sequence[Grant]], Awaitable[int]], batch: Sequence[Grant]) -> float:
    began = monotonic()
    made = await work(batch)
    took = monotonic() - began
    if made != len(batch):
        raise RuntimeError(f"{made} of {len(batch)} grants were made")
    return took


def _ours(db: Database) -> Callable[[Sequence[Grant]], Awaitable[int]]:
    async def work(batch: Sequence[Grant]) -> int:
        async with db.transaction() as conn:
            return len(await tickets.grant_many(conn, batch, NOW))

    return work


def _bare(
    connection: asyncpg.Connection[asyncpg.Record], sql: str, names: Sequence[str] | None
) -> Callable[[Sequence[Grant]], Awaitable[int]]:
    async def work(batch: Sequence[Grant]) -> int:
        values: dict[str, Any] = parameters(batch, NOW)
        async with connection.transaction():
            return len(await connection.fetch(sql, *(values[name] for name in names or ())))

    return work
