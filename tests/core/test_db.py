"""The way to PostgreSQL: URLs, transactions, and what errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db import Database, HotStatement, UnknownOutcome, is_away, violated_constraint
from core.moments import stored_in_json
from core.texts import moment
from tests.patience import in_time


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def _run(db: Database, *statements: str) -> None:
    async with db.transaction() as conn:
        for statement in statements:
            await conn.execute(text(statement))


async def test_a_transaction_commits_and_rolls_back(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(text("INSERT INTO process_state VALUES ('kept', '1')"))
    with pytest.raises(DBAPIError, match="division by zero"):
        await _run(db, "INSERT INTO process_state VALUES ('lost', '1')", "SELECT 1 / 0")
    async with db.transaction() as conn:
        assert list((await conn.execute(text("SELECT key FROM process_state"))).scalars()) == ["kept"]
        assert (await conn.execute(text("SHOW timezone"))).scalar() == "UTC"


@pytest.mark.parametrize(
    "stored", ["infinity", "-infinity", "4713-01-01 BC", "0001-01-01", "9999-12-31", "290000-01-01"]
)
async def test_every_moment_that_is_stored_can_be_read_and_reckoned_with(db: Database, stored: str) -> None:
    async with db.transaction() as conn:
        read = (await conn.execute(text(f"SELECT '{stored}'::timestamptz, ARRAY['{stored}'::timestamptz]"))).one()
    for when in (read[0], *read[1]):
        assert when.tzinfo is UTC
        assert when - timedelta(days=200_000) < when < when + timedelta(days=200_000)
        assert moment(when) == "?"


async def test_a_moment_is_kept_to_the_microsecond(db: Database) -> None:
    east = datetime(2026, 3, 1, 1, 2, 3, 456_789, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with db.transaction() as conn:
        read = (await conn.execute(text("SELECT CAST(:when AS timestamptz)"), {"when": east})).scalar_one()
    assert (read, read.tzinfo) == (east, UTC)


async def test_a_constraints_name_is_found(db: Database) -> None:
    with pytest.raises(IntegrityError) as refused:
        await _run(db, *["INSERT INTO process_state VALUES ('same', '1')"] * 2)
    assert violated_constraint(refused.value) == "process_state_pkey"
    assert not is_away(refused.value)


async def test_a_killed_connection_is_away_and_the_next_one_works(db: Database) -> None:
    with pytest.raises(DBAPIError) as killed:
        async with db.transaction() as conn:
            await conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_away(killed.value)
    await db.ping()


async def test_a_session_that_ends_at_any_moment_is_away(db: Database, database_url: str) -> None:
    """The driver has many words for it, by what it was doing: each must be read as the server's absence."""
    errors: list[Exception] = []
    hot = HotStatement("SELECT CAST(:x AS integer) AS x")

    async def in_transactions(number: int) -> None:
        async with db.transaction() as conn:
            await conn.execute(text(f"SELECT {number}"))

    async def alone(number: int) -> None:
        async with db.statements() as conn:
            await hot.one(conn, x=number)

    async def ask(kind: Callable[[int], Awaitable[None]]) -> None:
        number = 0
        while len(errors) < 150:
            number += 1
            try:
                await kind(number)
            except Exception as error:  # noqa: BLE001 - which ones there are is the question
                errors.append(error)

    async def end_sessions() -> None:
        admin = await asyncpg.connect(database_url)
        while len(errors) < 150:
            await admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
        await admin.close()

    async with in_time(20):
        await asyncio.gather(end_sessions(), *(ask(kind) for kind in [in_transactions, alone] * 4))
    assert [error for error in errors if not is_away(error) and not isinstance(error, UnknownOutcome)] == []


async def test_nobody_listening_is_away() -> None:
    nowhere = Database("postgresql://u@127.0.0.1:1/db")
    with pytest.raises(OSError) as refused:  # noqa: PT011 - which one depends on the machine
        await nowhere.ping()
    assert is_away(refused.value)
    await nowhere.close()


@pytest.mark.parametrize("bad", [2**70, "text"])
async def test_a_value_that_no_column_takes_is_our_mistake_and_not_away(db: Database, bad: object) -> None:
    """Else whoever waits for the database to come back would wait for ever."""
    with pytest.raises(DBAPIError) as refused:
        async with db.transaction() as conn:
            await conn.execute(text("SELECT CAST(:x AS bigint)"), {"x": bad})
    assert not is_away(refused.value)


async def test_a_full_pool_is_away(database_url: str) -> None:
    assert is_away(PoolTimeout("the pool is full"))
    assert is_away(asyncpg.CannotConnectNowError("starting up"))
    assert not is_away(ValueError("no"))


@pytest.mark.parametrize("stored", ["infinity", "-infinity", "4713-01-01 BC", "290000-01-01", "2026-03-01 01:02:03+02"])
async def test_a_moment_in_json_is_the_same_as_in_a_column(db: Database, stored: str) -> None:
    async with db.transaction() as conn:
        row = (await conn.execute(text(f"SELECT w, to_jsonb(w) FROM (SELECT '{stored}'::timestamptz) s (w)"))).one()
    assert stored_in_json(row[1]) == row[0]
