"""The gateway by hand: opcodes, close codes, what a session hears, replay."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.patience import patient
from tests.sandbox.discord.serving import Api, Body

ALL = (1 << 16) - 1
CONTENT, MEMBERS, PRESENCES = 1 << 15, 1 << 1, 1 << 8


class Wire:
    """A WebSocket to the gateway."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.sequence = 0

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def next(self) -> Body:
        frame: Body = json.loads((await asyncio.wait_for(self.socket.receive(), patient(5))).data)
        self.sequence = frame["s"] or self.sequence
        return frame

    async def event(self, name: str) -> Body:
        """The data of the next event of that name; others are passed over."""
        while True:
            frame = await self.next()
            if frame["t"] == name:
                data: Body = frame["d"]
                return data

    async def closed(self) -> int | None:
        while True:
            message = await asyncio.wait_for(self.socket.receive(), patient(5))
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                return self.socket.close_code

    async def identify(self, token: str, intents: int = ALL, **more: Any) -> Body:
        await self.send(2, {"token": token, "intents": intents, "properties": {}, **more})
        return await self.event("READY")


@asynccontextmanager
async def wire(api: Api) -> AsyncIterator[Wire]:
    url = api.base.replace("http", "ws", 1) + "/gateway/?v=10&encoding=json"
    async with api.session.ws_connect(url) as socket:
        one = Wire(socket)
        hello = await one.next()
        assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41_250)
        yield one


async def test_identify_brings_ready_and_the_guild(api: Api) -> None:
    async with wire(api) as one:
        ready = await one.identify(api.world.token, shard=[0, 1])
        assert ready["guilds"] == [{"id": api.world.home.id, "unavailable": True}]
        guild = await one.event("GUILD_CREATE")
        assert guild["member_count"] == len(api.world.home.members) == len(guild["members"])
        await one.send(1, 5)
        assert (await one.next())["op"] == 11


async def test_without_presences_only_the_bot_itself_comes_along(api: Api) -> None:
    async with wire(api) as one:
        await one.identify(api.world.token, ALL & ~PRESENCES)
        guild = await one.event("GUILD_CREATE")
        assert [member["user"]["id"] for member in guild["members"]] == [api.world.bot_id]
        await one.send(8, {"guild_id": guild["id"], "query": "view", "limit": 2, "nonce": "n"})
        chunk = await one.event("GUILD_MEMBERS_CHUNK")
        assert ([len(chunk["members"]), chunk["nonce"], chunk["chunk_count"]]) == [2, "n", 1]
        await one.send(8, {"guild_id": guild["id"], "user_ids": [api.user("vip"), "1"], "limit": 0})
        chunk = await one.event("GUILD_MEMBERS_CHUNK")
        assert ([len(chunk["members"]), chunk["not_found"]]) == [1, ["1"]]


async def test_a_large_guild_comes_in_chunks(api: Api) -> None:
    await api.discord.act("crowd", count=1500)
    async with wire(api) as one:
        await one.identify(api.world.token)
        assert (await one.event("GUILD_CREATE"))["large"] is True
        await one.send(8, {"guild_id": api.world.home.id, "query": "", "limit": 0})
        sizes = [len((await one.event("GUILD_MEMBERS_CHUNK"))["members"]) for _ in range(2)]
        assert sizes == [1000, len(api.world.home.members) - 1000]


async def test_close_codes(api: Api) -> None:
    async with wire(api) as one:
        await one.send(2, {"token": "bad", "intents": 0})
        assert await one.closed() == 4004
    async with wire(api) as one:
        await one.send(8, {"guild_id": "1"})
        assert await one.closed() == 4003
    async with wire(api) as one:
        await one.socket.send_str("no json")
        assert await one.closed() == 4002
    async with wire(api) as one:
        await one.identify(api.world.token)
        await one.send(99, None)
        assert await one.closed() == 4001
    await api.discord.forbid_intents("members")
    async with wire(api) as one:
        await one.send(2, {"token": api.world.token, "intents": MEMBERS})
        assert await one.closed() == 4014


