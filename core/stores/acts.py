"""Requests that changed something, and what came of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection


async def begin(
    conn: Connection, key: str, name: str, guild_id: int | None, actor: int | None, now: datetime
) -> bool:  # fmt: skip
    """Claim the key; waits for a transaction that holds it. False where an earlier one was committed."""
    result = await conn.execute(
        text(
            "INSERT INTO acts (key, name, guild_id, actor, at) VALUES (:key, :name, :guild_id, :actor, :now) "
            "ON CONFLICT (key) DO NOTHING"
        ),
        {"key": key, "name": name, "guild_id": guild_id, "actor": actor, "now": now},
    )
    return result.rowcount == 1


async def finish(conn: Connection, key: str, result: dict[str, Any]) -> None:
    await conn.execute(
        text("UPDATE acts SET result = CAST(:result AS jsonb) WHERE key = :key"),
        {"key": key, "result": json.dumps(result)},
    )


async def result_of(conn: Connection, key: str) -> dict[str, Any]:
    found = await conn.execute(text("SELECT result FROM acts WHERE key = :key"), {"key": key})
    return dict(found.scalar_one())
