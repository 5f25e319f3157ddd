"""Ids and live status from the site, and the socket's address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from core.kick_events import KickChannelIds
from kick.endpoints import KNOWN_URL, REALTIME, Endpoints, negotiated_url, pusher_url, realtime_base
from kick.lookup import ChannelUnknown, LookupBlocked, lookup_channel
from tests.kick.conftest import Kick

CLOCK = SystemClock()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_ids_and_live_status(kick: Kick, session: aiohttp.ClientSession) -> None:
    found = await lookup_channel(session, kick.site, "Sandbox_Streamer", CLOCK)
    assert found.ids == KickChannelIds("sandbox-streamer", 7001, 9001, 8001)
    assert (found.live.live, found.live.started_at, found.live.source) == (False, None, "site")
    await kick.world.go_live()
    live = (await lookup_channel(session, kick.site + "/", "sandbox-streamer", CLOCK)).live
    assert live.live
    assert live.started_at is not None
    assert abs(live.at - live.started_at) < timedelta(minutes=1)


async def test_an_unknown_channel(kick: Kick, session: aiohttp.ClientSession) -> None:
    with pytest.raises(ChannelUnknown, match="KICK_CHANNEL"):
        await lookup_channel(session, kick.site, "nobody", CLOCK)


async def test_a_blocked_lookup_says_what_to_set(kick: Kick, session: aiohttp.ClientSession) -> None:
    kick.world.site_blocked = True
    with pytest.raises(LookupBlocked) as blocked:
        await lookup_channel(session, kick.site, "sandbox-streamer", CLOCK)
    for variable in ("KICK_CHANNEL_ID", "KICK_CHATROOM_ID", "KICK_BROADCASTER_USER_ID"):
        assert variable in str(blocked.value)
    assert blocked.value.why == "status 403"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Just a moment...</html>", "no JSON"),
        (b'{"error":"Request blocked by security policy."}', "Request blocked by security policy."),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no ids in the answer"),
        (b'{"id": 5, "chatroom": null}', "no ids in the answer"),
        (b'{"id": "x", "chatroom": {"id": {}}}', "no ids in the answer"),
    ],
)
async def test_other_answers_are_blocks_too(session: aiohttp.ClientSession, body: bytes, why: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/api/v2/channels/{slug}", answer)
    async with TestServer(app) as server:
        with pytest.raises(LookupBlocked) as blocked:
            await lookup_channel(session, str(server.make_url("/")), "a", CLOCK)
    assert blocked.value.why == why


async def test_nobody_at_home_is_a_block(session: aiohttp.ClientSession) -> None:
    with pytest.raises(LookupBlocked):
        await lookup_channel(session, "http://127.0.0.1:9", "a/../b", CLOCK)


async def test_the_configured_address_wins(kick: Kick, session: aiohttp.ClientSession) -> None:
    endpoints = Endpoints(session, kick.site, lambda: 7001, override="ws://127.0.0.1:1/app/x")
    assert (await endpoints(fresh=True)).url == "ws://127.0.0.1:1/app/x"


async def test_the_negotiated_address_is_kept_until_asked_anew(kick: Kick, session: aiohttp.ClientSession) -> None:
    endpoints = Endpoints(session, kick.site, lambda: None)
    assert (await endpoints()).url == pusher_url("sandbox", "sandbox")
    kick.world.site_blocked = True
    assert (await endpoints()).url == pusher_url("sandbox", "sandbox")
    assert (await endpoints(fresh=True)).url == KNOWN_URL


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"data": None},
        {"data": {"connections": [{"provider": "centrifugo", "credentials": {"url": "wss://x"}}]}},
        {
            "data": {
                "connections": [{"provider": "carrier-pigeon", "credentials": {"url": "wss://x/connection/websocket"}}]
            }
        },
        {"data": {"connections": [{"provider": "centrifugo", "credentials": {"url": "file:///connection/websocket"}}]}},
        {"data": {"connections": [{"provider": "pusher", "credentials": {"app_key": "a/b", "cluster": "c"}}]}},
        {"data": {"connections": [{"provider": "pusher", "credentials": {"app_key": 5, "cluster": "c"}}]}},
    ],
)
def test_an_offer_that_we_cannot_use(answer: object) -> None:
    assert negotiated_url(answer) is None


def test_the_host_that_negotiates() -> None:
    assert realtime_base("https://kick.com/") == REALTIME
    assert realtime_base("http://127.0.0.1:8/kick") == "http://127.0.0.1:8/kick"
