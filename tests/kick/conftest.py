"""A Kick of our own on a port of its own, and a listener that notes what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from core.clock import SystemClock
from core.kick_events import KickChannelIds, KickEvent
from kick.backoff import Backoff
from kick.session import Timings
from kick.socket import EndpointProvider, KickSocket
from sandbox.kick import KickWorld, add_routes
from tests.patience import patient

Event = TypeVar("Event")

STREAMER = KickChannelIds("sandbox-streamer", 7001, 9001, 8001)
QUICK = Timings(opening=0.5, activity=30, pong=0.2, subscribing=0.3, stable=60, closing=0.5)


class Heard:
    """The sink of a socket under test."""

    def __init__(self) -> None:
        self.events: list[KickEvent] = []

    async def __call__(self, event: KickEvent) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


class Kick:
    """The stand-in, served."""

    def __init__(self, world: KickWorld, server: BaseTestServer) -> None:
        self.world = world
        self.site = str(server.make_url("/kick"))
        self.url = self.site.replace("http", "ws", 1) + world.socket_path


@pytest.fixture
async def kick() -> AsyncIterator[Kick]:
    world = KickWorld(SystemClock().now)
    app = web.Application()
    add_routes(app, world)
    async with TestServer(app) as server:
        yield Kick(world, server)


def hurried() -> Backoff:
    """The real policy with its waits shortened a hundredfold."""
    backoff = Backoff(spread=lambda seconds: seconds / 100)
    backoff.CROWDED_LEAST = 0.01
    backoff.REJECTED_FIRST = 0.6
    return backoff


@asynccontextmanager
async def listening(
    url: str | EndpointProvider, heard: Heard, timings: Timings = QUICK, *channels: KickChannelIds
) -> AsyncIterator[KickSocket]:
    """A socket that runs for the length of the block."""
    socket = KickSocket(url, channels or (STREAMER,), SystemClock(), heard, timings=timings, backoff=hurried())
    task = asyncio.create_task(socket.run())
    try:
        yield socket
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=patient(5))
        assert task.cancelled()
