"""The way to PostgreSQL: one engine, transactions, migrations, and what its errors mean."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from core import dsn
from core.clock import monotonic
from core.errors import ConfigError
from core.moments import clamped, microseconds_of

__all__ = [
    "Connection",
    "Database",
    "IntegrityError",
    "Row",
    "UnknownOutcome",
    "is_away",
    "is_beyond_column",
    "lacks_schema",
    "log_failure",
    "migrate",
    "violated_constraint",
    "was_deadlock",
]

Connection = AsyncConnection
Row = Mapping[str, Any]


class UnknownOutcome(Exception):
    """The connection was lost while COMMIT was under way: what the transaction did may stand, or not."""


log = logging.getLogger(__name__)

POOLER = (
    "DATABASE_URL goes through a pooler in transaction mode, in which nobody can hold the lead: "
    "use the server's direct address, or the pooler's session mode"
)
MIGRATION_LOCK = 0x44524D01
REACH_RETRY_SECONDS = 1.0
POOL_SECONDS, IDLE_SECONDS = 5.0, 1.0
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    # Demoted, or the standby of the two: nothing was changed, and it passes.
    asyncpg.ReadOnlySQLTransactionError,
    # What the driver says where a session's end falls between its own steps; and of a standby that is no primary.
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
# Where errors quote values: the driver's, PostgreSQL's of what it cannot read, and its details, which show whole rows.
_VALUES = (
    re.compile(r"(invalid input for query argument \$\d+): .*?(?=\n\[SQL|\Z)", re.DOTALL),
    re.compile(r"(invalid input syntax for [a-z ]+|out of range for type [a-z ]+): .*"),
    re.compile(r"(value) \".*\" (?=is out of range)"),
    re.compile(r"(\n)DETAIL: .*"),
)


def _engine(url: str, **options: Any) -> AsyncEngine:
    """An engine whose connections are made by `core.dsn`, and whose errors tell no values."""

    async def creator() -> asyncpg.Connection[asyncpg.Record]:
        return await dsn.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, hide_parameters=True, **options)
    event.listen(engine.sync_engine, "handle_error", _on_error)
    return engine


def _on_error(context: ExceptionContext) -> None:
    """A lost session and a server that became read-only are left, and no error carries what was to be stored."""
    cause = getattr(context.original_exception, "__cause__", None)
    for error in (context.sqlalchemy_exception, context.original_exception, cause):
        hide_values(error)
    options = context.connection.get_execution_options() if context.connection is not None else {}
    demoted = isinstance(cause, asyncpg.ReadOnlySQLTransactionError) and not options.get("postgresql_readonly")
    if demoted or isinstance(cause, asyncpg.InternalClientError):
        context.is_disconnect = True


def hide_values(error: BaseException | None) -> None:
    """Take the values out of a database error: they may be secrets, and errors go to the log."""
    if error is None:
        return
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None
    shown = []
    for part in error.args:
        for pattern in _VALUES if isinstance(part, str) else ():
            part = pattern.sub(r"\1", part)
        shown.append(part)
    error.args = tuple(shown)


def _read_every_moment(engine: AsyncEngine) -> None:
    """Every moment that PostgreSQL can hold is read as an aware one, infinities and other millennia included.

    The driver's own reading gives naive dates for infinities, and fails for years that Python does not have: one such
    row would make every answer that holds it unreadable.
    """

    def connected(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.run_async(
            lambda driver: driver.set_type_codec(
                "timestamptz", schema="pg_catalog", format="tuple",
                encoder=lambda when: (microseconds_of(when),), decoder=lambda stored: clamped(stored[0]),
            )
        )  # fmt: skip

    event.listen(engine.sync_engine, "connect", connected)


def _ping_after_idleness(engine: AsyncEngine) -> None:
    """Connections that rested are tried before use, as the server may have restarted; busy ones are not.

    A ping takes three round trips: of a short transaction it would be the larger part.
    """
    pool, dialect = engine.sync_engine.pool, engine.sync_engine.dialect

    def used(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = monotonic()

    def checked_out(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if monotonic() - record.info.get("used", monotonic()) < IDLE_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except Exception as error:
            if isinstance(error, dialect.loaded_dbapi.Error) and dialect.is_disconnect(error, connection, None):
                raise DisconnectionError from error
            raise

    event.listen(pool, "checkin", used)
    event.listen(pool, "checkout", checked_out)


def _pooled(url: str, pool_size: int) -> AsyncEngine:
    # No overflow: connections made and thrown away in a rush cost more than the wait for a kept one.
    engine = _engine(url, pool_size=pool_size, max_overflow=0, pool_timeout=POOL_SECONDS)
    _read_every_moment(engine)
    _ping_after_idleness(engine)
    return engine


class Database:
    """A pool of connections. Every use case opens one `transaction()`; stores receive its connection."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.url = url
        self._engine = _pooled(url, pool_size)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Commit at the end of the block, roll back on any exception.

        Errors: `UnknownOutcome` where PostgreSQL goes away during COMMIT; any other means that nothing was changed.
        """
        committing = False
        try:
            async with self._engine.begin() as connection:
                yield connection
                committing = True
        except Exception as error:
            if committing and is_away(error):
                raise UnknownOutcome("the connection was lost during COMMIT") from error
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A transaction in which PostgreSQL refuses every change: a lost COMMIT leaves no doubt."""
        async with self._engine.connect() as connection:
            await connection.execution_options(postgresql_readonly=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Connection]:
        """Each statement by itself: for hot paths that write with a single one, two round trips cheaper."""
        async with self._engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def ping(self) -> None:
        """Raise what the driver raises when PostgreSQL does not answer, or takes no writes."""
        async with self._engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                raise ConnectionError("the connection is closed")
            await dsn.require_writable(driver)

    async def close(self) -> None:
        await self._engine.dispose()


