"""Kick's ids of a channel, found once: they never change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection
from core.kick_events import KickChannelIds


async def get(conn: Connection, slug: str) -> KickChannelIds | None:
    result = await conn.execute(
        text("SELECT channel_id, chatroom_id, broadcaster_user_id FROM kick_channels WHERE slug = :slug"),
        {"slug": slug},
    )
    row = result.first()
    if row is None:
        return None
    return KickChannelIds(slug, row.channel_id, row.chatroom_id, row.broadcaster_user_id)


async def put(conn: Connection, ids: KickChannelIds, now: datetime) -> None:
    await conn.execute(
        text(
            "INSERT INTO kick_channels (slug, channel_id, chatroom_id, broadcaster_user_id, found_at) "
            "VALUES (:slug, :channel_id, :chatroom_id, :broadcaster_user_id, :now) ON CONFLICT (slug) DO NOTHING"
        ),
        {
            "slug": ids.slug, "channel_id": ids.channel_id, "chatroom_id": ids.chatroom_id,
            "broadcaster_user_id": ids.broadcaster_user_id, "now": now,
        },
    )  # fmt: skip
