"""Ten thousand random and mutated frames and bodies through the real socket and the real webhook handler."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest

from core.kick_events import GiftedSubs
from sandbox.kick.official import gifts_body, person, status_body
from tests.kick import shapes
from tests.kick_webhooks.conftest import Rig
from tests.patience import in_time, until

FRAMES, SIGNED, UNSIGNED = 2_000, 500, 100
AT_ONCE = 16
JUNK: tuple[Any, ...] = (
    None, 0, -1, 2**70, 1.5, True, "", "\0", "\ud800", "9" * 400, "<b>@everyone</b>", [], {}, [[]], {"a": None},
)  # fmt: skip
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ChatMessageEvent", shapes.chat()),
    ("App\\Events\\ChatMessageEvent", shapes.chat()),
    ("GiftedSubscriptionsEvent", shapes.gift()),
    ("GiftsLeaderboardUpdated", shapes.leaderboard()),
    ("ChatMessageSentEvent", shapes.system_message()),
    ("StreamerIsLive", shapes.stream_started()),
    ("StopStreamBroadcast", shapes.stream_stopped()),
    ("ChatMoveToSupportedChannelEvent", shapes.chat_moved()),
    ("KicksGifted", {"gift_transaction_id": "t", "sender": {"id": 5, "username": "x"}, "gift": {"amount": 5}}),
    ("SubscriptionEvent", {"username": "x", "months": 3}),
    ("EventOfNextYear", {"x": [1, 2]}),
    ("pusher:ping", {}),
)
CHANNELS = ("chatrooms.9001.v2", "chatroom_9001", "channel.7001", "channel_7001", "channel.5", "", None, 7)


def _mutated(data: Any, chance: random.Random) -> Any:
    """A copy of `data` with up to three of its values replaced by junk."""
    whole = deepcopy(data)
    for _ in range(chance.randint(0, 3)):
        inner = whole
        while isinstance(inner, dict | list) and inner:
            key = chance.choice(list(inner)) if isinstance(inner, dict) else chance.randrange(len(inner))
            if not isinstance(inner[key], dict | list) or chance.random() < 0.3:
                inner[key] = deepcopy(chance.choice(JUNK))
                break
            inner = inner[key]
    return whole


def _spoilt(raw: bytes, chance: random.Random) -> bytes:
    """Now and then cut, stuffed with other bytes, or nothing but other bytes."""
    roll = chance.random()
    if roll < 0.1:
        return chance.randbytes(chance.randrange(200))
    if roll < 0.3 and raw:
        cut = chance.randrange(len(raw))
        return raw[:cut] + chance.randbytes(chance.randrange(4)) + raw[cut + chance.randrange(20) :]
    return raw


def _frame(chance: random.Random) -> bytes:
    name, data = chance.choice(EVENTS)
    changed = _mutated(data, chance)
    inner = changed if chance.random() < 0.3 else json.dumps(changed)
    outer = {"event": name, "data": inner, "channel": chance.choice(CHANNELS)}
    return _spoilt(json.dumps(_mutated(outer, chance) if chance.random() < 0.2 else outer).encode(), chance)


def _bodies(rig: Rig) -> dict[str, dict[str, Any]]:
    channel, now = rig.kick.default, rig.clock.now()
    broadcaster, when = person("s", channel.user_id), now.isoformat()
    return {
        "channel.subscription.gifts": gifts_body(channel, "gifter_one", ("a", "b"), now),
        "channel.subscription.new": {"broadcaster": broadcaster, "subscriber": person("x"), "created_at": when},
        "channel.subscription.renewal": {"broadcaster": broadcaster, "subscriber": person("y"), "created_at": when},
        "kicks.gifted": {
            "broadcaster": broadcaster, "sender": person("z"), "gift": {"amount": 500}, "created_at": when,
        },
        "livestream.status.updated": status_body(channel, True, now, None),
        "event.of.next.year": {"broadcaster": broadcaster},
    }  # fmt: skip


async def _post_all(rig: Rig, chance: random.Random) -> Counter[int]:
    """Deliver every body, signed or not; how often which status came back."""
    shown, gate = _bodies(rig), asyncio.Semaphore(AT_ONCE)

    async def post(number: int) -> int:
        event = chance.choice(list(shown))
        body = _spoilt(json.dumps(_mutated(shown[event], chance)).encode(), chance)
        headers = rig.kick.official.signed(event, body)
        if number >= SIGNED:
            headers["Kick-Event-Signature"] = chance.choice(["", "AAAA", "no base64!", "A" * 3000])
        async with gate:
            return await rig.post(headers, body)

    return Counter(await asyncio.gather(*(post(number) for number in range(SIGNED + UNSIGNED))))


async def _stored(rig: Rig, gifter: str, count: int) -> None:
    """Until the gift is in the database: what is well formed is understood after all that came before."""
    async with in_time(10):
        while not await rig.raffle.rows(
            "SELECT id FROM raffle_gifted_subs WHERE gifter_kick_name = :gifter AND sub_count = :count",
            gifter=gifter, count=count,
        ):  # fmt: skip
            await asyncio.sleep(0.02)


@pytest.mark.thorough
async def test_thousands_of_frames_and_bodies_raise_nothing_and_are_counted(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(20)
    await rig.raffle.set("kicks_tickets_per_100", 2)
    await rig.raffle.set("new_sub_tickets", 20)
    await rig.link("Big_Gifter")
    state = rig.listener.socket
    assert state is not None
    before = sum(state.counters.values())
    for _ in range(FRAMES):
        await rig.kick.pusher.send_to_all(_frame(chance))
    statuses = await _post_all(rig, chance)
    await until(lambda: (now := rig.listener.socket) and sum(now.counters.values()) >= before + FRAMES)
    await rig.handled()
    await rig.kick.gift("a_new_gifter", 7)
    await _stored(rig, "a_new_gifter", 7)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert set(statuses) == {200, 401, 403}
    assert (statuses[401], statuses[403] < SIGNED / 10) == (UNSIGNED, True)
    after = rig.listener.socket
    assert after is not None
    assert (after.attempts, after.lost, after.dropped_chat) == (1, 0, 0)
    shown = await rig.metrics()
    assert shown['drumroll_kick_socket_total{what="malformed"}'] > FRAMES / 20
    assert shown['drumroll_kick_socket_total{what="unknown"}'] > FRAMES / 40
    assert shown['drumroll_kick_frames_total{event="GiftedSubscriptionsEvent"}'] > FRAMES / 40
    assert shown['drumroll_kick_frames_total{event="EventOfNextYear"}'] > FRAMES / 40
    assert shown['drumroll_kick_webhooks_total{status="200"}'] == statuses[200]
    assert shown['drumroll_kick_webhooks_total{status="401"}'] == UNSIGNED
    types = [figure for name, figure in shown.items() if name.startswith("drumroll_kick_webhook_types_total")]
    assert (len(types), sum(types)) == (6, SIGNED)
    outcomes = {
        name: shown.get(f'drumroll_kick_inbox_total{{outcome="{name}"}}', 0)
        for name in ("unreadable", "unwanted", "stale", "foreign", "stored", "repeated")
    }
    assert min(outcomes["unreadable"], outcomes["unwanted"], outcomes["stored"]) > SIGNED / 20
    assert sum(outcomes.values()) == SIGNED
    assert shown['drumroll_kick_inbox_total{outcome="handled"}'] == outcomes["stored"]
    assert 'drumroll_kick_inbox_total{outcome="failed"}' not in shown
    assert rig.intake.counters[GiftedSubs.__name__] > 0