class HotStatement:
    """A statement that hundreds a second ask for; its parameters are written `:name`.

    On a connection of `Database.statements` it goes straight to the driver, which takes half the time; inside a
    transaction it goes the usual way.
    """

    def __init__(self, sql: str) -> None:
        self._text = text(sql)
        self._names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        self._numbered = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", sql)

    async def one(self, conn: Connection, **values: Any) -> Row | None:
        """The first row, None when there is none."""
        if conn.sync_connection is None or not _stands_alone(conn.sync_connection):
            row = (await conn.execute(self._text, values)).mappings().first()
            return dict(row) if row else None
        driver = (await conn.get_raw_connection()).driver_connection
        if driver is None:
            raise ConnectionError("the connection is closed")
        try:
            found = await driver.fetchrow(self._numbered, *(values[name] for name in self._names))
        except Exception as error:
            hide_values(error)
            if is_away(error):
                await conn.invalidate(error)
            raise
        return dict(found) if found is not None else None


def _stands_alone(connection: SyncConnection) -> bool:
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised from: the driver's own stands at the end."""
    while error is not None:
        yield error
        error = error.__cause__


def is_away(error: BaseException) -> bool:
    """Whether the error means that PostgreSQL is out of reach (and nothing was decided by it)."""
    return not refuses(error) and any(
        isinstance(seen, (*_AWAY, InterfaceError, PoolTimeout, OSError))
        or (isinstance(seen, DBAPIError) and seen.connection_invalidated)
        for seen in _causes(error)
    )


def refuses(error: BaseException) -> bool:
    """Whether the server does not want us: password, database, role, or what a pooler does not know."""
    return any(
        isinstance(seen, _REFUSED)
        # A pooler's word for much, of which only this one stays as it is.
        or (isinstance(seen, asyncpg.ProtocolViolationError) and "startup parameter" in str(seen))
        for seen in _causes(error)
    )


def was_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL undid the transaction because it and another one waited for each other."""
    return any(isinstance(seen, asyncpg.DeadlockDetectedError) for seen in _causes(error))


def is_beyond_column(error: BaseException) -> bool:
    """Whether a number was larger than its column can hold: nothing there has it."""
    return any(isinstance(seen, OverflowError) for seen in _causes(error))


def lacks_schema(error: BaseException) -> bool:
    """Whether the error means that a table is missing: the migrations did not run yet."""
    return any(isinstance(seen, asyncpg.UndefinedTableError) for seen in _causes(error))


def log_failure(log: logging.Logger, event: str, error: BaseException, **fields: object) -> None:
    """One line for a server that is out of reach, which mends itself; everything else with its traceback."""
    if is_away(error):
        log.warning(event, extra={**fields, "error": repr(error)})
    else:
        log.error(event, exc_info=error, extra=fields)


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint that PostgreSQL refused the statement for."""
    cause = error.orig.__cause__ if error.orig is not None else None
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None


async def migrate(url: str) -> None:
    """Bring the schema to the newest version; replicas that start together wait for each other."""
    engine = _engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def migrate_at_once(url: str) -> None:
    """`migrate` for an operator who waits. Errors: `ConfigError`, one line, where the server cannot be used."""
    try:
        if not await dsn.keeps_sessions(url):
            raise ConfigError(POOLER)
        await migrate(url)
    except Exception as error:
        if not is_away(error) and not refuses(error):
            raise
        raise ConfigError(f"PostgreSQL at DATABASE_URL cannot be used: {error}".splitlines()[0]) from error


async def migrate_when_reachable(url: str) -> None:
    """`migrate`, however long PostgreSQL takes to come.

    Errors: `ConfigError` for what waiting does not mend: a pooler that shares sessions, a wrong password.
    """
    while True:
        try:
            return await migrate_at_once(url)
        except ConfigError as error:
            if error.__cause__ is None or refuses(error.__cause__):
                raise
            log.warning("database_unreachable", extra={"error": repr(error)})
            await asyncio.sleep(REACH_RETRY_SECONDS)


def alembic_config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _upgrade(connection: SyncConnection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
