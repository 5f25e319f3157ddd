"""SQL of roles that links give and take: Discord's edge does it later."""

from __future__ import annotations

from collections.abc import Sequence
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


async def due(conn: Connection, now: datetime, limit: int, busy: Sequence[int], full: Sequence[int]) -> list[Row]:
    """What is to be tried now, other than `busy` rows, `full` servers and those without the bot."""
    result = await conn.execute(
        text(
            "SELECT id, guild_id, discord_id, role_id, wanted, attempts FROM link_roles "
            "WHERE done_at IS NULL AND next_attempt_at <= :now AND id <> ALL(CAST(:busy AS bigint[])) "
            "AND guild_id <> ALL(CAST(:full AS bigint[])) "
            "AND guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) "
            "ORDER BY next_attempt_at LIMIT :limit"
        ),
        {"now": now, "limit": limit, "busy": list(busy), "full": list(full)},
    )
    return [dict(row) for row in result.mappings()]


async def claim_notice(conn: Connection, row_id: int, now: datetime) -> bool:
    """True for the first caller of a row: the one that tells the admins."""
    result = await conn.execute(
        text("UPDATE link_roles SET told_at = :now WHERE id = :id AND told_at IS NULL"), {"id": row_id, "now": now}
    )
    return result.rowcount == 1


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