async def test_a_session_hears_what_its_intents_allow(api: Api) -> None:
    async with wire(api) as one:
        await one.identify(api.world.token, 1 << 12 | MEMBERS)
        await api.discord.as_user("viewer1").say("general", "unheard: a guild message")
        await api.discord.as_user("viewer1").say("dm", "heard")
        assert (await one.next())["t"] == "GUILD_CREATE"
        frame = await one.next()
        assert (frame["t"], frame["d"]["content"]) == ("MESSAGE_CREATE", "heard")
        await api.discord.roles("viewer1", add=("VIP",))
        assert (await one.next())["t"] == "GUILD_MEMBER_UPDATE"


async def test_content_is_hidden_without_the_intent(api: Api) -> None:
    async with wire(api) as one:
        await one.identify(api.world.token, ALL & ~CONTENT)
        await api.discord.as_user("viewer1").say("general", "hidden")
        assert (await one.event("MESSAGE_CREATE"))["content"] == ""
        await api.discord.as_user("viewer1").say("general", "hello @drumroll")
        assert "hello" in (await one.event("MESSAGE_CREATE"))["content"]


async def test_channels_that_the_bot_cannot_see_stay_silent(api: Api) -> None:
    await api.discord.bot_permissions("mods", take=("view_channel",))
    async with wire(api) as one:
        await one.identify(api.world.token)
        await api.discord.as_user("moderator").say("mods", "unseen")
        await api.discord.as_user("moderator").say("general", "seen")
        assert (await one.event("MESSAGE_CREATE"))["content"] == "seen"


async def test_resume_replays_what_was_missed(api: Api) -> None:
    async with wire(api) as one:
        ready = await one.identify(api.world.token)
        await one.event("GUILD_CREATE")
        sequence = one.sequence
    for text in ("first", "second"):
        await api.discord.as_user("viewer1").say("general", text)
    async with wire(api) as one:
        resume = {"token": api.world.token, "session_id": ready["session_id"], "seq": sequence}
        await one.send(6, resume)
        frames = [await one.next() for _ in range(3)]
        assert [frame["t"] for frame in frames] == ["MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"]
        assert [frame["d"].get("content") for frame in frames[:2]] == ["first", "second"]
        assert [frame["s"] for frame in frames] == [sequence + 1, sequence + 2, sequence + 3]


async def test_an_unknown_session_is_invalid(api: Api) -> None:
    async with wire(api) as one:
        await one.send(6, {"token": api.world.token, "session_id": "gone", "seq": 1})
        frame = await one.next()
        assert (frame["op"], frame["d"]) == (9, False)


async def test_a_gateway_that_is_down_refuses(api: Api) -> None:
    await api.discord.gateway_down(60)
    async with api.session.get(api.base + "/gateway") as response:
        assert response.status == 503


async def test_zlib_stream_is_one_stream(api: Api) -> None:
    url = api.base.replace("http", "ws", 1) + "/gateway?v=10&encoding=json&compress=zlib-stream"
    inflate = zlib.decompressobj()
    async with api.session.ws_connect(url) as socket:
        assert json.loads(inflate.decompress(await socket.receive_bytes()))["op"] == 10
        await socket.send_json({"op": 1, "d": None})
        raw = await socket.receive_bytes()
        assert raw.endswith(b"\x00\x00\xff\xff")
        assert json.loads(inflate.decompress(raw))["op"] == 11


async def test_an_unknown_compression_is_refused(api: Api) -> None:
    async with api.session.get(api.base + "/gateway?compress=lzma") as response:
        assert response.status == 400


async def test_sharded_sessions_split_the_guilds(api: Api) -> None:
    home = (int(api.world.home.id) >> 22) % 2
    async with wire(api) as one, wire(api) as other:
        mine = await one.identify(api.world.token, shard=[home, 2])
        none = await other.identify(api.world.token, shard=[1 - home, 2])
        assert ([len(mine["guilds"]), len(none["guilds"])]) == [1, 0]
