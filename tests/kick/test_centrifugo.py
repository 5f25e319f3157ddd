"""The second provider: negotiated, spoken, kept up, lost and found again, over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.kick_events import ChatMessage, GiftedSubs, SocketGap, gift_key
from kick.backoff import LossKind
from kick.centrifugo import Centrifugo
from kick.channels import channel_names
from kick.decode import Frame, FrameKind
from kick.dialect import Pusher
from kick.endpoints import Endpoints, pusher_url
from tests.kick.conftest import QUICK, STREAMER, Heard, Kick, listening
from tests.patience import until

NOW = datetime(2026, 9, 12, 20, tzinfo=UTC)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def endpoints(kick: Kick, session: aiohttp.ClientSession) -> Endpoints:
    """As without KICK_WS_URL; the stand-in's Pusher is the known address."""
    kick.world.provider = "centrifugo"
    return Endpoints(session, kick.site, lambda: STREAMER.channel_id, known=kick.url)


async def test_chat_and_gifts_arrive_as_from_the_other_provider(kick: Kick, endpoints: Endpoints) -> None:
    heard = Heard()
    async with listening(endpoints, heard) as socket:
        await until(lambda: socket.state.status == "connected")
        assert set(kick.world.state()["subscribed"]) == set(channel_names(STREAMER))
        for number in range(25):
            await kick.world.chat("Night_Owl", f"message {number}", ["vip"])
        await kick.world.gift("Big_Gifter", 3)
        await kick.world.crowd(30)
        await until(lambda: len(heard.of(ChatMessage)) == 55 and len(heard.of(GiftedSubs)) == 2)
        assert socket.state.malformed == 0
    assert (await endpoints()).url.endswith("/connection/websocket")
    messages = heard.of(ChatMessage)
    assert [one.content for one in messages[:25]] == [f"message {number}" for number in range(25)]
    assert messages[0].badges == {"vip"}
    assert messages[0].chatroom_id == STREAMER.chatroom_id
    assert len({gift_key(gift) for gift in heard.of(GiftedSubs)}) == 1


@pytest.mark.thorough
async def test_pings_are_answered_and_their_absence_noticed(kick: Kick, endpoints: Endpoints) -> None:
    kick.world.centrifugo.ping = 0.1
    heard = Heard()
    async with listening(endpoints, heard, replace(QUICK, activity=0.4, pong=0.2)) as socket:
        await until(lambda: kick.world.centrifugo.counts["pongs"] >= 5)
        assert socket.state.attempts == 1
        kick.world.pusher.silence(60)
        await until(lambda: socket.state.attempts > 1)
        kick.world.pusher.heal()
        await until(lambda: heard.of(SocketGap))
    assert heard.of(SocketGap)[0].reason == "no answer to a ping"


@pytest.mark.thorough
async def test_the_token_is_replaced_before_it_expires(kick: Kick, endpoints: Endpoints) -> None:
    kick.world.centrifugo.ttl = 1
    async with listening(endpoints, Heard()) as socket:
        await until(lambda: kick.world.centrifugo.counts["refreshes"] >= 2)
        assert (socket.state.attempts, socket.state.status) == (1, "connected")


async def test_a_token_that_could_not_be_replaced_costs_a_reconnect(kick: Kick, endpoints: Endpoints) -> None:
    kick.world.centrifugo.ttl = 1
    heard = Heard()
    async with listening(endpoints, heard) as socket:
        await until(lambda: socket.state.status == "connected")
        asked = kick.world.centrifugo.counts["tokens asked"]
        kick.world.centrifugo.refuse_tokens = 503
        await until(lambda: socket.state.attempts > 1)
        assert kick.world.centrifugo.counts["tokens asked"] > asked + 1
        kick.world.centrifugo.refuse_tokens = None
        await until(lambda: heard.of(SocketGap))
    assert heard.of(SocketGap)[0].reason in ("closed 3005", "no token: status 503")


@pytest.mark.parametrize("code", [1006, 3000, 3001, 3005])
async def test_a_dropped_connection_comes_back_with_a_gap(kick: Kick, endpoints: Endpoints, code: int) -> None:
    heard = Heard()
    async with listening(endpoints, heard) as socket:
        await until(lambda: socket.state.status == "connected")
        await kick.world.pusher.close_all(code)
        await until(lambda: heard.of(SocketGap))
        await kick.world.chat("a", "back")
        await until(lambda: heard.of(ChatMessage))
        assert (socket.state.attempts, socket.state.alarm) == (2, None)


async def test_a_code_that_means_go_away_raises_the_alarm(kick: Kick, endpoints: Endpoints) -> None:
    async with listening(endpoints, Heard()) as socket:
        await until(lambda: socket.state.status == "connected")
        await kick.world.pusher.close_all(3507)
        await until(lambda: socket.state.alarm == "closed 3507")
        await until(lambda: socket.state.status == "connected")


