"""The event subscriptions that our app made at Kick: only what comes under one of them is meant for us.

Their ids are known to Kick and to us alone, and no log or page shows them. They outlive the process, because
deliveries come hours late, and to whichever process the platform chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from core.db import Connection
from core.kick_events import KickSubscription
from core.stores import kick_subscriptions as store

Ours = Literal["yes", "no", "not known yet"]


async def remember(conn: Connection, made: Sequence[KickSubscription], now: datetime) -> None:
    if made:
        await store.add(conn, made, now)


async def is_ours(conn: Connection, subscription_id: str, event: str, broadcaster_user_id: int | None) -> Ours:
    """Whether we made the subscription, for this event of this broadcaster; before any was made that is not known."""
    found = await store.find(conn, subscription_id)
    if found is not None:
        return "yes" if found == (event, broadcaster_user_id) else "no"
    return "no" if await store.any_made(conn) else "not known yet"
