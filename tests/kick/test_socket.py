"""The socket against a served Kick, well and ill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from core.clock import SystemClock
from core.kick_events import (
    ChatMessage,
    GiftedSubs,
    GiftsLeaderboard,
    KickChannelIds,
    LiveStatus,
    SocketGap,
    gift_key,
)
from kick.channels import channel_names
from kick.dialect import Endpoint, Pusher
from kick.socket import KickSocket
from tests.kick.conftest import QUICK, STREAMER, Heard, Kick, hurried, listening
from tests.patience import patient, until


def connected(socket: KickSocket) -> bool:
    return socket.state.status == "connected"


async def test_chat_arrives_typed_and_in_order(kick: Kick) -> None:
    heard = Heard()
    async with listening(kick.url, heard) as socket:
        await until(lambda: connected(socket))
        for number in range(200):
            await kick.world.chat("Night_Owl", f"message {number}", ["moderator"])
        await until(lambda: len(heard.events) == 200)
    messages = heard.of(ChatMessage)
    assert [message.content for message in messages] == [f"message {number}" for number in range(200)]
    assert messages[0].badges == {"moderator"}
    assert messages[0].chatroom_id == STREAMER.chatroom_id


async def test_all_five_spellings_are_subscribed(kick: Kick) -> None:
    async with listening(kick.url, Heard()) as socket:
        await until(lambda: connected(socket))
        assert set(kick.world.state()["subscribed"]) == set(channel_names(STREAMER))
        assert len(channel_names(STREAMER)) == 5


@pytest.mark.parametrize(("count", "chunks"), [(1, 1), (5, 1), (250, 3)])
async def test_one_gift_in_all_its_frames_has_one_key(kick: Kick, count: int, chunks: int) -> None:
    heard = Heard()
    async with listening(kick.url, heard) as socket:
        await until(lambda: connected(socket))
        await kick.world.gift("Big_Gifter", count)
        await kick.world.replay_last_gift()
        await until(lambda: len(heard.of(GiftedSubs)) == 4 * chunks)
    gifts = heard.of(GiftedSubs)
    assert len({gift_key(gift) for gift in gifts}) == 1
    assert {gift.gifted_total for gift in gifts} == {count}
    assert len({name for gift in gifts for name in gift.giftees}) == count
    assert {(gift.chatroom_id, gift.channel_id) for gift in gifts} == {(9001, 7001)}
    assert isinstance(heard.events[0], GiftsLeaderboard)


async def test_two_channels_on_one_connection_and_a_third_later(kick: Kick) -> None:
    ids = [KickChannelIds(f"s{n}", 10 + n, 20 + n, 30 + n) for n in range(3)]
    for each in ids:
        kick.world.add_channel(each.slug, each.channel_id or 0, 0, each.chatroom_id or 0)
    heard = Heard()
    async with listening(kick.url, heard, QUICK, ids[0], ids[1]) as socket:
        await until(lambda: connected(socket))
        await socket.follow(ids[1:])
        await until(lambda: set(kick.world.state()["subscribed"]) == {n for i in ids[1:] for n in channel_names(i)})
        for each in ids:
            await kick.world.go_live(each.slug)
        await until(lambda: len(heard.of(LiveStatus)) == 2)
        assert kick.world.pusher.counts["attempts"] == 1
    assert [(status.channel_id, status.chatroom_id) for status in heard.of(LiveStatus)] == [
        (11, 21),
        (12, 22),
    ]


async def test_without_a_channel_it_waits_for_one(kick: Kick) -> None:
    socket = KickSocket(kick.url, [], SystemClock(), Heard(), timings=QUICK, backoff=hurried())
    task = asyncio.create_task(socket.run())
    await asyncio.sleep(0.05)
    assert socket.state.attempts == 0
    await socket.follow([STREAMER])
    await until(lambda: connected(socket))
    task.cancel()
    await asyncio.wait({task})


async def test_quiet_connections_are_asked_and_kept(kick: Kick) -> None:
    timings = replace(QUICK, activity=0.05)
    async with listening(kick.url, Heard(), timings) as socket:
        await until(lambda: kick.world.pusher.counts["pings"] >= 3)
        assert socket.state.attempts == 1


async def test_a_server_gone_silent_is_left_and_found_again(kick: Kick) -> None:
    heard = Heard()
    async with listening(kick.url, heard, replace(QUICK, activity=0.05, pong=0.1)) as socket:
        await until(lambda: connected(socket))
        before = socket.state.last_frame_at
        kick.world.pusher.silence(60)
        await until(lambda: socket.state.status == "down" or socket.state.attempts > 1)
        kick.world.pusher.heal()
        await until(lambda: connected(socket) and heard.of(SocketGap))
    (gap,) = heard.of(SocketGap)
    assert before is not None
    assert before <= gap.started_at < gap.ended_at
    assert gap.reason == "no answer to a ping"


@pytest.mark.parametrize("code", [1006, 1001, 4100, 4200])
async def test_a_closed_connection_comes_back_with_a_gap(kick: Kick, code: int) -> None:
    heard = Heard()
    async with listening(kick.url, heard) as socket:
        await until(lambda: connected(socket))
        await kick.world.pusher.close_all(code)
        await until(lambda: heard.of(SocketGap))
        await kick.world.chat("a", "back")
        await until(lambda: heard.of(ChatMessage))
        assert isinstance(heard.events[0], SocketGap)
        assert (socket.state.attempts, socket.state.alarm) == (2, None)


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_refusals_end_in_one_gap_from_the_start(kick: Kick, status: int) -> None:
    kick.world.pusher.refuse(60, status=status)
    heard = Heard()
    started = SystemClock().now()
    async with listening(kick.url, heard) as socket:
        await until(lambda: socket.state.attempts >= 4)
        assert (socket.state.status, socket.state.reason) == ("down", f"refused {status}") or (
            socket.state.status == "connecting"
        )
        kick.world.pusher.heal()
        await until(lambda: heard.of(SocketGap))
        assert connected(socket)
    (gap,) = heard.of(SocketGap)
    assert gap.reason == f"refused {status}"
    assert started <= gap.started_at <= gap.ended_at


async def test_accept_and_close_backs_off_though_each_handshake_succeeds(kick: Kick) -> None:
    kick.world.pusher.refuse(60, code=4200)
    heard = Heard()
    async with listening(kick.url, heard) as socket:
        await until(lambda: socket.state.attempts >= 5)
        assert socket.state.failures >= 4
        kick.world.pusher.heal()
        await until(lambda: heard.of(SocketGap))
    assert heard.of(SocketGap)[0].reason == "error 4200"


async def test_a_rejected_key_raises_an_alarm_and_retries_slowly(kick: Kick) -> None:
    kick.world.pusher.refuse(60, code=4001)
    async with listening(kick.url, Heard()) as socket:
        await until(lambda: socket.state.alarm is not None)
        await asyncio.sleep(0.3)
        assert (socket.state.attempts, socket.state.status) == (1, "down")
        kick.world.pusher.heal()
        await until(lambda: connected(socket))
        assert (socket.state.attempts, socket.state.alarm) == (2, None)


async def test_a_rejected_key_is_negotiated_anew(kick: Kick) -> None:
    asked: list[bool] = []

    async def provide(*, fresh: bool = False, failures: int = 0, instead_of: str | None = None) -> Endpoint:
        asked.append(fresh)
        return Endpoint(kick.url if fresh else kick.url.replace("/app/sandbox", "/app/dead"), Pusher)

    socket = KickSocket(provide, [STREAMER], SystemClock(), Heard(), timings=QUICK, backoff=hurried())
    task = asyncio.create_task(socket.run())
    await until(lambda: connected(socket))
    assert (asked, socket.state.attempts) == ([False, True], 2)
    task.cancel()
    await asyncio.wait({task})


async def test_garbage_is_counted_and_the_connection_kept(kick: Kick) -> None:
    heard = Heard()
    async with listening(kick.url, heard) as socket:
        await until(lambda: connected(socket))
        sent = await kick.world.garbage(3)
        await kick.world.chat("a", "still here")
        await until(lambda: heard.of(ChatMessage))
        assert (socket.state.attempts, socket.state.malformed) == (1, sent - 3)
        assert socket.state.counters["SomethingNew"] == 3


async def test_names_are_counted_within_bounds(kick: Kick) -> None:
    async with listening(kick.url, Heard()) as socket:
        await until(lambda: connected(socket))
        for number in range(300):
            await kick.world.raw(f"Event{number}", "chatroom_9001", {})
        await until(lambda: sum(socket.state.counters.values()) >= 306)
        assert len(socket.state.counters) <= 201
        assert socket.state.counters["other"] >= 100


async def test_an_event_without_any_id_belongs_to_the_only_channel(kick: Kick) -> None:
    heard = Heard()
    body = {
        "id": "x1",
        "type": "gift_subscription",
        "sender": {"username": "g"},
        "metadata": {"gift_count": 5},
    }
    async with listening(kick.url, heard) as socket:
        await until(lambda: connected(socket))
        await kick.world.pusher.send_to_all(json.dumps({"event": "ChatMessageEvent", "data": body}).encode())
        await until(lambda: heard.events)
    (message,) = heard.of(ChatMessage)
    assert (message.chatroom_id, gift_key(message)) == (9001, "chat:9001:x1")


@asynccontextmanager
async def odd_server(handler: Any) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.2) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/app/x"


async def test_a_server_that_never_establishes_is_left(kick: Kick) -> None:
    async def mute(ws: ServerConnection) -> None:
        await ws.wait_closed()

    async with odd_server(mute) as url, listening(url, Heard(), replace(QUICK, opening=0.1)) as socket:
        await until(lambda: socket.state.attempts >= 2)
        assert socket.state.reason == "no answer in time"


async def test_the_servers_ping_is_answered() -> None:
    answers: list[str] = []

    async def asking(ws: ServerConnection) -> None:
        await ws.send('{"event":"pusher:connection_established","data":"{}"}')
        await ws.send('{"event":"pusher:ping","data":"{}"}')
        async for text in ws:
            answers.append(json.loads(text)["event"])

    async with odd_server(asking) as url, listening(url, Heard()):
        await until(lambda: "pusher:pong" in answers)


async def test_a_server_that_confirms_nothing_still_counts_as_heard() -> None:
    async def terse(ws: ServerConnection) -> None:
        await ws.send('{"event":"pusher:connection_established","data":{}}')
        await ws.wait_closed()

    async with odd_server(terse) as url, listening(url, Heard()) as socket:
        await until(lambda: connected(socket))
        assert socket.state.attempts == 1


async def test_a_server_that_refuses_every_subscription_is_left() -> None:
    async def strict(ws: ServerConnection) -> None:
        await ws.send('{"event":"pusher:connection_established","data":"{}"}')
        async for text in ws:
            channel = json.loads(text)["data"]["channel"]
            await ws.send(json.dumps({"event": "pusher:subscription_error", "data": "{}", "channel": channel}))

    async with odd_server(strict) as url, listening(url, Heard()) as socket:
        await until(lambda: socket.state.attempts >= 2)
        assert socket.state.reason == "every subscription refused"


async def test_nothing_listening_at_the_address_is_only_a_loss() -> None:
    async with listening("ws://127.0.0.1:9/app/x", Heard()) as socket:
        await until(lambda: socket.state.attempts >= 3)
        assert socket.state.alarm is None


async def test_an_address_that_is_none_raises_the_alarm() -> None:
    async with listening("http://127.0.0.1/app/x", Heard()) as socket:
        await until(lambda: socket.state.alarm is not None)


async def test_cancelling_closes_the_connection_though_the_server_does_not_answer() -> None:
    release = asyncio.Event()

    async def stubborn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await release.wait()
        writer.close()

    server = await asyncio.start_server(stubborn, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    socket = KickSocket(f"ws://127.0.0.1:{port}/app/x", [STREAMER], SystemClock(), Heard(), timings=QUICK)
    task = asyncio.create_task(socket.run())
    await until(lambda: socket.state.attempts == 1)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=patient(2))
    assert done == {task}
    release.set()
    server.close()
    await server.wait_closed()


async def test_what_was_heard_is_handed_over_before_the_end(kick: Kick) -> None:
    heard = Heard()
    slow = asyncio.Event()

    async def sink(event: Any) -> None:
        await slow.wait()
        await heard(event)

    socket = KickSocket(kick.url, [STREAMER], SystemClock(), sink, timings=QUICK)
    task = asyncio.create_task(socket.run())
    await until(lambda: connected(socket))
    await kick.world.gift("Big_Gifter", 3)
    await until(lambda: socket.state.queued)
    task.cancel()
    await asyncio.sleep(0.05)
    slow.set()
    await asyncio.wait({task})
    assert heard.of(GiftedSubs)
