"""Kick's stand-in, the real listener, the real web server and the real raffle, in one process."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from core import kick_subscriptions
from core.clock import SystemClock
from core.db import Database
from core.kick_events import KickChannelIds, KickSubscription
from kick import listener
from kick.api import KickApi
from kick.listener import KickListener
from kick.signature import KickKeys
from kick.webhooks import decode_webhook
from raffle_system.kick_admission import Admission
from raffle_system.kick_inbox import KickInbox
from raffle_system.kick_intake import KickIntake
from sandbox.kick import CLIENT_ID, CLIENT_SECRET, KickWorld, add_routes
from sandbox.kick.frames import viewer_id
from tests.patience import in_time, until
from tests.raffle.support import MEMBER, FakeClock, World
from web import kick_metrics
from web.app import WebServer
from web.kick_routes import KickRoutes
from web.metrics import Metrics


class Rig:
    """One process of the bot, as far as Kick sees it."""

    def __init__(self, raffle: World, kick: KickWorld, url: str, session: aiohttp.ClientSession) -> None:
        self.raffle = raffle
        self.kick = kick
        self.url = url
        self.session = session
        self.clock = raffle.clock
        self.channels = {raffle.guild_id: KickChannelIds("sandbox-streamer", 7001, 9001, 8001)}
        self.intake = KickIntake(raffle.db, self.clock, raffle.guilds, "chat")
        self.api = KickApi(
            session, self.clock, api_base=url, id_base=url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
        self.listener = KickListener(
            session, self.clock, site_base=url, socket_url=url.replace("http", "ws", 1) + kick.socket_path,
            wanted=lambda: self.channels, followed=self.intake.follow, on_event=self.intake.on_event,
            recall=self._nothing, remember=self._forget, api=self.api, heard=self.intake.heard,
            on_events=self.intake.on_events, subscribed=self._subscribed, unsubscribed=self.intake.tell_subscriptions,
        )  # fmt: skip
        admission = Admission(True, self.intake.follows, self.listener.subscriptions.settled)
        self.inbox = KickInbox(raffle.db, self.clock, decode_webhook, self.intake.on_webhook, admission)
        self.routes = KickRoutes()
        self.routes.attach(KickKeys(self.api.public_key, within=0.0), self.inbox)
        metrics = Metrics()
        kick_metrics.register(metrics, self.listener, self.intake, self.inbox, self.routes)
        self.server = WebServer("127.0.0.1", 0, self._health, metrics.registry, [self.routes.add_to])
        self._tasks: list[asyncio.Task[None]] = []

    async def _health(self) -> dict[str, object]:
        return {"role": "leader"}

    async def _nothing(self, _slug: str) -> None:
        return None

    async def _forget(self, _name: str, _ids: KickChannelIds) -> None:
        return None

    async def _subscribed(self, made: Sequence[KickSubscription]) -> None:
        async with self.raffle.db.transaction() as conn:
            await kick_subscriptions.remember(conn, made, self.clock.now())

    async def start(self, *, inbox: bool = True) -> Rig:
        self._tasks = [asyncio.create_task(self.server.run()), asyncio.create_task(self.listener.run())]
        self._tasks.append(asyncio.create_task(self.intake.codes.run()))
        if inbox:
            self._tasks.append(asyncio.create_task(self.inbox.run()))
        await until(lambda: self.server.bound_port)
        await until(lambda: len(self.kick.state()["subscribed"]) >= 5)
        await until(lambda: len(self.kick.official.subscriptions) >= 5)
        self.kick.official.webhook_url = f"http://127.0.0.1:{self.server.bound_port}/webhooks/kick"
        return self

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def handled(self) -> None:
        """Until every frame and every kept webhook is handled."""
        async with in_time(20):
            while True:
                state = self.listener.socket
                sent = self.kick.pusher.counts["frames"]
                heard = state is not None and state.queued == 0 and self._heard() >= sent
                if heard and not len(self.intake.codes) and await self.inbox.waiting() == 0:
                    return
                await asyncio.sleep(0.01)

    def _heard(self) -> int:
        state = self.listener.socket
        if state is None:
            return 0
        return sum(count for name, count in state.counters.items() if not name.startswith("pusher"))

    async def link(self, name: str, member: int = MEMBER) -> None:
        async with self.raffle.db.transaction() as conn:
            await self.intake.linking.bind(
                conn, self.raffle.guild_id, member, name, viewer_id(name), actor=None, channel_id=None
            )

    async def gifts(self) -> list[tuple[int, str, int]]:
        rows = await self.raffle.rows("SELECT sub_count, status, tickets_awarded FROM raffle_gifted_subs ORDER BY id")
        return [(row["sub_count"], row["status"], row["tickets_awarded"]) for row in rows]

    async def metrics(self) -> dict[str, float]:
        """What /metrics shows of Kick: `name{label}` to figure."""
        async with self.session.get(f"http://127.0.0.1:{self.server.bound_port}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        shown = [line.rpartition(" ") for line in lines if line.startswith("drumroll_kick")]
        return {name: float(figure) for name, _space, figure in shown}

    async def post(self, headers: dict[str, str], body: bytes) -> int:
        assert self.kick.official.webhook_url
        async with self.session.post(self.kick.official.webhook_url, data=body, headers=headers) as answer:
            return answer.status


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    """Kick's key for every test: to make one takes longer than most of them."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def raffle(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db, clock=FakeClock(SystemClock().now())).open()
    await db.close()


@pytest.fixture
async def rig(raffle: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(listener, "LOOK_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        kick = KickWorld(raffle.clock.now)
        kick.official.automatic = False
        kick.official._key = _key()
        app = web.Application()
        add_routes(app, kick)
        server = await stack.enter_async_context(TestServer(app))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        made = Rig(raffle, kick, str(server.make_url("/kick")), session)
        await made.start()
        yield made
        await made.stop()
