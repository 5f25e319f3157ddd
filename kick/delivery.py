"""The way from the socket to whoever listens: in order, never blocking, never dropping a gift."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from core.kick_events import GIFT_CHAT, ChatMessage, KickEvent, UnknownEvent

log = logging.getLogger(__name__)

Sink = Callable[[KickEvent], Awaitable[None]]


def droppable(event: KickEvent) -> bool:
    """Ordinary chat and unknown events may be dropped when the listener cannot follow; nothing else may."""
    if isinstance(event, ChatMessage):
        return event.kind != GIFT_CHAT
    return isinstance(event, UnknownEvent)


class Delivery:
    """A queue of at most `limit` events before the sink; beyond it chat is dropped and counted."""

    RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)

    def __init__(self, sink: Sink, limit: int = 100_000) -> None:
        self._sink = sink
        self._limit = limit
        self._waiting: deque[KickEvent] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.dropped_chat = 0
        self.failed = 0

    def put(self, event: KickEvent) -> None:
        """Queue an event; never waits."""
        if len(self._waiting) >= self._limit and droppable(event):
            self.dropped_chat += 1
            return
        self._waiting.append(event)
        self._idle.clear()
        self._filled.set()

    def __len__(self) -> int:
        return len(self._waiting)

    async def run(self) -> None:
        """Hand over events for ever."""
        while True:
            await self._filled.wait()
            handed = 0
            while self._waiting:
                await self._hand_over(self._waiting[0])
                self._waiting.popleft()
                handed += 1
                if handed % 100 == 0:
                    await asyncio.sleep(0)
            self._filled.clear()
            self._idle.set()

    async def drained(self) -> None:
        """Return when everything queued was handed over."""
        await self._idle.wait()

    async def _hand_over(self, event: KickEvent) -> None:
        """Give the event to the sink; what may not be lost is tried again for about a minute."""
        delays = () if droppable(event) else self.RETRIES
        for delay in (*delays, None):
            try:
                await self._sink(event)
            except Exception:
                if delay is None:
                    self.failed += 1
                    log.exception("kick_event_lost", extra={"event": repr(event)[:1000]})
                    return
                log.warning("kick_event_refused", exc_info=True, extra={"event": repr(event)[:300]})
                await asyncio.sleep(delay)
            else:
                return
