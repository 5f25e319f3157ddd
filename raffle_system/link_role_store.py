"""SQL of roles that links give and take: Discord's edge does it later."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row


async def add(conn: Connection, guild_id: int, discord_id: int, role_id: int, wanted: bool, now: datetime) -> None:
    """Ask for a role to be given or taken; an older wish for the same role that waits is void."""
    key = {"guild_id": guild_id, "discord_id": discord_id, "role_id": role_id, "now": now}
    await conn.execute(
        text(
            "UPDATE link_roles SET done_at = :now, last_error = 'replaced' WHERE guild_id = :guild_id "
            "AND discord_id = :discord_id AND role_id = :role_id AND done_at IS NULL"
        ),
        key,
    )
    await conn.execute(
        text(
            "INSERT INTO link_roles (guild_id, discord_id, role_id, wanted, next_attempt_at) "
            "VALUES (:guild_id, :discord_id, :role_id, :wanted, :now)"
        ),
        {**key, "wanted": wanted},
    )


async def due(conn: Connection, now: datetime, limit: int) -> list[Row]:
    result = await conn.execute(
        text(
            "SELECT id, guild_id, discord_id, role_id, wanted, attempts FROM link_roles "
            "WHERE done_at IS NULL AND next_attempt_at <= :now ORDER BY id LIMIT :limit"
        ),
        {"now": now, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def done(conn: Connection, row_id: int, error: str | None, now: datetime) -> None:
    await conn.execute(
        text("UPDATE link_roles SET done_at = :now, last_error = :error WHERE id = :id"),
        {"id": row_id, "error": error, "now": now},
    )


async def later(conn: Connection, row_id: int, error: str, next_attempt_at: datetime) -> None:
    await conn.execute(
        text(
            "UPDATE link_roles SET attempts = attempts + 1, last_error = :error, next_attempt_at = :next_attempt_at "
            "WHERE id = :id"
        ),
        {"id": row_id, "error": error, "next_attempt_at": next_attempt_at},
    )
