"""A real PostgreSQL for a run of the tests.

Its databases go from test to test, and their connections with them: to make these costs more than most tests.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Set
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from core import db
from core.embedded_postgres import EmbeddedPostgres
from core.embedded_role import ROLE

T = TypeVar("T")
_FAST = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "log_min_messages": "fatal",
    "autovacuum": "off",
}  # fmt: skip
# So many dead rows would begin to show in a later test's plans.
MOST_ROWS_LEFT = 20_000

# What a test may have done to the schema: to tables, columns, triggers (and whether they fire), constraints, functions.
# Every change to one writes its row anew, under the number of a later transaction. Our own begin at this oid.
_SHAPE = " UNION ALL ".join(
    f"SELECT '{catalog}', count(*), sum(xmin::text::bigint) FROM {catalog} WHERE {key} >= 16384"
    for catalog, key in {
        "pg_class": "oid", "pg_attribute": "attrelid", "pg_trigger": "oid", "pg_constraint": "oid", "pg_proc": "oid",
    }.items()
)  # fmt: skip
_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
# Starts every sequence anew that was used.
_SEQUENCES = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_END = "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid"


class _KeptEngine(AsyncEngine):
    """The engine of a lent database: closed well, it goes to the next `Database` with its connections open."""

    __slots__ = ("_shelf", "pids")

    def __init__(self, engine: AsyncEngine, shelf: list[_KeptEngine]) -> None:
        super().__init__(engine.sync_engine)
        self._shelf = shelf
        self.pids: set[int] = set()
        event.listen(self.sync_engine, "connect", self._connected)

    def _connected(self, made: Any, _record: object) -> None:
        self.pids.add(made.driver_connection.get_server_pid())

    async def dispose(self, close: bool = True) -> None:
        if self.sync_engine.pool.checkedout():  # type: ignore[attr-defined]
            await self.end()
        else:
            self._shelf.append(self)

    async def end(self) -> None:
        await super().dispose()


class Engines:
    """Makes the engines of the session's event loop; a test with a loop of its own has engines of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._make = db._pooled
        self._lent: set[str] = set()
        self._shelves: dict[tuple[str, int], list[_KeptEngine]] = {}
        self._broken: list[_KeptEngine] = []

    def keep(self, url: str) -> None:
        """Hand on what is made for `url`."""
        self._lent.add(url)

    def pooled(self, url: str, pool_size: int) -> AsyncEngine:
        """What `core.db` calls for a `Database`."""
        if url not in self._lent or asyncio._get_running_loop() is not self._loop:
            return self._make(url, pool_size)
        shelf = self._shelves.setdefault((url, pool_size), [])
        return shelf.pop() if shelf else _KeptEngine(self._make(url, pool_size), shelf)

    def spared(self, url: str, living: Set[int]) -> set[int]:
        """Which of the server's `living` processes the next test takes over; engines that lost one are given up."""
        found: set[int] = set()
        for (of, _), shelf in self._shelves.items():
            for engine in [engine for engine in shelf if of == url]:
                if engine.pids <= living:
                    found |= engine.pids
                else:
                    shelf.remove(engine)
                    self._broken.append(engine)
        return found

    async def end(self) -> None:
        for engine in [*self._broken, *itertools.chain(*self._shelves.values())]:
            await engine.end()


class _Lent:
    """A migrated database, with a connection of its own that empties it."""

    def __init__(self, name: str, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.name = name
        self._connection = connection
        self._rows = 0

    async def look(self) -> None:
        """Remember what the database is like before the first test."""
        # As a replica, no trigger fires: neither those that keep the ledger nor foreign keys.
        await self._connection.execute("SET session_replication_role = replica")
        self._shape = await self._connection.fetch(_SHAPE)
        tables = [row[0] for row in await self._connection.fetch(_TABLES)]
        self._filled = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)

    async def empty(self, spared: Callable[[set[int]], set[int]]) -> bool:
        """Whether the next test may have it, with the sessions that are `spared` of the living."""
        if self._connection.is_closed():
            return False
        living = {row[0] for row in await self._connection.fetch(_SESSIONS)}
        await self._connection.fetch(_END, living - spared(living))
        if await self._connection.fetch(_SHAPE) != self._shape:
            return False
        for (table,) in await self._connection.fetch(self._filled):
            self._rows += int((await self._connection.execute(f"DELETE FROM {table}")).split()[-1])
        await self._connection.fetch(_SEQUENCES)
        return self._rows < MOST_ROWS_LEFT

    def close(self) -> None:
        self._connection.terminate()


class PostgresServer:
    """The session's server for synchronous fixtures, on an event loop that outlives the tests' own."""

    def __init__(self, data_dir: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._names = itertools.count(1)
        self.embedded = EmbeddedPostgres(data_dir, settings=_FAST)
        self.run(self.embedded.start())
        self._admin: asyncpg.Connection[asyncpg.Record] = self.run(asyncpg.connect(self.superusers_url("postgres")))
        self._free: list[_Lent] = []
        self._lent: dict[str, _Lent] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def create_database(self, template: str | None = None, owner: str = ROLE) -> str:
        """Make a database, empty or a copy of `template`, and return its name."""
        name = f"test_{next(self._names)}"
        source = f"TEMPLATE {template} STRATEGY file_copy" if template else ""
        self.run(self._admin.execute(f"CREATE DATABASE {name} OWNER {owner} {source}"))
        return name

    def drop_database(self, name: str) -> None:
        self.run(self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def lend(self, template: str) -> str:
        """The name of a database like `template` that nobody else uses until `take_back`."""
        lent = self._free.pop() if self._free else self.run(self._made(self.create_database(template)))
        self._lent[lent.name] = lent
        return lent.name

    async def _made(self, name: str) -> _Lent:
        lent = _Lent(name, await asyncpg.connect(self.superusers_url(name)))
        await lent.look()
        return lent

    def take_back(self, name: str, engines: Engines | None = None) -> None:
        """Empty a lent database for the next test; one whose schema was changed is dropped."""
        lent = self._lent.pop(name)
        if self.run(lent.empty(lambda living: engines.spared(self.url(name), living) if engines else set())):
            self._free.append(lent)
        else:
            lent.close()
            self.drop_database(name)

    def url(self, database: str) -> str:
        """The address for the role that the bot has, not for the superuser."""
        return self.embedded.url(database)

    def superusers_url(self, database: str) -> str:
        return self.embedded.url(database, superuser=True)

    def close(self) -> None:
        for lent in [*self._free, *self._lent.values()]:
            lent.close()
        self._admin.terminate()
        self.run(self.embedded.stop())
        self._loop.close()
