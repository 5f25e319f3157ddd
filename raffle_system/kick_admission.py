"""Which webhooks are meant for us, now: decided before anything of them is stored.

Kick signs every app's deliveries with one key, and any app may subscribe to any channel. So a signature says that Kick
said it, to somebody, at some time. Ours is what comes under a subscription that our app made, for that event and that
broadcaster, whom a server here follows. The header that names the type is not signed: the body has to fit it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core import kick_subscriptions
from core.db import Connection
from core.kick_events import KickEvent, LiveStatus, UnknownEvent
from raffle_system.live import is_fresh

Refusal = Literal["closed", "unwanted", "unreadable", "stale", "foreign", "early"]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook whose signature was checked; `timestamp` is Kick's, as it was signed."""

    message_id: str
    event: str
    body: bytes
    timestamp: str
    subscription_id: str


@dataclass(frozen=True)
class Admission:
    """`follows` says whether a server follows the broadcaster; `settled` waits while subscriptions are being made."""

    has_app: bool
    follows: Callable[[int], bool]
    settled: Callable[[], Awaitable[None]]

    def at_first_sight(self, event: KickEvent | None, sent_at: datetime | None, now: datetime) -> Refusal | None:
        """What can be said without the database. A state that is told late is none; an event is kept however late."""
        if not self.has_app:
            return "closed"
        if isinstance(event, UnknownEvent):
            return "unwanted"
        if event is None:
            return "unreadable"
        if isinstance(event, LiveStatus):
            return None if sent_at and is_fresh(sent_at, now) and is_fresh(event.at, now) else "stale"
        return None

    async def is_for_us(self, conn: Connection, delivery: Delivery, event: KickEvent) -> Refusal | None:
        """`early`: no subscription of ours is known yet, so the same delivery may be ours when it comes again."""
        broadcaster = getattr(event, "broadcaster_user_id", None)
        ours = await kick_subscriptions.is_ours(conn, delivery.subscription_id, delivery.event, broadcaster)
        if ours == "not known yet":
            return "early"
        return None if ours == "yes" and self.follows(broadcaster or 0) else "foreign"