async def test_where_the_offered_one_fails_the_known_address_is_tried(kick: Kick, endpoints: Endpoints) -> None:
    kick.world.centrifugo.refuse_tokens = 403
    async with listening(endpoints, Heard()) as socket:
        await until(lambda: socket.state.status == "connected")
        assert "pusher:connection_established" in socket.state.counters
        assert socket.state.attempts == 6


async def test_refused_channels_end_the_connection(kick: Kick, endpoints: Endpoints) -> None:
    kick.world.centrifugo.refuse_channels = True
    async with listening(endpoints, Heard()) as socket:
        await until(lambda: socket.state.attempts >= 2)
        assert socket.state.reason == "every subscription refused"


async def test_garbage_is_counted_and_the_connection_kept(kick: Kick, endpoints: Endpoints) -> None:
    heard = Heard()
    async with listening(endpoints, heard) as socket:
        await until(lambda: socket.state.status == "connected")
        sent = await kick.world.garbage(3)
        await kick.world.chat("a", "still here")
        await until(lambda: heard.of(ChatMessage))
        assert (socket.state.attempts, socket.state.malformed) == (1, sent)


async def test_pusher_is_asked_for_first_and_both_where_there_is_no_answer(session: aiohttp.ClientSession) -> None:
    offered: list[list[str]] = []

    async def negotiate(request: web.Request) -> web.Response:
        accepted = (await request.json())["capabilities"]["accepted_providers"]
        offered.append([one["provider"] for one in accepted])
        if len(offered[-1]) == 1:
            return web.json_response({"message": "no such provider"}, status=422)
        credentials = {"url": "wss://realtime.example/connection/websocket"}
        connection = {"provider": "centrifugo", "credentials": credentials}
        return web.json_response({"data": {"connections": [connection], "mode": "websocket"}})

    app = web.Application()
    app.router.add_post("/api/v1/realtime/channels/{id}/chat/connection", negotiate)
    async with TestServer(app) as server:
        endpoint = await Endpoints(session, str(server.make_url("/")), lambda: 5)()
    assert offered == [["pusher"], ["pusher", "centrifugo"]]
    assert endpoint.url == "wss://realtime.example/connection/websocket"
    assert isinstance(endpoint.dialect(), Centrifugo)


async def test_the_configured_address_says_which_protocol_it_is(session: aiohttp.ClientSession) -> None:
    for url, kind in (("ws://h/connection/websocket", Centrifugo), (pusher_url("k", "c"), Pusher)):
        endpoint = await Endpoints(session, "https://site.example", lambda: None, override=url)()
        assert isinstance(endpoint.dialect(), kind)


async def _no_token() -> str:
    return "token"


def _read(dialect: Centrifugo, *said: object) -> list[Frame]:
    raw = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in said)
    return [frame for frame, _part in dialect.read(raw.encode(), NOW)]


async def test_answers_are_told_apart_by_their_number() -> None:
    dialect = Centrifugo(_no_token)
    await dialect.greeting()
    dialect.subscribe("chatroom_5")
    dialect.subscribe("channel_6")
    frames = _read(
        dialect,
        {"id": 1, "connect": {"client": "c", "expires": True, "ttl": 1800, "ping": 25}},
        {"id": 3, "error": {"code": 103, "message": "permission denied"}},
        {"id": 2, "error": {"code": 105, "message": "already subscribed"}},
        {"id": 9, "subscribe": {}},
        {},
        {"push": {"channel": "channel_6", "pub": {"data": {"event": "Novelty", "data": "{}"}}}},
        {"push": {"channel": "channel_6", "join": {}}},
        "<html>",
    )
    kinds = [(frame.kind, frame.channel) for frame in frames]
    assert kinds == [
        (FrameKind.ESTABLISHED, None), (FrameKind.SUBSCRIBE_FAILED, "channel_6"), (FrameKind.SUBSCRIBED, "chatroom_5"),
        (FrameKind.MALFORMED, None), (FrameKind.PING, None), (FrameKind.UNKNOWN, "channel_6"),
        (FrameKind.UNKNOWN, "channel_6"), (FrameKind.MALFORMED, None),
    ]  # fmt: skip
    assert frames[0].activity_timeout == 30


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"id": 1, "error": {"code": 109, "message": "token expired"}}, LossKind.AT_ONCE),
        ({"id": 1, "error": {"code": 100, "message": "internal"}}, LossKind.TRANSIENT),
        ({"push": {"disconnect": {"code": 3501, "reason": "bad request"}}}, LossKind.REJECTED),
        ({"push": {"disconnect": {"code": 4000, "reason": "bye"}}}, LossKind.TRANSIENT),
        ({"push": {"channel": "x", "unsubscribe": {"code": 2500, "reason": "server"}}}, LossKind.TRANSIENT),
    ],
)
async def test_what_ends_a_connection(said: object, kind: LossKind) -> None:
    dialect = Centrifugo(_no_token)
    await dialect.greeting()
    (frame,) = _read(dialect, said)
    assert frame.kind is FrameKind.ERROR
    assert dialect.fatal(frame.code) is kind
