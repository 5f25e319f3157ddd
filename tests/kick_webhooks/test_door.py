"""The webhook's door: who gets in, what is kept, and that nothing that comes through breaks anything."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kick.signature import KNOWN_KEY, MOST_LOOKS, KickKeys, is_signed, parse_key
from kick.webhooks import LARGEST_BODY, decode_webhook
from sandbox.kick import KickWorld
from sandbox.kick.official import OfficialKick, gifts_body, person, status_body
from tests.kick_webhooks.conftest import Rig
from tests.patience import in_time

SAMPLES = Path(__file__).parents[3] / "shared" / "kick" / "payloads"
GIFTS = "channel.subscription.gifts"


async def _stored(rig: Rig) -> int:
    return int(await rig.raffle.scalar("SELECT count(*) FROM kick_inbox"))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not part of the repository")
def test_the_known_key_verifies_a_real_delivery_and_no_changed_one() -> None:
    headers = json.loads((SAMPLES / "webhook_signed_vector.headers.json").read_text())
    body = (SAMPLES / "webhook_signed_vector.body.json").read_bytes()
    key = parse_key(KNOWN_KEY)
    assert key is not None
    told = [headers[f"Kick-Event-{name}"] for name in ("Message-Id", "Message-Timestamp", "Signature")]
    assert is_signed(key, told[0], told[1], body, told[2])
    assert not is_signed(key, told[0], told[1], body + b" ", told[2])
    assert not is_signed(key, told[0], told[1], body.replace(b"true", b"True", 1) + b"x", told[2])
    assert not is_signed(key, told[0][:-1] + "X", told[1], body, told[2])
    assert not is_signed(key, told[0], told[1], body, told[2][:-4] + "AAA=")


async def test_a_changed_byte_a_missing_header_and_a_wrong_key_are_refused_and_nothing_is_kept(rig: Rig) -> None:
    official = rig.kick.official
    body = json.dumps(gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())).encode()
    good = official.signed(GIFTS, body)
    for name in ("Message-Id", "Message-Timestamp", "Signature", "Type"):
        assert await rig.post({k: v for k, v in good.items() if k != f"Kick-Event-{name}"}, body) == 401
    for changed in (body[:-1], body + b" ", body.replace(b"a", b"b", 1)):
        assert await rig.post(good, changed) == 401
    assert await rig.post({**good, "Kick-Event-Message-Id": "other"}, body) == 401
    assert await rig.post({**good, "Kick-Event-Signature": "no base64!"}, body) == 401
    signature = good["Kick-Event-Signature"]
    official.rotate_key()
    other = official.signed(GIFTS, body, good["Kick-Event-Message-Id"], good["Kick-Event-Message-Timestamp"])
    assert other["Kick-Event-Signature"] != signature
    assert (
        await rig.post({**good, "Kick-Event-Signature": other["Kick-Event-Signature"][:-8] + "AAAAAAA="}, body) == 401
    )
    assert await _stored(rig) == 0
    assert rig.routes.counters["401"] == 10


async def test_a_key_that_changed_is_fetched_anew(rig: Rig) -> None:
    body = gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())
    assert await rig.kick.official.deliver(GIFTS, body) == 200
    rig.kick.official.rotate_key()
    assert await rig.kick.official.deliver(GIFTS, body) == 200
    assert await _stored(rig) == 2


async def test_an_old_key_fits_nothing_once_kick_published_another_however_soon_it_changed() -> None:
    signers = [OfficialKick(KickWorld(lambda: datetime(2026, 11, 1, tzinfo=UTC))) for _ in range(2)]
    published, looks = [signers[0]], Counter[str]()

    async def fetch() -> str:
        looks["all"] += 1
        return published[0].public_key()

    keys = KickKeys(fetch)

    async def fits(signer: OfficialKick, body: bytes = b"{}") -> bool:
        signed = signer.signed(GIFTS, b"{}", "m", "t")
        return await keys.accept("m", "t", body, signed["Kick-Event-Signature"])

    assert [await fits(signers[0]), await fits(signers[1])] == [True, False]
    published[0] = signers[1]
    assert await fits(signers[1]), "it is asked for at once, not when half a minute has passed"
    assert not await fits(signers[0])
    before = looks["all"]
    assert not any(await asyncio.gather(*(fits(signers[1], b"forged") for _ in range(50))))
    assert looks["all"] <= MOST_LOOKS
    assert looks["all"] > before


async def test_without_an_answer_from_kick_the_known_key_serves() -> None:
    async def nothing() -> None:
        return None

    keys = KickKeys(nothing)
    assert not await keys.accept("id", "2026-01-01T00:00:00Z", b"{}", "AAAA")


async def test_too_large_a_body_is_refused(rig: Rig) -> None:
    body = b"x" * (LARGEST_BODY + 1)
    assert await rig.post(rig.kick.official.signed(GIFTS, body), body) == 413
    assert await _stored(rig) == 0


async def test_unknown_types_and_unreadable_bodies_are_accepted_counted_and_not_kept(rig: Rig) -> None:
    assert await rig.kick.official.deliver("channel.followed", {"follower": person("x")}) == 200
    assert await rig.kick.official.deliver("event.of.next.year", {"x": 1}) == 200
    assert await rig.kick.official.deliver(GIFTS, {"giftees": 5}) == 200
    assert (rig.inbox.counters["unwanted"], rig.inbox.counters["unreadable"]) == (2, 1)
    assert await _stored(rig) == 0


@pytest.mark.thorough
async def test_what_fails_is_tried_again_and_holds_nobody_up(rig: Rig) -> None:
    real = rig.intake.on_webhook
    broken = [True]

    async def handle(conn: object, event: object, message_id: str) -> None:
        if broken[0] and message_id == "bad":
            raise RuntimeError("not now")
        await real(conn, event, message_id)  # type: ignore[arg-type]

    rig.inbox._handle = handle
    await rig.link("gifter_one")
    first = gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())
    second = gifts_body(rig.kick.default, "gifter_one", ("b",), rig.clock.now())
    await rig.kick.official.deliver(GIFTS, first, "bad")
    await rig.kick.official.deliver(GIFTS, second, "good")
    async with in_time(10):
        while len(await rig.gifts()) != 1 or not rig.inbox.counters["failed"]:
            await asyncio.sleep(0.01)
    broken[0] = False
    rig.clock.advance(timedelta(minutes=5))
    await rig.handled()
    assert len(await rig.gifts()) == 2


async def test_live_status_comes_by_webhook_and_an_old_one_changes_nothing(rig: Rig) -> None:
    channel, now = rig.kick.default, rig.clock.now()
    started, ended = now.replace(microsecond=0), now.replace(microsecond=0)
    rig.clock.advance(timedelta(hours=2))
    await rig.kick.official.deliver("livestream.status.updated", status_body(channel, True, rig.clock.now(), None))
    await rig.handled()
    assert rig.intake.live_of(rig.raffle.guild_id) == (True, "webhook")
    await rig.kick.official.deliver("livestream.status.updated", status_body(channel, False, started, ended))
    await rig.handled()
    assert rig.intake.live_of(rig.raffle.guild_id)[0]


@pytest.mark.thorough
def test_thousands_of_mutated_bodies_raise_nothing() -> None:
    chance = random.Random(7)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    shapes = {
        GIFTS: gifts_body_sample(),
        "channel.subscription.new": {"broadcaster": person("b"), "subscriber": person("s"), "created_at": "x"},
        "kicks.gifted": {"broadcaster": person("b"), "sender": person("s"), "gift": {"amount": 500}},
        "livestream.status.updated": {"broadcaster": person("b"), "is_live": True, "started_at": None},
    }
    junk: list[Any] = [None, 0, -1, 2**70, "", "\0", "\ud800", [], {}, [[]], True, 1.5, "9" * 400]
    for _ in range(3_000):
        event = chance.choice(list(shapes))
        data = json.loads(json.dumps(shapes[event]))
        for _ in range(chance.randint(1, 3)):
            _mutate(data, chance, junk)
        body = json.dumps(data).encode()
        if chance.random() < 0.3:
            cut = chance.randrange(len(body))
            body = body[:cut] + chance.randbytes(3) + body[cut + chance.randint(0, 20) :]
        decode_webhook(event, "m", body, now)


def gifts_body_sample() -> dict[str, object]:
    return {
        "broadcaster": person("b"), "gifter": person("g"), "giftees": [person("x"), person("y")],
        "created_at": "2026-11-01T00:00:00Z",
    }  # fmt: skip


def _mutate(data: Any, chance: random.Random, junk: Sequence[object]) -> None:
    while isinstance(data, dict | list) and data:
        key = chance.choice(list(data)) if isinstance(data, dict) else chance.randrange(len(data))
        inner = data[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.4:
            data[key] = deepcopy(chance.choice(junk))
            return
        data = inner


async def test_subscriptions_are_made_once_and_surplus_ones_go(rig: Rig) -> None:
    official = rig.kick.official
    events = sorted(row["event"] for row in official.subscriptions)
    assert len(events) == 5
    assert len(set(events)) == 5
    official.subscriptions += [dict(official.subscriptions[0], id="double", created_at="2030")]
    official.subscriptions += [dict(official.subscriptions[0], id="stranger", broadcaster_user_id=1)]
    official.expire_tokens()
    rig.clock.advance(timedelta(hours=1, minutes=1))
    async with in_time(10):
        while len(official.subscriptions) != 5:
            await asyncio.sleep(0.02)
    assert {row["id"] for row in official.subscriptions}.isdisjoint({"double", "stranger"})
