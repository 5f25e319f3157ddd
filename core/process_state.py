"""Small facts that a process leaves for the next one."""

from __future__ import annotations

from core.db import Connection
from core.stores import process_state as store


async def get(conn: Connection, key: str) -> str | None:
    return await store.get(conn, key)


async def put(conn: Connection, key: str, value: str) -> None:
    await store.put(conn, key, value)
