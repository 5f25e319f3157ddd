"""Events reach the listener in order, and what pays always does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from core.kick_events import ChatMessage, KickEvent, SocketGap, UnknownEvent
from kick.delivery import Delivery, Sink
from tests.kick.test_kick_events import GIFT

NOW = datetime(2026, 9, 12, 20, tzinfo=UTC)


def chat(number: int, kind: str = "message") -> ChatMessage:
    return ChatMessage(5, str(number), 1, "a", "a", "hi", frozenset(), kind, None, NOW, NOW)


@asynccontextmanager
async def delivering(sink: Sink, limit: int = 10) -> AsyncIterator[Delivery]:
    delivery = Delivery(sink, limit)
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_full_queue_drops_chat_and_nothing_else() -> None:
    heard: list[KickEvent] = []
    gate = asyncio.Event()

    async def sink(event: KickEvent) -> None:
        await gate.wait()
        heard.append(event)

    kept: list[KickEvent] = [GIFT, SocketGap(NOW, NOW, "x"), chat(99, "gift_subscription")]
    async with delivering(sink, limit=3) as delivery:
        for number in range(5):
            delivery.put(chat(number))
        delivery.put(UnknownEvent("x", None))
        for event in kept:
            delivery.put(event)
        assert (delivery.dropped_chat, len(delivery)) == (3, 6)
        gate.set()
        await delivery.drained()
    assert heard == [chat(0), chat(1), chat(2), *kept]


async def test_a_gift_is_offered_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delivery, "RETRIES", (0.0, 0.0, 0.0))
    offered: list[KickEvent] = []

    async def sink(event: KickEvent) -> None:
        offered.append(event)
        if offered.count(event) < 3 and event is not offered[0]:
            raise ConnectionError("the database is away")

    async with delivering(sink) as delivery:
        for event in (chat(1), GIFT, chat(2)):
            delivery.put(event)
        await delivery.drained()
    assert offered == [chat(1), GIFT, GIFT, GIFT, chat(2)]
    assert delivery.failed == 1


async def test_a_gift_that_is_never_taken_does_not_block_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delivery, "RETRIES", (0.0,))
    heard: list[KickEvent] = []

    async def sink(event: KickEvent) -> None:
        if event is GIFT:
            raise ValueError("poison")
        heard.append(event)

    async with delivering(sink) as delivery:
        delivery.put(GIFT)
        delivery.put(chat(1))
        await delivery.drained()
    assert (heard, delivery.failed) == ([chat(1)], 1)
