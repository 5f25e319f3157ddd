"""Signed is not yet ours, and not now: what is kept of Kick's deliveries, and whose word decides about the stream."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import kick_subscriptions
from core.kick_events import (
    GiftedSubs,
    KickChannelIds,
    KickSubscription,
    LiveStatus,
    webhook_gift_key,
)
from kick.api import NOTHING_MADE
from kick.subscriptions import NOT_LISTED
from kick.webhooks import WANTED_EVENTS, decode_webhook
from raffle_system.followed import NotKnownYet
from raffle_system.gift_telling import told_at
from raffle_system.kick_intake import KickIntake
from sandbox.kick.frames import live_frame
from sandbox.kick.official import gifts_body, person, status_body
from sandbox.kick.world import Channel
from tests.kick_webhooks.conftest import Rig
from tests.patience import until
from tests.raffle.support import MINUTE, SECOND, World

GIFTS, STATUS = "channel.subscription.gifts", "livestream.status.updated"
STRANGER = Channel("stranger", 7777, 8888, 9999)


async def _kept(rig: Rig) -> int:
    return int(await rig.raffle.scalar("SELECT (SELECT count(*) FROM kick_inbox) + (SELECT count(*) FROM kick_live)"))


async def _post(
    rig: Rig, event: str, data: dict[str, Any], at: datetime | None = None, under: str | None = None
) -> int:  # fmt: skip
    body = json.dumps(data).encode()
    headers = rig.kick.official.signed(event, body, timestamp=(at or rig.clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return await rig.post(headers if under is None else {**headers, "Kick-Event-Subscription-Id": under}, body)


@pytest.mark.thorough
async def test_an_old_word_about_the_stream_is_not_kept_and_changes_nothing(rig: Rig) -> None:
    channel, now = rig.kick.default, rig.clock.now()
    long_ago = now - timedelta(days=20)
    before = await _kept(rig)
    for began, sent in ((long_ago, long_ago), (now, long_ago), (long_ago, now)):
        assert await _post(rig, STATUS, status_body(channel, True, began, None), sent) == 200
    assert await _post(rig, STATUS, status_body(channel, True, now, None), now + timedelta(days=1)) == 200
    assert await _post(rig, STATUS, status_body(channel, False, long_ago, now - 11 * MINUTE)) == 200
    assert rig.inbox.counters["stale"] == 5
    assert await _kept(rig) == before
    assert rig.intake._followed[rig.raffle.guild_id].live.said.get("webhook") is None


async def test_what_is_not_ours_is_not_kept(rig: Rig) -> None:
    """Of a foreign broadcaster, under a foreign app's subscription, or under one of ours for something else."""
    official, now = rig.kick.official, rig.clock.now()
    ours = {row["event"]: row["id"] for row in official.subscriptions}
    gift = gifts_body(rig.kick.default, "gifter_one", ("a",), now)
    before = await _kept(rig)
    assert await _post(rig, GIFTS, gifts_body(STRANGER, "gifter_one", ("a",), now), under=ours[GIFTS]) == 403
    assert await _post(rig, STATUS, status_body(STRANGER, True, now, None), under=ours[STATUS]) == 403
    for foreign in ("01JFOREIGN", "", ours[STATUS]):
        assert await _post(rig, GIFTS, gift, under=foreign) == 403
    assert await _post(rig, "channel.followed", {"broadcaster": person("s", 8001), "follower": person("x")}) == 200
    assert await _post(rig, "kicks.gifted", gift, under=ours["kicks.gifted"]) == 200
    assert rig.inbox.counters == {"foreign": 5, "unwanted": 1, "unreadable": 1}
    assert await _kept(rig) == before


async def test_a_channel_that_nobody_follows_any_more_is_foreign(rig: Rig) -> None:
    gift = gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())
    rig.intake.follow({rig.raffle.guild_id: KickChannelIds("other", 7002, 9002, 8002)})
    assert await rig.kick.official.deliver(GIFTS, gift) == 403
    rig.intake.follow({})
    assert await rig.kick.official.deliver(GIFTS, gift) == 403
    assert await _kept(rig) == 0
    await _by_webhook(rig)
    rig.intake.follow({rig.raffle.guild_id: KickChannelIds("other", 7002, 9002, None)})
    for intake in (rig.intake, KickIntake(rig.raffle.db, rig.clock, rig.raffle.guilds, "off")):
        assert intake.follows(8001)
        with pytest.raises(NotKnownYet):
            await _by_webhook(rig, intake)
    assert await rig.gifts() == []


async def _by_webhook(rig: Rig, intake: KickIntake | None = None) -> None:
    """A gift that was kept before, handled now."""
    body = json.dumps(gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())).encode()
    event = decode_webhook(GIFTS, "m", body, rig.clock.now())
    assert event is not None
    async with rig.raffle.db.transaction() as conn:
        await (intake or rig.intake).on_webhook(conn, event, "m")


async def test_before_any_subscription_is_known_kick_is_asked_to_come_again(rig: Rig) -> None:
    gift = gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())
    kept = await rig.raffle.rows("DELETE FROM kick_subscriptions RETURNING *")
    assert len(kept) >= 5
    assert await rig.kick.official.deliver(GIFTS, gift) == 503
    async with rig.raffle.db.transaction() as conn:
        ours = [KickSubscription(row["id"], row["event"], row["broadcaster_user_id"]) for row in kept]
        await kick_subscriptions.remember(conn, ours, rig.clock.now())
    assert await rig.kick.official.deliver(GIFTS, gift) == 200


