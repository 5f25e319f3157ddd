"""SQL of what was said of a channel's being live, for the process that comes after."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row
from core.moments import AHEAD


async def all_of(conn: Connection, guild_id: int) -> list[Row]:
    result = await conn.execute(
        text("SELECT source, live, started_at, at, said_by FROM kick_live WHERE guild_id = :guild_id"),
        {"guild_id": guild_id},
    )
    return [dict(row) for row in result.mappings()]


async def keep(
    conn: Connection, guild_id: int, source: str, live: bool, started_at: datetime | None, at: datetime, said_by: str
) -> None:
    """What a source said, unless it said something newer before; more than `AHEAD` newer it cannot have been."""
    await conn.execute(
        text(
            "INSERT INTO kick_live AS k (guild_id, source, live, started_at, at, said_by) "
            "VALUES (:guild_id, :source, :live, :started_at, :at, :said_by) "
            "ON CONFLICT (guild_id, source) DO UPDATE SET live = excluded.live, "
            "started_at = excluded.started_at, at = excluded.at, said_by = excluded.said_by "
            "WHERE k.at <= excluded.at OR k.at > CAST(:newest AS timestamptz)"
        ),
        {
            "guild_id": guild_id, "source": source, "live": live, "started_at": started_at, "at": at,
            "said_by": said_by, "newest": at + AHEAD,
        },
    )  # fmt: skip
