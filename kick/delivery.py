"""The way from the socket to whoever listens: in order, never blocking, never dropping a gift."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice, takewhile

from core.kick_events import (
    GIFT_CHAT,
    ChatMessage,
    GiftedSubs,
    GiftNotice,
    GiftsLeaderboard,
    KickEvent,
    KicksGifted,
    OwnSub,
    UnknownEvent,
)

log = logging.getLogger(__name__)

Sink = Callable[[KickEvent], Awaitable[None]]
SinkMany = Callable[[Sequence[KickEvent]], Awaitable[None]]

_TOGETHER = (GiftedSubs, GiftNotice, GiftsLeaderboard, KicksGifted, OwnSub, ChatMessage, UnknownEvent)


def droppable(event: KickEvent) -> bool:
    """Ordinary chat and unknown events may be dropped when the listener cannot follow; nothing else may."""
    if isinstance(event, ChatMessage):
        return event.kind != GIFT_CHAT
    return isinstance(event, UnknownEvent)


class Delivery:
    """A queue of at most `limit` events before the sink; beyond it chat is dropped and counted.

    `many` takes several events at once, where a gift heads the queue; what it refuses goes one by one.
    """

    RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)

    MOST_TOGETHER = 100

    def __init__(self, sink: Sink, limit: int = 100_000, many: SinkMany | None = None) -> None:
        self._sink = sink
        self._many = many
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
                handed += await self._next()
                if handed % 100 == 0:
                    await asyncio.sleep(0)
            self._filled.clear()
            self._idle.set()

    async def _next(self) -> int:
        """Hand over what heads the queue; how many events."""
        head = self._waiting[0]
        if self._many is not None and len(self._waiting) > 1 and not droppable(head) and isinstance(head, _TOGETHER):
            together = list(
                takewhile(lambda event: isinstance(event, _TOGETHER), islice(self._waiting, self.MOST_TOGETHER))
            )
            if await self._taken(self._many, together):
                for _ in together:
                    self._waiting.popleft()
                return len(together)
        await self._hand_over(head)
        self._waiting.popleft()
        return 1

    async def _taken(self, many: SinkMany, events: Sequence[KickEvent]) -> bool:
        try:
            await many(events)
        except Exception:
            log.warning("kick_events_refused_together", exc_info=True, extra={"events": len(events)})
            return False
        return True

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
