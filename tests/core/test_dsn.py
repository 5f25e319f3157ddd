"""Addresses of databases, as hosts give them, and servers that are not what they were."""

from __future__ import annotations

import ssl

import asyncpg
import pytest
from asyncpg import connect_utils
from sqlalchemy import text

from core import dsn
from core.db import Database, is_away
from core.supervisor import Leadership

MULTI = "read-write"


def read(url: str) -> tuple[list[tuple[str, int]], str | None, str | None]:
    """(hosts with ports, database, wanted kind of server) as the driver reads what we hand it."""
    to = dsn.target(url)
    addresses, parameters, _config = connect_utils._parse_connect_arguments(  # type: ignore[attr-defined]
        dsn=to.address, host=None, port=None, user=None, password=None, passfile=None, database=None,
        command_timeout=None, statement_cache_size=100, max_cached_statement_lifetime=1,
        max_cacheable_statement_size=1, ssl=to.ssl, direct_tls=None, server_settings=None,
        target_session_attrs=None, krbsrvname=None, gsslib=None, service=None, servicefile=None,
    )  # fmt: skip
    wanted = parameters.target_session_attrs.value
    return addresses, parameters.database, None if wanted == "any" else wanted


@pytest.mark.parametrize(
    ("url", "hosts", "wanted"),
    [
        ("postgres://u:p%40ss@h:5433/db", [("h", 5433)], None),
        ("postgresql+asyncpg://u:p@h/db?sslmode=require", [("h", 5432)], None),
        ("postgresql://u@h1:5432,h2:5433/db", [("h1", 5432), ("h2", 5433)], MULTI),
        ("postgresql://u@h1,h2/db", [("h1", 5432), ("h2", 5432)], MULTI),
        ("postgresql://u@h1,h2/db?target_session_attrs=any", [("h1", 5432), ("h2", 5432)], None),
        ("postgresql://u@/db?host=h1:5432&host=h2:5433", [("h1", 5432), ("h2", 5433)], MULTI),
        ("postgresql://u@/db?host=h1,h2&port=1,2", [("h1", 1), ("h2", 2)], MULTI),
        ("postgresql://u:p@ep-x-pooler.eu.neon.tech/db?sslmode=require&channel_binding=require",
         [("ep-x-pooler.eu.neon.tech", 5432)], None),
        ("postgres://postgres.ref:p@aws-0.pooler.supabase.com:5432/postgres?pgbouncer=true&connection_limit=1",
         [("aws-0.pooler.supabase.com", 5432)], None),
        ("postgres://u@h/db?connect_timeout=15&application_name=bot&options=-c%20search_path%3Dx", [("h", 5432)], None),
    ],
)  # fmt: skip
def test_addresses_as_hosts_give_them(url: str, hosts: list[tuple[str, int]], wanted: str | None) -> None:
    addresses, database, kind = read(url)
    assert addresses == hosts
    assert database in ("db", "postgres")
    assert kind == wanted


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://u:hunter2@h/db", "mysql://"),
        ("postgres://u:hunter2@h", "no database"),
        ("postgres://u:hunter2@h:port/db", "host or port"),
        ("postgres://u:hunter2@h/db?sslmode=maybe", "sslmode"),
        ("postgres://u:hunter2@h/db?color=blue", "color"),
        ("postgres://u:hunter2@h/db?connect_timeout=soon", "connect_timeout"),
    ],
)
def test_what_cannot_be_used_is_named_without_secrets(url: str, why: str) -> None:
    with pytest.raises(dsn.Unusable, match=why) as refused:
        dsn.target(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("mode", "host"), [("verify-full", True), ("verify-ca", False)])
def test_verifying_modes_check_the_certificate(mode: str, host: bool) -> None:
    to = dsn.target(f"postgres://h/db?sslmode={mode}")
    assert to.ssl is not None
    assert (to.ssl.verify_mode, to.ssl.check_hostname) == (ssl.CERT_REQUIRED, host)
    assert "sslmode" not in to.address


def test_a_time_for_the_connection_and_the_drivers_cache_are_taken_over() -> None:
    to = dsn.target("postgres://h/db?connect_timeout=15&statement_cache_size=0")
    assert (to.timeout, to.arguments) == (15.0, {"statement_cache_size": 0})


@pytest.fixture
async def demoted(empty_database_url: str) -> str:
    """The URL of a database that is read-only for every session that begins, as a standby is."""
    admin = await asyncpg.connect(empty_database_url)
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await admin.close()
    return empty_database_url


async def test_a_read_only_server_is_away(demoted: str) -> None:
    db = Database(demoted)
    try:
        for work in (db.ping(), _write(db)):
            with pytest.raises(ConnectionError) as refused:
                await work
            assert is_away(refused.value)
    finally:
        await db.close()


async def _write(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(text("INSERT INTO process_state VALUES ('a', '1')"))


async def test_nobody_leads_on_a_read_only_server(demoted: str) -> None:
    leadership = Leadership(demoted)
    assert not await leadership._try()
    assert leadership._connection is None


async def test_a_pool_leaves_a_server_that_was_demoted_under_it(database_url: str) -> None:
    """The first write says so; the pool's connections are not used again."""
    db = Database(database_url, pool_size=2)
    try:
        await _write(db)
        async with db.transaction() as conn:
            before = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar()
            await conn.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        with pytest.raises(Exception, match="read-only") as refused:
            async with db.transaction() as conn:
                await conn.execute(text("DELETE FROM process_state"))
        assert is_away(refused.value)
        async with db.transaction() as conn:
            assert (await conn.execute(text("SELECT pg_backend_pid()"))).scalar() != before
            await conn.execute(text("DELETE FROM process_state"))
    finally:
        await db.close()


async def test_a_connection_of_ones_own_is_one_session(database_url: str) -> None:
    assert await dsn.keeps_sessions(database_url)


SECRET = "KEY-SECRET-12345"


async def test_no_error_tells_what_was_to_be_stored(database_url: str) -> None:
    """Neither a value that the driver refuses, nor one that the server does, nor the row around it."""
    db = Database(database_url)
    try:
        for sql, values in (
            ("INSERT INTO process_state VALUES (:key, :value)", {"key": "k", "value": SECRET + chr(0)}),
            ("INSERT INTO process_state VALUES (:key, :value)", {"key": None, "value": SECRET}),
            ("SELECT CAST(:value AS bigint)", {"value": SECRET}),
            ("SELECT CAST(CAST(:value AS text) AS bigint)", {"value": SECRET}),
            ("SELECT CAST(CAST(:value AS text) AS timestamptz)", {"value": SECRET}),
        ):
            with pytest.raises(Exception) as refused:  # noqa: PT011 - whatever it is, it goes to the log
                async with db.transaction() as conn:
                    await conn.execute(text(sql), values)
            shown, error = "", refused.value
            while error is not None:
                shown, error = f"{shown}{error!s}{error!r}", error.__cause__  # type: ignore[assignment]
            assert SECRET not in shown
    finally:
        await db.close()
