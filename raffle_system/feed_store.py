"""SQL of the state of wager feeds: when they were asked, what was wrong, whether awards are frozen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row


async def known(conn: Connection, guild_id: int, source_key: str, digest: str) -> Row:
    """The feed's row, made when it is new, locked until the transaction ends."""
    parameters = {"guild_id": guild_id, "source_key": source_key}
    await conn.execute(
        text(
            "INSERT INTO wager_feeds (guild_id, source_key, address_digest) VALUES (:guild_id, :source_key, :digest) "
            "ON CONFLICT DO NOTHING"
        ),
        {**parameters, "digest": digest},
    )
    result = await conn.execute(
        text("SELECT * FROM wager_feeds WHERE guild_id = :guild_id AND source_key = :source_key FOR UPDATE"),
        parameters,
    )
    return dict(result.mappings().one())


async def change(conn: Connection, guild_id: int, source_key: str, values: dict[str, Any]) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    await conn.execute(
        text(f"UPDATE wager_feeds SET {assignments} WHERE guild_id = :guild_id AND source_key = :source_key"),
        {"guild_id": guild_id, "source_key": source_key, **values},
    )


async def all_of(conn: Connection, guild_id: int) -> list[Row]:
    result = await conn.execute(
        text("SELECT * FROM wager_feeds WHERE guild_id = :guild_id ORDER BY source_key"), {"guild_id": guild_id}
    )
    return [dict(row) for row in result.mappings()]


async def next_polls(conn: Connection) -> dict[tuple[int, str], datetime | None]:
    result = await conn.execute(text("SELECT guild_id, source_key, next_poll_at FROM wager_feeds"))
    return {(row.guild_id, row.source_key): row.next_poll_at for row in result}


async def thaw(conn: Connection, guild_id: int) -> int:
    """Count from what amounts fell to, from the next answer on; how many feeds were frozen or had fallen."""
    result = await conn.execute(
        text(
            "UPDATE wager_feeds SET frozen_at = NULL, falls_told_at = NULL, rebase = TRUE, next_poll_at = NULL "
            "WHERE guild_id = :guild_id AND (frozen_at IS NOT NULL OR falls_told_at IS NOT NULL)"
        ),
        {"guild_id": guild_id},
    )
    return result.rowcount