async def test_without_an_app_there_is_no_door(rig: Rig) -> None:
    gift = gifts_body(rig.kick.default, "gifter_one", ("a",), rig.clock.now())
    rig.inbox._admission = replace(rig.inbox._admission, has_app=False)
    assert await rig.kick.official.deliver(GIFTS, gift) == 404
    assert await _kept(rig) == 0


@pytest.mark.parametrize("unheard", [False, True])
async def test_a_gift_three_hours_late_is_kept_and_waits(rig: Rig, unheard: bool) -> None:
    """Also of a time in which the socket was away: whoever sends it late could have chosen the time."""
    await rig.link("gifter_one")
    given = rig.clock.now()
    if unheard:
        await rig.raffle.execute(
            "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, 'test')",
            a=given - MINUTE, b=given + MINUTE,
        )  # fmt: skip
    rig.clock.advance(timedelta(hours=3))
    assert await _post(rig, GIFTS, gifts_body(rig.kick.default, "gifter_one", ("a", "b"), given), given) == 200
    await rig.handled()
    assert await rig.gifts() == [(2, "pending", 0)]
    assert await rig.raffle.total() == 0


async def test_a_word_that_waited_in_the_inbox_until_it_was_old_changes_nothing(rig: Rig) -> None:
    at = rig.clock.now() - 11 * MINUTE
    async with rig.raffle.db.transaction() as conn:
        await rig.intake.on_webhook(conn, LiveStatus(None, None, True, "webhook", at, at, 8001), "m")
    assert await _kept(rig) == 0


async def test_a_process_inherits_no_decision_that_is_old(raffle: World) -> None:
    made = [KickIntake(raffle.db, raffle.clock, raffle.guilds, "off") for _ in range(3)]
    for intake in made:
        intake.follow({raffle.guild_id: KickChannelIds("s", 7001, 9001, 8001)})
    await made[0].on_event(LiveStatus(7001, 9001, True, "socket", None, raffle.clock.now()))
    for _ in range(4):
        await made[0].tick_minutes()
        raffle.clock.advance(MINUTE)
    await made[1].tick_minutes()
    assert made[1].live_of(raffle.guild_id) == (True, "socket"), "four minutes of chat are not lost at a restart"
    raffle.clock.advance(timedelta(days=10))
    await made[2].tick_minutes()
    assert made[2].live_of(raffle.guild_id) == (False, None)


@pytest.mark.parametrize(
    ("told", "kept"),
    [("0001-01-01T00:00:00Z", False), ("2037-01-01T00:00:00Z", False), ("2026-10-28T12:00:00Z", False),
     ("2026-10-30T12:00:01Z", True), ("2026-11-01T12:00:30Z", True), ("2026-11-01T12:02:00Z", False), (5, False)],
)  # fmt: skip
def test_a_gifts_own_time_counts_only_shortly_before_it_was_sent(told: object, kept: bool) -> None:
    sent = datetime(2026, 11, 1, 12, tzinfo=UTC)
    body = {**gifts_body(STRANGER, "g", ("a",), sent), "created_at": told}
    event = decode_webhook(GIFTS, "m", json.dumps(body).encode(), sent)
    assert isinstance(event, GiftedSubs)
    assert (event.created_at is not None) == kept
    assert told_at(event) == (event.created_at if kept else sent)
    assert kept or webhook_gift_key(event, "m") == "wh:m"


async def _checked(rig: Rig, minutes: int) -> None:
    """The bot's clock goes on, and the subscriptions are looked at once more."""
    asked = rig.kick.official.counts["subscriptions"]
    rig.clock.advance(timedelta(minutes=minutes, seconds=1))
    await until(lambda: rig.kick.official.counts["subscriptions"] > asked)
    await rig.listener.subscriptions.settled()


async def _told(rig: Rig) -> int:
    said = await rig.raffle.said()
    return sum("kick.events_missing" in embed.description for message in said for embed in message.embeds)


@pytest.mark.parametrize("illness", ["makes nothing", "lists nothing"])
async def test_a_subscription_that_kick_only_says_it_made_is_told_once(rig: Rig, illness: str) -> None:
    official, ours = rig.kick.official, rig.listener.subscriptions
    official.subscriptions.clear()
    official.illness = illness
    for _ in range(3):
        await _checked(rig, 61)
        await _checked(rig, 2)
    await until(lambda: ours.problem)
    why = {"makes nothing": NOTHING_MADE, "lists nothing": NOT_LISTED}[illness]
    assert ours.problem == "; ".join(f"{event}: {why}" for event in WANTED_EVENTS)
    assert official.counts["made"] + official.counts["not made"] == 5 + 3 * 5, "asked for once an hour"
    await until(lambda: _told(rig))
    official.illness = None
    await _checked(rig, 61)
    rig.clock.advance(2 * MINUTE)
    await until(lambda: ours.problem is None)
    assert await _told(rig) == 1


async def test_an_answer_from_a_cache_does_not_take_back_what_was_just_heard(rig: Rig) -> None:
    """The site and the API still say "offline" when the socket says that the stream began."""
    guild, channel = rig.raffle.guild_id, rig.kick.default
    said = rig.intake._followed[guild].live.said
    await until(lambda: "api" in said and "site" in said)
    rig.clock.advance(10 * SECOND)
    now = rig.clock.now()
    await rig.kick.pusher.publish([live_frame(channel.channel_id, 1, "x", now)])
    await until(lambda: "socket" in said and said["site"].at > now - 31 * SECOND)
    assert rig.intake.live_of(guild) == (True, "socket")
    rig.clock.advance(61 * SECOND)
    await until(lambda: said["site"].at > now)
    assert rig.intake.live_of(guild) == (False, "api")
