"""Webhooks: kept before they are answered, handled from the inbox, tried again until they are."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from core.clock import Clock
from core.db import Connection, Database, Row, is_away
from core.kick_events import KickEvent, UnknownEvent
from core.moments import happened
from raffle_system import kick_inbox_store as store

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BATCH = 50
AWAY_SECONDS = 1.0
LONGEST_WAIT = timedelta(minutes=5)

Decode = Callable[[str, str, bytes, datetime], KickEvent | None]
Handle = Callable[[Connection, KickEvent, str], Awaitable[None]]


class KickInbox:
    """`decode` turns (event type, message id, body, sent at) into an event; `handle` does what it asks for.

    Handling happens in the transaction that marks the delivery as handled, so that each counts once.
    """

    def __init__(self, db: Database, clock: Clock, decode: Decode, handle: Handle) -> None:
        self._db = db
        self._clock = clock
        self._decode = decode
        self._handle = handle
        self._arrived = asyncio.Event()
        self.counters: Counter[str] = Counter()

    async def receive(self, message_id: str, event: str, body: bytes, sent_at: datetime | None) -> bool:
        """Keep a delivery whose signature was checked; False when it came before."""
        async with self._db.transaction() as conn:
            new = await store.add(conn, message_id, event, body, sent_at, self._clock.now())
        self.counters["stored" if new else "repeated"] += 1
        self._arrived.set()
        return new

    async def run(self) -> None:
        """Handle what waits, for ever."""
        while True:
            self._arrived.clear()
            try:
                handled = await self.handle_due()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("kick_inbox_waits_for_database", extra={"error": repr(error)})
                await asyncio.sleep(AWAY_SECONDS)
                continue
            if not handled:
                await self._next_arrival()

    async def _next_arrival(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._arrived.wait()
        except TimeoutError:
            return

    async def handle_due(self) -> int:
        """Try everything that is due once; how many were tried."""
        async with self._db.transaction() as conn:
            rows = await store.due(conn, self._clock.now(), BATCH)
            for row in rows:
                await self._try(conn, row)
        return len(rows)

    async def _try(self, conn: Connection, row: Row) -> None:
        """One delivery: handled, or put back for later; the others of the batch go on."""
        try:
            async with conn.begin_nested():
                await self._do(conn, row)
        except Exception as error:
            if is_away(error):
                raise
            self.counters["failed"] += 1
            log.exception("kick_webhook_failed", extra={"delivery": row["message_id"], "event": row["event"]})
            wait = min(timedelta(seconds=2.0 ** min(row["attempts"], 10)), LONGEST_WAIT)
            await store.failed(conn, row["message_id"], repr(error)[:500], self._clock.now() + wait)

    async def _do(self, conn: Connection, row: Row) -> None:
        sent_at = row["sent_at"] or row["received_at"]
        if not happened(sent_at, self._clock.now()):
            sent_at = row["received_at"]
        event = self._decode(row["event"], row["message_id"], bytes(row["body"]), sent_at)
        if event is None:
            self.counters["unreadable"] += 1
            shown = bytes(row["body"])[:500].decode("utf-8", "replace")
            log.warning("kick_webhook_unread", extra={"event": row["event"], "body": shown})
        elif isinstance(event, UnknownEvent):
            self.counters["unknown"] += 1
        else:
            self.counters["handled"] += 1
            await self._handle(conn, event, row["message_id"])
        await store.handled(conn, row["message_id"], self._clock.now())

    async def waiting(self) -> int:
        """How many deliveries are not handled yet."""
        async with self._db.transaction() as conn:
            return await store.waiting(conn)
