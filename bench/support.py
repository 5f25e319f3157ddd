"""What benches share: a fresh PostgreSQL with normal durability, and lines of `name figure limit ratio`."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from core.config import Config
from core.db import Connection, Database, migrate
from core.embedded_postgres import EmbeddedPostgres
from core.guilds import GuildSettings, resolve
from core.stores import settings as settings_store
from raffle_system import periods
from raffle_system.models import Period

GUILD = 987_654_321_098_765_432
FIRST_MEMBER = 100_000_000_000_000_000
NOW = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measurement. `at_least` turns the limit round; without a limit the figure is only shown."""

    name: str
    figure: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def over(self) -> bool:
        if self.limit is None:
            return False
        return self.figure < self.limit if self.at_least else self.figure > self.limit

    @property
    def _ratio(self) -> str:
        """Of the limit; there is none of a limit of 0."""
        return f"{self.figure / self.limit:.2f}" if self.limit else "-"

    def line(self) -> str:
        shown = f"{self.figure:,.3g}" if self.figure < 100 else f"{self.figure:,.0f}"
        if self.limit is None:
            return f"{self.name:<58} {shown:>10} {self.unit:<7} {'-':>9} {'-':>6}  ok"
        sign = ">=" if self.at_least else "<="
        verdict = "OVER" if self.over else "ok"
        return f"{self.name:<58} {shown:>10} {self.unit:<7} {f'{sign}{self.limit:,g}':>9} {self._ratio:>6}  {verdict}"


Bench = Callable[[], Coroutine[Any, Any, list[Figure]]]


class BenchClock:
    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError(f"a bench does not wait ({seconds} s)")


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """A migrated database on a server of its own, as durable as PostgreSQL is by default."""
    with tempfile.TemporaryDirectory(prefix="drumroll-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        await server.start()
        url = server.url(superuser=True)  # whose are checkpoints
        try:
            await migrate(url)
            db = Database(url)
            try:
                yield db
            finally:
                await db.close()
        finally:
            await server.stop()


async def open_guild(db: Database) -> tuple[GuildSettings, Period]:
    async with db.transaction() as conn:
        await settings_store.add_guild(conn, GUILD, {}, NOW)
        row = (await settings_store.load_all(conn))[0]
        settings = resolve(row, Config(), first=True)
        period = await periods.open_first(conn, BenchClock(), settings)
    if period is None:
        raise RuntimeError("the database is not fresh")
    return settings, period


async def fill(db: Database, sql: str, **parameters: object) -> None:
    async with db.transaction() as conn:
        await conn.execute(text(sql), parameters)


async def settle(db: Database) -> None:
    """Statistics and a checkpoint, as a server that has run for a while has them."""
    async with db.transaction() as conn:
        await conn.execute(text("ANALYZE"))
    async with db.transaction() as conn:
        await conn.execute(text("CHECKPOINT"))


class Statements:
    """Counts what is sent to PostgreSQL on one connection."""

    def __init__(self, conn: Connection) -> None:
        self.count = 0
        event.listen(conn.sync_connection, "before_cursor_execute", self._saw)

    def _saw(self, *_args: object) -> None:
        self.count += 1
