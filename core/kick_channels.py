"""Kick's ids of a channel, kept once found: they never change, and the look-up may be blocked tomorrow."""

from __future__ import annotations

from datetime import datetime

from core.db import Connection
from core.kick_events import KickChannelIds
from core.stores import kick_channels as store


async def recall(conn: Connection, slug: str) -> KickChannelIds | None:
    return await store.get(conn, slug)


async def remember(conn: Connection, ids: KickChannelIds, now: datetime) -> None:
    await store.put(conn, ids, now)
