"""Ids and live status from the site, and the socket's address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from core.kick_events import KickChannelIds
from kick.api import KickApi
from kick.endpoints import KNOWN_URL, REALTIME, Endpoints, negotiated_url, pusher_url, realtime_base
from kick.lookup import ChannelUnknown, LookupBlocked, lookup_channel
from sandbox.kick import CLIENT_ID, CLIENT_SECRET
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


@pytest.mark.parametrize(("name", "channel_id"), [("A_B", 71), ("a-b", 81), ("@c_d", 91)])
async def test_a_channel_is_asked_for_as_it_is_written(
    kick: Kick, session: aiohttp.ClientSession, name: str, channel_id: int
) -> None:
    for slug, first in (("a-b", 81), ("a_b", 71), ("c-d", 91)):
        kick.world.add_channel(slug, first, first + 1, first + 2)
    api = KickApi(
        session, CLOCK, api_base=kick.site, id_base=kick.site, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
    )
    found = await lookup_channel(session, kick.site, name, CLOCK)
    assert (found.ids.channel_id, found.ids.broadcaster_user_id) == (channel_id, channel_id + 1)
    by_api = await api.channel(name)
    assert by_api is not None
    assert (by_api[0].slug, by_api[0].broadcaster_user_id) == (found.ids.slug, channel_id + 1)


async def test_an_answer_of_another_channel_is_none(session: aiohttp.ClientSession) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"id": 5, "slug": "somebody-else", "user_id": 6, "chatroom": {"id": 7}})

    async def by_api(_request: web.Request) -> web.Response:
        return web.json_response({"data": [{"slug": "somebody-else", "broadcaster_user_id": 6}]})

    async def token(_request: web.Request) -> web.Response:
        return web.json_response({"access_token": "t", "expires_in": 60})

    app = web.Application()
    app.router.add_get("/api/v2/channels/{slug}", answer)
    app.router.add_get("/public/v1/channels", by_api)
    app.router.add_post("/oauth/token", token)
    async with TestServer(app) as server:
        base = str(server.make_url("/"))
        with pytest.raises(LookupBlocked, match="somebody-else"):
            await lookup_channel(session, base, "a_b", CLOCK)
        api = KickApi(session, CLOCK, api_base=base, id_base=base, client_id="i", client_secret="s")
        assert await api.channel("a_b") is None


@pytest.mark.parametrize("wrap", [
    lambda offer: {"data": {"connections": [offer]}}, lambda offer: {"connections": [offer]}, lambda offer: [offer],
    lambda offer: {"data": offer}, lambda offer: offer, lambda offer: {"data": {"connection": {"current": offer}}},
])  # fmt: skip
def test_an_offer_is_read_wherever_it_stands(wrap: Callable[[object], object]) -> None:
    key = {"app_key": "k", "cluster": "c"}
    for offer in ({"provider": "pusher", "credentials": key}, {"credentials": key}, {"provider": "pusher", **key}):
        assert negotiated_url(wrap(offer)) == pusher_url("k", "c")
    url = "wss://realtime.example/connection/websocket"
    assert negotiated_url(wrap({"provider": "centrifugo", "credentials": {"url": url}})) == url


async def test_an_address_that_tells_nothing_is_left_for_another(session: aiohttp.ClientSession) -> None:
    offers = {
        "pusher": {"provider": "pusher", "credentials": {"app_key": "k", "cluster": "c"}},
        "centrifugo": {"provider": "centrifugo", "credentials": {"url": "wss://other.example/connection/websocket"}},
    }

    async def negotiate(request: web.Request) -> web.Response:
        accepted = (await request.json())["capabilities"]["accepted_providers"]
        known = [offers[one["provider"]] for one in accepted if one["provider"] in offers]
        return web.json_response({"data": {"connections": known[:1]}}, status=200 if known else 422)

    app = web.Application()
    app.router.add_post("/api/v1/realtime/channels/{id}/chat/connection", negotiate)
    async with TestServer(app) as server:
        endpoints = Endpoints(session, str(server.make_url("/")), lambda: 7001)
        first = (await endpoints()).url
        other = (await endpoints(fresh=True, instead_of=first)).url
        assert (first, other) == (pusher_url("k", "c"), "wss://other.example/connection/websocket")
        assert (await endpoints(failures=1)).url == other
        assert (await endpoints(fresh=True, instead_of=other)).url == first
        del offers["centrifugo"]
        assert (await endpoints(fresh=True, instead_of=first)).url == first
