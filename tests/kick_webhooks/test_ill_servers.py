"""Servers that misbehave: they are spared, found again soon, and the time without them is on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from core.kick_events import KickChannelIds
from kick.backoff import Backoff, Loss, LossKind
from kick.session import Timings
from kick.socket import KickSocket
from raffle_system.kick_intake import KickIntake
from sandbox.kick import KickWorld, add_routes
from sandbox.kick.world import GARBAGE
from tests.patience import patient, until
from tests.raffle.support import World

STREAMER = KickChannelIds("sandbox-streamer", 7001, 9001, 8001)
_SOON = patient(0.4)
IMPATIENT = Timings(opening=_SOON, activity=_SOON, pong=_SOON, subscribing=_SOON)
RECOVERY_SECONDS = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Ill:
    """A stand-in that is well until `handler` or a fault of its own takes over."""

    world: KickWorld
    url: str = ""
    handler: Handler | None = None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.handler is None or "/app/" not in request.path:
            return await handler(request)
        self.world.pusher.counts["attempts"] += 1
        return await self.handler(request)


async def _closing(request: web.Request) -> web.StreamResponse:
    """Accepts, and closes at once without another word."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.close(code=4200)
    return ws


async def _babbling(request: web.Request) -> web.StreamResponse:
    """Sends what nobody can read instead of establishing the connection."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    while not ws.closed:
        for raw in GARBAGE:
            try:
                await ws.send_frame(raw, WSMsgType.TEXT)
            except ConnectionError:
                return ws
        await asyncio.sleep(0.1)
    return ws


async def _mumbling(request: web.Request) -> web.StreamResponse:
    """No WebSocket at all, and hardly HTTP."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 101 Sure\r\nUpgrade: carrier-pigeon\r\n\r\n\x00\xff\x81")
    request.transport.close()
    return web.Response()


def _handled(handler: Handler) -> Callable[[Ill], None]:
    def fall_ill(ill: Ill) -> None:
        ill.handler = handler

    return fall_ill


def _refusing(status: int) -> Callable[[Ill], None]:
    return lambda ill: ill.world.pusher.refuse(600, status=status)


ILLNESSES: dict[str, Callable[[Ill], None]] = {
    "closes at once": _handled(_closing),
    "says 4200": lambda ill: ill.world.pusher.refuse(600, code=4200),
    "refuses 403": _refusing(403),
    "refuses 429": _refusing(429),
    "refuses 503": _refusing(503),
    "silent": lambda ill: ill.world.pusher.silence(600),
    "garbage": _handled(_babbling),
    "no WebSocket": _handled(_mumbling),
}


@asynccontextmanager
async def _served() -> AsyncIterator[Ill]:
    ill = Ill(KickWorld(SystemClock().now))
    app = web.Application(middlewares=[ill.middleware])
    add_routes(app, ill.world)
    async with TestServer(app) as server:
        ill.url = str(server.make_url("/kick")).replace("http", "ws", 1) + ill.world.socket_path
        yield ill


@asynccontextmanager
async def _listening(ill: Ill, sink: Callable[[Any], Awaitable[None]]) -> AsyncIterator[KickSocket]:
    socket = KickSocket(ill.url, [STREAMER], SystemClock(), sink, timings=IMPATIENT)
    task = asyncio.create_task(socket.run())
    try:
        await until(lambda: socket.state.status == "connected")
        yield socket
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _suffer(ill: Ill, socket: KickSocket, fall_ill: Callable[[Ill], None]) -> None:
    """A server that falls ill until it was tried in vain, and recovers; the socket listens again then."""
    before = socket.state.attempts
    fall_ill(ill)
    if not ill.world.pusher.silent:
        await ill.world.pusher.close_all(4200)
    await until(lambda: socket.state.attempts >= before + 2, RECOVERY_SECONDS)
    ill.handler = None
    ill.world.pusher.heal()
    await until(lambda: socket.state.status == "connected", RECOVERY_SECONDS)


@pytest.mark.thorough
async def test_ill_servers_are_spared_found_again_and_leave_a_gap_on_record(raffle: World) -> None:
    async with AsyncExitStack() as stack:
        suffering = []
        for fall_ill in ILLNESSES.values():
            intake = KickIntake(raffle.db, raffle.clock, raffle.guilds, "off")
            intake.follow({raffle.guild_id: STREAMER})
            ill = await stack.enter_async_context(_served())
            socket = await stack.enter_async_context(_listening(ill, intake.on_event))
            suffering.append(_suffer(ill, socket, fall_ill))
        await asyncio.gather(*suffering)

        async def recorded() -> bool:
            return bool(await raffle.scalar("SELECT count(*) FROM kick_gaps") >= len(ILLNESSES))

        await until(recorded)
    rows = await raffle.rows(
        "SELECT reason, extract(epoch FROM ended_at - started_at)::float AS seconds FROM kick_gaps"
    )
    assert len(rows) == len(ILLNESSES)
    assert all(row["seconds"] > 0 for row in rows)
    assert {row["reason"] for row in rows} == {"closed 4200", "no answer to a ping"}


@pytest.mark.parametrize(
    ("kind", "attempt"),
    [
        (LossKind.AT_ONCE, 0.01),
        (LossKind.TRANSIENT, 0.01),
        (LossKind.CROWDED, 0.01),
        (LossKind.TRANSIENT, 10.0),
        (LossKind.AT_ONCE, 40.0),
    ],
)
def test_a_minute_of_illness_holds_fewer_than_ten_attempts(kind: LossKind, attempt: float) -> None:
    """The real policy with its real spread, in simulated time: a hundred clients for ten minutes each."""
    for _ in range(100):
        backoff, now, starts = Backoff(), 0.0, []
        while now < 600:
            starts.append(now)
            now += attempt + backoff.after(Loss(kind, "ill"), attempt=attempt, connected=max(attempt - 1, 0))
        later = starts[5:]
        assert max(sum(start <= other < start + 60 for other in later) for start in later) < 10
        waited = max(b - a - attempt for a, b in pairwise(starts))
        assert waited <= 9.0 * 1.25
