"""SQL of the event subscriptions that our app made at Kick."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection
from core.kick_events import KickSubscription


async def add(conn: Connection, made: Sequence[KickSubscription], now: datetime) -> None:
    """Keep those that are new; of all of them, that they were seen."""
    await conn.execute(
        text(
            "INSERT INTO kick_subscriptions (id, event, broadcaster_user_id, seen_at) "
            "SELECT DISTINCT ON (n.id) n.id, n.event, n.whose, :now FROM unnest("
            "CAST(:ids AS text[]), CAST(:events AS text[]), CAST(:broadcasters AS bigint[])) n (id, event, whose) "
            "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"
        ),
        {
            "ids": [one.id for one in made], "events": [one.event for one in made],
            "broadcasters": [one.broadcaster_user_id for one in made], "now": now,
        },
    )  # fmt: skip


async def find(conn: Connection, subscription_id: str) -> tuple[str, int] | None:
    """(event, broadcaster) of a subscription of ours."""
    result = await conn.execute(
        text("SELECT event, broadcaster_user_id FROM kick_subscriptions WHERE id = :id"), {"id": subscription_id}
    )
    row = result.first()
    return (row.event, row.broadcaster_user_id) if row else None


async def any_made(conn: Connection) -> bool:
    result = await conn.execute(text("SELECT EXISTS (SELECT FROM kick_subscriptions)"))
    return bool(result.scalar_one())
