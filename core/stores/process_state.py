"""Key and value of what a process leaves for the next one."""

from __future__ import annotations

from sqlalchemy import text

from core.db import Connection


async def get(conn: Connection, key: str) -> str | None:
    result = await conn.execute(text("SELECT value FROM process_state WHERE key = :key"), {"key": key})
    value = result.scalar()
    return value if isinstance(value, str) else None


async def put(conn: Connection, key: str, value: str) -> None:
    await conn.execute(
        text(
            "INSERT INTO process_state (key, value) VALUES (:key, :value) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        ),
        {"key": key, "value": value},
    )
