"""The bot's own role on the embedded server: what it owns, and what it may not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from core.db import migrate
from core.embedded_postgres import SUPERUSER
from core.embedded_role import ROLE, hand_over
from tests.core.embedded_support import query
from tests.postgres import PostgresServer
from tests.test_migrations import migrate_before

_STRANGERS = f"""
SELECT count(*) FROM (
    SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database()
) AS owners (owner) WHERE owner <> '{ROLE}'::regrole
"""


@pytest.fixture
def superusers(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of an empty database as the embedded server made them before the bot had a role."""
    name = postgres_server.create_database(owner=SUPERUSER)
    yield name
    postgres_server.drop_database(name)


async def test_the_role_is_no_superuser(empty_database_url: str) -> None:
    rights = "rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
    memberships = "EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)"
    mine = f"SELECT {rights} OR {memberships} FROM pg_roles WHERE rolname = current_user AND rolname = '{ROLE}'"
    assert await query(empty_database_url, mine) is False


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_read_file('/etc/shadow')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "COPY (SELECT 1) TO '{file}'",
        "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
        "CREATE TEMP TABLE got (line text); COPY got FROM PROGRAM 'id'",
        f"SET ROLE {SUPERUSER}",
        f"SET SESSION AUTHORIZATION {SUPERUSER}",
        f"ALTER ROLE {ROLE} SUPERUSER",
        f"GRANT pg_execute_server_program TO {ROLE}",
        "ALTER SYSTEM SET archive_command = 'id'",
        "CREATE FUNCTION run(text) RETURNS int AS 'libc.so.6', 'system' LANGUAGE c",
        "CREATE EXTENSION dblink",
    ],
)
async def test_the_role_reaches_nothing_of_the_machine(empty_database_url: str, tmp_path: Path, statement: str) -> None:
    session = await asyncpg.connect(empty_database_url)
    try:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
            await session.execute(statement.format(file=tmp_path / "written"))
    finally:
        await session.close()
    assert not (tmp_path / "written").exists()


async def test_what_the_superuser_made_goes_to_the_role_with_all_its_rows(
    postgres_server: PostgresServer, superusers: str
) -> None:
    old, url = postgres_server.superusers_url(superusers), postgres_server.url(superusers)
    await migrate_before(old, "names_as_written")
    await query(
        old,
        """DO $do$ BEGIN
        CREATE TYPE mood AS ENUM ('glad');
        CREATE DOMAIN short AS text;
        CREATE TYPE pair AS (a int, b int);
        CREATE SEQUENCE alone;
        CREATE TABLE years (y int, m mood) PARTITION BY LIST (y);
        CREATE TABLE "Year one" PARTITION OF years FOR VALUES IN (1);
        CREATE MATERIALIZED VIEW once AS SELECT 1;
        CREATE PROCEDURE nothing(short) LANGUAGE sql AS 'SELECT 1';
        INSERT INTO years VALUES (1, 'glad');
        INSERT INTO guild_settings (guild_id, created_at, updated_at) VALUES (7, now(), now());
        END $do$""",
    )
    assert int(str(await query(old, _STRANGERS))) > 100

    await hand_over(old)

    assert await query(url, _STRANGERS) == 0
    before = await query(url, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    await hand_over(old)
    assert await query(url, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text") == before
    await migrate(url)
    assert await query(url, _STRANGERS) == 0
    assert await query(url, "SELECT guild_id FROM guild_settings") == 7
    assert await query(url, "SELECT m::text FROM years") == "glad"
