"""Webhooks: kept before they are answered, handled from the inbox, tried again until they are."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal

from core.clock import Clock
from core.db import Connection, Database, Row, is_away
from core.kick_events import KickEvent, UnknownEvent
from core.moments import happened, read_moment
from raffle_system import kick_inbox_store as store
from raffle_system.kick_admission import Admission, Delivery, Refusal

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BATCH = 50
AWAY_SECONDS = 1.0
LONGEST_WAIT = timedelta(minutes=5)

Decode = Callable[[str, str, bytes, datetime], KickEvent | None]
Handle = Callable[[Connection, KickEvent, str], Awaitable[None]]
Outcome = Literal["stored", "repeated"] | Refusal


class KickInbox:
    """`decode` turns (event type, message id, body, sent at) into an event; `handle` does what it asks for.

    Handling happens in the transaction that marks the delivery as handled, so that each counts once.
    """

    def __init__(self, db: Database, clock: Clock, decode: Decode, handle: Handle, admission: Admission) -> None:
        self._db = db
        self._clock = clock
        self._decode = decode
        self._handle = handle
        self._admission = admission
        self._arrived = asyncio.Event()
        self.counters: Counter[str] = Counter()

    async def receive(self, delivery: Delivery) -> Outcome:
        """Keep a delivery whose signature was checked, if it is meant for us and came for the first time."""
        outcome = await self._received(delivery)
        self.counters[outcome] += 1
        self._arrived.set()
        return outcome

    async def _received(self, delivery: Delivery) -> Outcome:
        now = self._clock.now()
        sent_at = read_moment(delivery.timestamp, now)
        event = self._decode(delivery.event, delivery.message_id, delivery.body, sent_at or now)
        refusal = self._admission.at_first_sight(event, sent_at, now)
        if refusal is not None or event is None:
            return self._shown(delivery, refusal or "unreadable")
        outcome = await self._kept(delivery, event, sent_at)
        if outcome in ("foreign", "early"):
            await self._admission.settled()
            outcome = await self._kept(delivery, event, sent_at)
        return outcome

    async def _kept(self, delivery: Delivery, event: KickEvent, sent_at: datetime | None) -> Outcome:
        async with self._db.transaction() as conn:
            refusal = await self._admission.is_for_us(conn, delivery, event)
            if refusal is not None:
                return refusal
            new = await store.add(conn, delivery.message_id, delivery.event, delivery.body, sent_at, self._clock.now())
        return "stored" if new else "repeated"

    def _shown(self, delivery: Delivery, refusal: Refusal) -> Refusal:
        """The log has what a later version may want to read."""
        if refusal == "unreadable":
            shown = delivery.body[:500].decode("utf-8", "replace")
            log.warning("kick_webhook_unread", extra={"event": delivery.event, "body": shown})
        return refusal

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
        if event is None or isinstance(event, UnknownEvent):  # kept by a version that could read it
            self.counters["unreadable"] += 1
            log.warning("kick_webhook_unread", extra={"event": row["event"], "delivery": row["message_id"]})
        else:
            self.counters["handled"] += 1
            await self._handle(conn, event, row["message_id"])
        await store.handled(conn, row["message_id"], self._clock.now())

    async def waiting(self) -> int:
        """How many deliveries are not handled yet."""
        async with self._db.transaction() as conn:
            return await store.waiting(conn)
