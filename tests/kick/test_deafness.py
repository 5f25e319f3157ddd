"""A socket that answers pings while the channel's events go elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from core.clock import SystemClock
from core.kick_events import ChatMessage, KickChannelIds, LiveStatus, SocketGap
from kick import deafness
from kick.api import KickApi
from kick.dialect import Endpoint, Pusher
from kick.listener import KickListener, Troubles
from sandbox.kick import CLIENT_ID, CLIENT_SECRET
from tests.kick.conftest import STREAMER, Heard, Kick
from tests.kick.conftest import listening as connected
from tests.patience import until
from tests.raffle.support import FakeClock

OTHER = KickChannelIds("other", 7002, 9002, 8002)
MINUTE = timedelta(minutes=1)


class Ear:
    """A listener, what it heard, and what it told."""

    def __init__(self, listener: KickListener, clock: FakeClock, heard: Heard, told: list[Troubles]) -> None:
        self.listener, self.clock, self.heard, self.told = listener, clock, heard, told

    @property
    def attempts(self) -> int:
        state = self.listener.socket
        return state.attempts if state is not None and state.status == "connected" else 0

    async def goes_live(self, kick: Kick) -> None:
        await kick.world.go_live()
        await until(lambda: [one for one in self.heard.of(LiveStatus) if one.source == "socket"])

    async def asked(self, kick: Kick) -> None:
        """Until the API was asked again, and the listener has looked since."""
        before = kick.world.official.counts["channels"]
        self.listener._polled.clear()
        await until(lambda: kick.world.official.counts["channels"] > before)
        looked = asyncio.Event()
        self.listener._heard = looked_at(looked)
        for _ in range(2):
            looked.clear()
            await looked.wait()


def looked_at(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def heard() -> None:
        event.set()

    return heard


@asynccontextmanager
async def listening(kick: Kick, *channels: KickChannelIds) -> AsyncIterator[Ear]:
    clock, heard, told = FakeClock(SystemClock().now()), Heard(), []
    kick.world.now = clock.now

    async def none(_name: str) -> None:
        return None

    async def keep(_name: str, _ids: KickChannelIds) -> None:
        return

    async def troubled(troubles: Troubles) -> None:
        told.append(troubles)

    async with aiohttp.ClientSession() as session:
        app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        api = KickApi(session, clock, api_base=kick.site, id_base=kick.site, **app)
        listener = KickListener(
            session, clock, site_base=kick.site, socket_url=kick.url, wanted=lambda: dict(enumerate(channels)),
            followed=lambda _channels: None, on_event=heard, recall=none, remember=keep, api=api, troubled=troubled,
        )  # fmt: skip
        ear = Ear(listener, clock, heard, told)
        task = asyncio.create_task(listener.run())
        try:
            await until(lambda: ear.attempts)
            yield ear
        finally:
            task.cancel()
            await asyncio.wait({task})


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deafness, "REAL_SECONDS", 0.0)
    monkeypatch.setattr("kick.listener.LOOK_SECONDS", 0.02)


async def test_live_and_nothing_published_is_connected_anew_and_told(kick: Kick) -> None:
    kick.world.default.viewers = 250
    async with listening(kick, STREAMER) as ear:
        await kick.world.go_live()
        await kick.world.chat("anna", "hello")
        await until(lambda: ear.heard.of(ChatMessage))
        last = ear.clock.now()
        ear.clock.advance(9 * MINUTE)
        await ear.asked(kick)
        assert ear.attempts == 1
        ear.clock.advance(MINUTE)
        await until(lambda: ear.attempts == 2)
        await until(lambda: ear.told[-1:] == [{0: {"deaf": {"name": "sandbox-streamer", "minutes": "10"}}}])
        gap = (await until(lambda: ear.heard.of(SocketGap)))[-1]
        assert (gap.started_at, gap.reason) == (last, "live, and nothing published")
        state = ear.listener.socket
        assert state is not None
        assert state.alarm == gap.reason
        ear.clock.advance(19 * MINUTE)  # the second try comes after twice the time
        await ear.asked(kick)
        assert ear.attempts == 2
        await kick.world.chat("anna", "there you are")
        await until(lambda: ear.told[-1] == {})
        state = ear.listener.socket
        assert state is not None
        assert (state.alarm, state.attempts) == (None, 2)


async def test_offline_or_quiet_with_few_viewers_is_no_deafness(kick: Kick) -> None:
    async with listening(kick, STREAMER) as ear:
        ear.clock.advance(180 * MINUTE)
        await ear.asked(kick)
        await ear.goes_live(kick)
        ear.clock.advance(119 * MINUTE)
        await ear.asked(kick)
        assert ear.attempts == 1
        assert ear.told in ([], [{}])
        ear.clock.advance(MINUTE)
        await until(lambda: ear.attempts == 2)


async def test_where_others_are_heard_only_the_silent_channel_is_subscribed_anew(kick: Kick) -> None:
    kick.world.default.viewers = 250
    kick.world.add_channel("other", 7002, 8002, 9002)
    async with listening(kick, STREAMER, OTHER) as ear:
        await ear.goes_live(kick)
        ear.clock.advance(10 * MINUTE - timedelta(seconds=1))
        await kick.world.chat("anna", "hello", slug="other")
        await until(lambda: ear.heard.of(ChatMessage))
        ear.clock.advance(timedelta(seconds=1))
        await until(lambda: ear.told and ear.told[-1])
        assert (list(ear.told[-1]), ear.attempts, ear.heard.of(SocketGap)) == ([0], 1, [])
        await kick.world.chat("ben", "again")
        await until(lambda: ear.told[-1] == {})
        assert len(ear.heard.of(ChatMessage)) == 2


async def test_a_channel_that_cannot_be_found_is_told(kick: Kick) -> None:
    async with listening(kick, STREAMER, KickChannelIds("nobody_here")) as ear:
        await until(lambda: ear.told and ear.told[-1] == {1: {"unknown": {"name": "nobody_here"}}})
        kick.world.site_blocked = True
        ear.clock.advance(MINUTE)
        await until(lambda: kick.world.official.counts["channels"])
        assert {str(told) for told in ear.told} == {"{1: {'unknown': {'name': 'nobody_here'}}}"}


async def test_where_the_other_address_is_out_of_reach_kick_is_asked_again_without_conditions(kick: Kick) -> None:
    asked: list[tuple[bool, str | None]] = []

    async def provide(*, fresh: bool = False, failures: int = 0, instead_of: str | None = None) -> Endpoint:
        asked.append((fresh, instead_of))
        return Endpoint("ws://127.0.0.1:9/" if instead_of else kick.url, Pusher)

    async with connected(provide, Heard()) as socket:
        await until(lambda: socket.state.status == "connected")
        socket.renew("deaf")
        await until(lambda: socket.state.status == "connected" and socket.state.attempts == 3)
    assert asked == [(False, None), (True, kick.url), (True, None)]
