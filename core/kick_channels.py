"""Kick's ids of a channel, kept once found: they never change, and the look-up may be blocked tomorrow."""

from __future__ import annotations

from datetime import datetime

from core.db import Connection
from core.kick_events import KickChannelIds
from core.stores import kick_channels as store


async def recall(conn: Connection, name: str) -> KickChannelIds | None:
    """What Kick answered when it was asked for the channel by this name."""
    return await store.get(conn, name)


async def remember(conn: Connection, name: str, ids: KickChannelIds, now: datetime) -> None:
    """Keep the answer; its own slug may be written otherwise than the name."""
    await store.put(conn, name, ids, now)
