"""What is kept for how long. The ledger, the draws, and every key by which nothing counts twice stay for good."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from core.clock import Clock
from core.db import Database
from core.stores import retention as store

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
BATCH = 1000
KEPT: dict[str, timedelta] = {
    "webhook_bodies": timedelta(days=7),
    "messages": timedelta(days=30),
    "sign_ins": timedelta(days=1),
    "codes": timedelta(days=1),
    "acts": timedelta(days=30),
    "subscriptions": timedelta(days=90),
}


class Retention:
    """A tick of the scheduler: hourly, a batch of each kind at a time, so that nobody waits for it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._next: datetime | None = None

    async def tick(self) -> None:
        now = self._clock.now()
        if self._next is not None and now < self._next <= now + EVERY:
            return
        cleared = {what: await self._clear(what, now - age) for what, age in KEPT.items()}
        if any(cleared.values()):
            log.info("retention", extra={"cleared": cleared})
        if max(cleared.values()) < BATCH:
            self._next = now + EVERY

    async def _clear(self, what: str, before: datetime) -> int:
        async with self._db.transaction() as conn:
            return await store.clear(conn, what, before, BATCH)
