"""Kick's ids of a channel, found once: they never change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection
from core.kick_events import KickChannelIds


async def get(conn: Connection, name: str) -> KickChannelIds | None:
    result = await conn.execute(
        text(
            "SELECT coalesce(found_slug, slug) AS slug, channel_id, chatroom_id, broadcaster_user_id "
            "FROM kick_channels WHERE slug = :name"
        ),
        {"name": name},
    )
    row = result.first()
    if row is None:
        return None
    return KickChannelIds(row.slug, row.channel_id, row.chatroom_id, row.broadcaster_user_id)


async def put(conn: Connection, name: str, ids: KickChannelIds, now: datetime) -> None:
    await conn.execute(
        text(
            "INSERT INTO kick_channels (slug, found_slug, channel_id, chatroom_id, broadcaster_user_id, found_at) "
            "VALUES (:name, :slug, :channel_id, :chatroom_id, :broadcaster_user_id, :now) ON CONFLICT (slug) DO NOTHING"
        ),
        {
            "name": name, "slug": ids.slug, "channel_id": ids.channel_id, "chatroom_id": ids.chatroom_id,
            "broadcaster_user_id": ids.broadcaster_user_id, "now": now,
        },
    )  # fmt: skip
