"""Which scheduled runs are done: the identity of a run is (guild, job, due_at)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection


async def claim(conn: Connection, guild_id: int, job: str, due_at: datetime, now: datetime) -> bool:
    """Mark the run as done in the caller's transaction; False when it was done before."""
    result = await conn.execute(
        text(
            "INSERT INTO job_runs (guild_id, job, due_at, finished_at) VALUES (:guild_id, :job, :due_at, :now) "
            "ON CONFLICT DO NOTHING"
        ),
        {"guild_id": guild_id, "job": job, "due_at": due_at, "now": now},
    )
    return result.rowcount == 1
