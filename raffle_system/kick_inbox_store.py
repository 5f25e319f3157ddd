"""SQL of the webhook inbox: stored before anything is done with it, handled once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row


async def add(
    conn: Connection, message_id: str, event: str, body: bytes, sent_at: datetime | None, now: datetime
) -> bool:
    """Keep a delivery; False when its message id is known."""
    result = await conn.execute(
        text(
            "INSERT INTO kick_inbox (message_id, event, body, sent_at, received_at, next_attempt_at) "
            "VALUES (:message_id, :event, :body, :sent_at, :now, :now) ON CONFLICT (message_id) DO NOTHING"
        ),
        {"message_id": message_id, "event": event, "body": body, "sent_at": sent_at, "now": now},
    )
    return result.rowcount == 1


async def due(conn: Connection, now: datetime, limit: int) -> list[Row]:
    """Deliveries to handle now, locked: another process takes others."""
    result = await conn.execute(
        text(
            "SELECT message_id, event, body, sent_at, received_at, attempts FROM kick_inbox "
            "WHERE handled_at IS NULL AND next_attempt_at <= :now ORDER BY next_attempt_at, message_id "
            "LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"now": now, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def handled(conn: Connection, message_id: str, now: datetime) -> None:
    await conn.execute(
        text("UPDATE kick_inbox SET handled_at = :now, last_error = NULL WHERE message_id = :message_id"),
        {"message_id": message_id, "now": now},
    )


async def failed(conn: Connection, message_id: str, error: str, next_attempt_at: datetime) -> None:
    await conn.execute(
        text(
            "UPDATE kick_inbox SET attempts = attempts + 1, last_error = :error, next_attempt_at = :next_attempt_at "
            "WHERE message_id = :message_id"
        ),
        {"message_id": message_id, "error": error, "next_attempt_at": next_attempt_at},
    )


async def waiting(conn: Connection) -> int:
    result = await conn.execute(text("SELECT count(*) FROM kick_inbox WHERE handled_at IS NULL"))
    return int(result.scalar_one())
