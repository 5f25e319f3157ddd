"""The stand-in behaves as Pusher and Kick do, and its handles turn."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from core.kick_events import ChatMessage, GiftedSubs, GiftNotice, GiftsLeaderboard, Hosting, LiveStatus
from tests.kick.conftest import Heard, Kick, listening
from tests.patience import until


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("app/sandbox", "app/other"), 4001),
        (("?protocol=7", "?"), 4008),
        (("protocol=7", "protocol=99"), 4007),
        (("protocol=7", "protocol=x"), 4006),
    ],
)
async def test_a_wrong_request_is_refused_with_pushers_code(kick: Kick, change: tuple[str, str], code: int) -> None:
    async with connect(kick.url.replace(*change)) as ws:
        assert json.loads(await ws.recv())["data"]["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


async def test_nothing_is_delivered_before_the_subscription(kick: Kick) -> None:
    async with connect(kick.url) as ws:
        assert json.loads(await ws.recv())["event"] == "pusher:connection_established"
        await kick.world.chat("a", "unheard")
        await ws.send('{"event":"pusher:subscribe","data":{"auth":"","channel":"chatrooms.9001.v2"}}')
        assert json.loads(await ws.recv())["event"] == "pusher_internal:subscription_succeeded"
        await kick.world.chat("a", "heard")
        assert json.loads(json.loads(await ws.recv())["data"])["content"] == "heard"
        await ws.send("nonsense")
        assert json.loads(await ws.recv())["event"] == "pusher:error"
        await ws.send('{"event":"pusher:subscribe","data":{"channel":"private-x"}}')
        assert json.loads(await ws.recv())["event"] == "pusher:subscription_error"


async def test_the_handles(kick: Kick, session: aiohttp.ClientSession) -> None:
    async def turn(handle: str, **body: Any) -> Any:
        async with session.post(f"{kick.site}/control/{handle}", json=body) as response:
            assert response.status == 200, await response.text()
            return (await response.json())["result"]

    heard = Heard()
    async with listening(kick.url, heard) as socket:
        await until(lambda: socket.state.status == "connected")
        await turn("live")
        await turn("chat", username="viewer123", text="hi", badges=["vip"])
        assert (await turn("gift", gifter="Big_Gifter", count=2))["count"] == 2
        await turn("gift", gifter="shy", giftees=["a"], anonymous=True)
        await turn("replay")
        await turn("host", other="Other_One")
        await turn("crowd", size=20)
        await turn("raw", event="StopStreamBroadcast", channel="channel_7001", data={"livestream": {}})
        await turn("offline")
        await until(lambda: len(heard.of(ChatMessage)) == 21 and len(heard.of(LiveStatus)) == 3)
        assert await turn("drop", seconds=0, status=503) == 1
        await until(lambda: socket.state.attempts >= 2)
    assert len({message.user_id for message in heard.of(ChatMessage)}) == 21
    assert heard.of(Hosting)[0].outgoing
    told = [heard.of(kind) for kind in (GiftedSubs, GiftNotice, GiftsLeaderboard)]
    for events in told:
        names = {getattr(event, "gifter_name", None) or getattr(event, "username", None) for event in events}
        assert names == {"Big_Gifter", "Anonymous"}


@pytest.mark.parametrize(
    ("handle", "body", "status"),
    [
        ("nothing", {}, 404),
        ("chat", {}, 400),
        ("gift", {"gifter": "a", "count": 0}, 400),
        ("live", {"slug": "x"}, 400),
    ],
)
async def test_a_handle_turned_wrongly(
    kick: Kick, session: aiohttp.ClientSession, handle: str, body: dict[str, Any], status: int
) -> None:
    async with session.post(f"{kick.site}/control/{handle}", json=body) as response:
        assert response.status == status


async def test_the_state(kick: Kick, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{kick.site}/control/state") as response:
        state = await response.json()
    assert (state["connections"], state["channels"][0]["chatroom_id"]) == (0, 9001)
