"""What Kick told us once, kept for the processes that come after: channels' ids, and which subscriptions are ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core import kick_channels, kick_subscriptions
from core.clock import Clock
from core.db import Database
from core.kick_events import KickChannelIds, KickSubscription


@dataclass(frozen=True)
class KickMemory:
    """Each call is a transaction of its own. Errors: those of the database."""

    db: Database
    clock: Clock

    async def recall(self, name: str) -> KickChannelIds | None:
        async with self.db.transaction() as conn:
            return await kick_channels.recall(conn, name)

    async def remember(self, name: str, ids: KickChannelIds) -> None:
        async with self.db.transaction() as conn:
            await kick_channels.remember(conn, name, ids, self.clock.now())

    async def subscribed(self, made: Sequence[KickSubscription]) -> None:
        async with self.db.transaction() as conn:
            await kick_subscriptions.remember(conn, made, self.clock.now())
