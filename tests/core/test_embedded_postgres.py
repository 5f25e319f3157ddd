"""The embedded server's life: started, stopped, orphaned, killed, shared, as root and as a user."""

from __future__ import annotations

import asyncpg


async def test_each_test_has_an_empty_database(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert tables == 0
