"""A real PostgreSQL for a run of the tests. Its databases go from test to test: a copy costs more than most tests."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from core.embedded_postgres import EmbeddedPostgres
from core.embedded_role import ROLE

T = TypeVar("T")
_FAST = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "log_min_messages": "fatal",
    "autovacuum": "off",
}  # fmt: skip
# So many dead rows would begin to show in a later test's plans.
MOST_ROWS_LEFT = 20_000

# What a test may have done to the schema: names, columns, triggers (and whether they fire), constraints, functions.
_SHAPE = """
SELECT md5(string_agg(thing, ' ' ORDER BY thing)) FROM (
    SELECT format('%s %s', oid, relname) AS thing FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s %s', attrelid, attname, atttypid) FROM pg_attribute
              WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    UNION ALL SELECT format('%s %s %s', oid, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT format('%s %s', oid, conname) FROM pg_constraint
    UNION ALL SELECT format('%s %s', oid, proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS things
"""
# As a replica, no trigger fires: neither those that keep the ledger nor foreign keys.
_EMPTY = """
SET session_replication_role = replica;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE
    one regclass;
    gone bigint;
    total bigint := 0;
BEGIN
    FOR one IN SELECT oid FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP
        EXECUTE format('DELETE FROM %s', one);
        GET DIAGNOSTICS gone = ROW_COUNT;
        total := total + gone;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
    PERFORM set_config('test.rows', total::text, false);
END $$;
"""


class _Lent:
    """A migrated database, with a connection of its own that empties it."""

    def __init__(self, name: str, connection: asyncpg.Connection[asyncpg.Record], shape: str) -> None:
        self.name = name
        self.connection = connection
        self.shape = shape
        self.rows = 0


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
        connection = await asyncpg.connect(self.superusers_url(name))
        return _Lent(name, connection, await connection.fetchval(_SHAPE))

    def take_back(self, name: str) -> None:
        """Empty a lent database for the next test; one whose schema was changed is dropped."""
        lent = self._lent.pop(name)
        if self.run(self._emptied(lent)):
            self._free.append(lent)
        else:
            lent.connection.terminate()
            self.drop_database(name)

    async def _emptied(self, lent: _Lent) -> bool:
        if lent.connection.is_closed() or await lent.connection.fetchval(_SHAPE) != lent.shape:
            return False
        await lent.connection.execute(_EMPTY)
        lent.rows += int(await lent.connection.fetchval("SELECT current_setting('test.rows')"))
        return lent.rows < MOST_ROWS_LEFT

    def url(self, database: str) -> str:
        """The address for the role that the bot has, not for the superuser."""
        return self.embedded.url(database)

    def superusers_url(self, database: str) -> str:
        return self.embedded.url(database, superuser=True)

    def close(self) -> None:
        for lent in [*self._free, *self._lent.values()]:
            lent.connection.terminate()
        self._admin.terminate()
        self.run(self.embedded.stop())
        self._loop.close()
