"""One gift in all the ways in which Kick tells of it, through the real socket, web server, inbox and ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TypeGuard

import pytest

from core import identity
from core.kick_events import GiftedSubs
from kick.decode import decode_frame
from raffle_system import gift_review, gift_store
from sandbox.kick.frames import gift_frames
from sandbox.kick.official import gifts_body, person
from tests.kick_webhooks.conftest import Rig
from tests.patience import in_time, until
from tests.raffle.support import ADMIN, MEMBER, OTHER, SECOND

GIFTS = "channel.subscription.gifts"
FIVE = ("lucky_a", "lucky_b", "lucky-c", "lucky_d", "lucky_e")


async def test_one_gift_in_all_its_frames_twice_and_by_two_subscriptions_pays_once(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.gift("gifter_one", FIVE)
    await rig.kick.replay_last_gift()
    body = gifts_body(rig.kick.default, "gifter_one", FIVE, rig.clock.now())
    statuses = [await rig.kick.official.deliver(GIFTS, body, key) for key in ("A", "B", "A", "A")]
    await rig.handled()
    assert statuses == [200] * 4
    assert await rig.gifts() == [(5, "approved", 75)]
    assert await rig.raffle.total() == 75


async def test_a_webhook_hours_late_pays_nothing_more(rig: Rig) -> None:
    await rig.link("gifter_one")
    body = gifts_body(rig.kick.default, "gifter_one", FIVE, rig.clock.now())
    await rig.kick.gift("gifter_one", FIVE)
    await rig.handled()
    rig.clock.advance(timedelta(hours=5))
    await rig.kick.official.deliver(GIFTS, body)
    await rig.handled()
    assert await rig.gifts() == [(5, "approved", 75)]


async def test_the_webhook_first_waits_and_the_socket_pays_it(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.official.deliver(GIFTS, gifts_body(rig.kick.default, "gifter_one", FIVE, rig.clock.now()))
    await rig.handled()
    assert await rig.gifts() == [(5, "pending", 0)]
    rig.clock.advance(3 * SECOND)
    await rig.kick.gift("gifter_one", FIVE)
    await rig.handled()
    assert await rig.gifts() == [(5, "approved", 75)]


async def test_a_leaderboard_corroborates_a_webhook_once(rig: Rig) -> None:
    await rig.link("gifter_one")
    channel, now = rig.kick.default, rig.clock.now()
    await rig.kick.official.deliver(GIFTS, gifts_body(channel, "gifter_one", FIVE[:2], now))
    rig.clock.advance(SECOND)
    await rig.kick.official.deliver(GIFTS, gifts_body(channel, "gifter_one", FIVE[2:4], rig.clock.now()))
    await rig.handled()
    standing = {"user_id": person("gifter_one")["user_id"], "username": "gifter_one", "quantity": 2}
    board = {
        "leaderboard": [standing], "weekly_leaderboard": [], "monthly_leaderboard": [standing],
        "gifter_id": standing["user_id"], "gifter_username": "gifter_one", "gifted_quantity": 2,
    }  # fmt: skip
    for name in ("channel_7001", "channel.7001"):
        await rig.kick.raw("GiftsLeaderboardUpdated", name, board)
    await rig.handled()
    assert await rig.gifts() == [(2, "approved", 30), (2, "pending", 0)]


async def test_a_chunked_gift_reordered_is_one(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.gift("gifter_one", 230)
    for frame in reversed(list(rig.kick.default.last_gift)):
        await rig.kick.pusher.publish([frame])
    await rig.handled()
    assert await rig.gifts() == [(230, "approved", 3450)]


async def test_a_gift_cut_by_a_reconnect_is_completed_by_its_webhook(rig: Rig) -> None:
    await rig.link("gifter_one")
    before = rig.kick.pusher.counts["accepted"]
    told = rig.clock.now()
    await rig.kick.pusher.close_all(4200)
    await rig.kick.gift("gifter_one", FIVE)
    rig.clock.advance(2 * SECOND)
    await rig.kick.official.deliver(GIFTS, gifts_body(rig.kick.default, "gifter_one", FIVE, told))
    await until(lambda: rig.kick.pusher.counts["accepted"] > before)
    await until(lambda: len(rig.kick.state()["subscribed"]) >= 5)
    async with in_time(10):
        while await rig.gifts() != [(5, "approved", 75)]:
            await asyncio.sleep(0.02)


async def test_anonymous_by_either_side_names_nobody_and_pays_nobody(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.gift("gifter_one", FIVE, anonymous=True)
    await rig.kick.official.deliver(GIFTS, gifts_body(rig.kick.default, "gifter_one", FIVE, rig.clock.now()))
    await rig.handled()
    assert await rig.gifts() == [(5, "approved", 0)]
    assert await rig.raffle.total() == 0
    assert [message.ref for message in await rig.raffle.said()] == [""], "only the link was announced"


async def test_the_same_gift_on_purpose_is_two(rig: Rig) -> None:
    await rig.link("gifter_one")
    for _ in range(2):
        await rig.kick.gift("gifter_one", FIVE)
        await rig.kick.official.deliver(GIFTS, gifts_body(rig.kick.default, "gifter_one", FIVE, rig.clock.now()))
        rig.clock.advance(2 * SECOND)
    await rig.handled()
    assert await rig.gifts() == [(5, "approved", 75)] * 2


async def test_a_burst_is_one_message_that_adds_up(rig: Rig) -> None:
    await rig.link("gifter_one")
    for _ in range(3):
        await rig.kick.gift("gifter_one", FIVE)
        await rig.handled()
        rig.clock.advance(5 * SECOND)
    thanks = [message for message in await rig.raffle.said() if message.ref.startswith("gift/")]
    assert len({message.ref for message in thanks}) == 1
    assert [message.edits for message in thanks] == [False, True], "the second edit replaced the first"
    rig.clock.advance(31 * SECOND)
    await rig.kick.gift("gifter_one", FIVE)
    await rig.handled()
    again = [message for message in await rig.raffle.said() if message.ref.startswith("gift/")]
    assert len({message.ref for message in again}) == 2


async def test_an_unlinked_gifter_who_links_by_code_is_paid_in_one_message(rig: Rig) -> None:
    await rig.kick.gift("gifter_two", FIVE)
    await rig.kick.gift("gifter_two", FIVE[:1])
    await rig.handled()
    assert await rig.raffle.total() == 0
    async with rig.raffle.db.transaction() as conn:
        code = await identity.new_code(conn, rig.clock, rig.raffle.guild_id, MEMBER, None)
    before = len(await rig.raffle.said())
    await rig.kick.chat("gifter_two", code.code)
    await rig.handled()
    assert await rig.raffle.total() == 90
    told = (await rig.raffle.said())[before:]
    assert len(told) == 1
    assert "link.credit_gifts" in told[0].embeds[0].description


async def test_an_admin_approves_rejects_and_takes_back(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.official.deliver(GIFTS, gifts_body(rig.kick.default, "gifter_one", FIVE, rig.clock.now()))
    await rig.handled()
    world = rig.raffle
    gift_id = await world.scalar("SELECT id FROM raffle_gifted_subs")
    for step, expected in (("approve", 75), ("reject", 0), ("approve", 75), ("reject", 0)):
        async with world.db.transaction() as conn:
            if step == "approve":
                await gift_review.approve(conn, world.settings, gift_id, ADMIN, rig.clock.now())
            else:
                await gift_review.reject(conn, world.settings, gift_id, ADMIN, rig.clock.now())
        assert await world.total() == expected
    log = await world.rows("SELECT ticket_change, reverses IS NOT NULL AS back FROM raffle_ticket_log ORDER BY id")
    assert [(row["ticket_change"], row["back"]) for row in log] == [(75, False), (-75, True)] * 2


async def test_what_was_given_in_a_gap_is_flagged_by_the_standings_and_not_paid(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.gift("gifter_one", FIVE)
    await rig.handled()
    start = rig.clock.now()
    rig.clock.advance(60 * SECOND)
    await rig.raffle.execute(
        "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, 'test')", a=start + SECOND,
        b=rig.clock.now(),
    )  # fmt: skip
    rig.kick.default.gifted["gifter_one"] += 7
    rig.clock.advance(60 * SECOND)
    await rig.kick.gift("somebody_else", FIVE[:1])
    await rig.kick.gift("gifter_one", FIVE[:2])
    await rig.handled()
    assert sorted(await rig.gifts()) == [
        (1, "approved", 0),
        (2, "approved", 30),
        (5, "approved", 75),
        (7, "flagged", 0),
    ]
    gift_id = await rig.raffle.scalar("SELECT id FROM raffle_gifted_subs WHERE status = 'flagged'")
    async with rig.raffle.db.transaction() as conn:
        await gift_review.approve(conn, rig.raffle.settings, gift_id, ADMIN, rig.clock.now())
    assert await rig.raffle.total() == 105 + 105


async def test_a_late_webhook_covers_what_was_flagged(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.gift("gifter_one", FIVE)
    await rig.handled()
    start = rig.clock.now()
    rig.clock.advance(60 * SECOND)
    await rig.raffle.execute(
        "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, 'test')", a=start + SECOND,
        b=rig.clock.now(),
    )  # fmt: skip
    rig.kick.default.gifted["gifter_one"] += 4
    rig.clock.advance(60 * SECOND)
    await rig.kick.gift("somebody_else", FIVE[:1])
    await rig.handled()
    body = gifts_body(rig.kick.default, "gifter_one", FIVE[:4], start + 30 * SECOND)
    await rig.kick.official.deliver(GIFTS, body)
    await rig.handled()
    assert sorted(await rig.gifts()) == [
        (1, "approved", 0), (4, "approved", 60), (4, "rejected", 0), (5, "approved", 75)
    ]  # fmt: skip


async def test_one_late_gift_covers_the_flags_of_two_gaps(rig: Rig) -> None:
    world, gifter = rig.raffle, person("gifter_one")
    at = rig.clock.now()
    for index, subs in enumerate((2, 3)):
        async with world.db.transaction() as conn:
            await gift_store.flag(
                conn,
                {
                    "guild_id": world.guild_id, "period_id": (await world.period()).id,
                    "gifter_kick_name": "gifter_one", "gifter_name_key": "gifter_one",
                    "gifter_kick_user_id": gifter["user_id"], "recipient_kick_name": "", "sub_count": subs,
                    "anonymous": False, "giftees": [], "gifted_at": at + index * SECOND,
                    "kick_event_id": f"flag:{index}",
                },
            )  # fmt: skip
    await world.execute(
        "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, 'test')", a=at - SECOND, b=at
    )
    await rig.kick.official.deliver(GIFTS, gifts_body(rig.kick.default, "gifter_one", FIVE, at))
    await rig.handled()
    assert sorted(await rig.gifts()) == [(2, "rejected", 0), (3, "rejected", 0), (5, "approved", 0)]


@pytest.mark.parametrize("kind", ["ws", "wh"])
async def test_kicks_and_own_subs_pay_where_there_is_a_rate(rig: Rig, kind: str) -> None:
    await rig.raffle.set("kicks_tickets_per_100", 2)
    await rig.raffle.set("new_sub_tickets", 20)
    await rig.link("gifter_one")
    who = person("gifter_one")
    gift = {"gift_id": "x", "name": "X", "amount": 550, "type": "BASIC", "tier": "LOW"}
    frame = {
        "gift_transaction_id": "t-1", "sender": {"id": who["user_id"], "username": "gifter_one"}, "gift": gift,
        "created_at": rig.clock.now().isoformat(),
    }  # fmt: skip
    hook = {
        "broadcaster": person("s", 8001), "sender": who, "gift": gift, "created_at": rig.clock.now().isoformat(),
    }  # fmt: skip
    sub = {
        "broadcaster": person("s", 8001), "subscriber": who, "duration": 1,
        "created_at": rig.clock.now().isoformat(), "expires_at": rig.clock.now().isoformat(),
    }  # fmt: skip
    if kind == "wh":
        await rig.kick.official.deliver("kicks.gifted", hook)
        await rig.kick.official.deliver("channel.subscription.new", sub)
        await rig.handled()
        assert await rig.raffle.total() == 0
    for channel in ("channel_7001", "channel.7001"):
        await rig.kick.raw("KicksGifted", channel, frame)
    await rig.kick.raw("SubscriptionEvent", "chatrooms.9001.v2", {"username": "gifter_one", "months": 3})
    await rig.kick.raw(
        "ChatMessageSentEvent", "chatroom_9001",
        {"message": {"id": "m", "action": "subscribe"}, "user": {"id": who["user_id"], "username": "gifter_one"}},
    )  # fmt: skip
    await rig.handled()
    assert await rig.raffle.total() == 31
    if kind == "ws":
        await rig.kick.official.deliver("kicks.gifted", hook)
        await rig.kick.official.deliver("channel.subscription.new", sub)
        await rig.handled()
        assert await rig.raffle.total() == 31
    sources = await rig.raffle.rows("SELECT source FROM raffle_ticket_log ORDER BY source")
    assert [row["source"] for row in sources] == ["kicks", "new_sub"]


async def test_a_renamed_account_keeps_its_link_and_frees_its_name(rig: Rig) -> None:
    await rig.link("gifter_one")
    await rig.kick.go_live()
    async with rig.raffle.db.transaction() as conn:
        await rig.intake.linking.bind(
            conn, rig.raffle.guild_id, OTHER, "Gifter_One", 4242, actor=ADMIN, channel_id=None
        )
        first = await identity.link_of(conn, rig.raffle.guild_id, MEMBER)
        other = await identity.member_of(conn, rig.raffle.guild_id, 4242, "gifter_one")
    assert first is not None
    assert other is not None
    assert other.discord_id == OTHER


async def test_gifts_taken_together_are_thanked_once_a_giver(rig: Rig) -> None:
    await rig.link("gifter_one")
    before = len(await rig.raffle.said())
    gifts = [await rig.kick.gift(name, 2) for name in ("gifter_one", "gifter_two", "gifter_one", "gifter_one")]
    events = [
        event
        for gift in gifts
        for frame in gift_frames(gift)
        for event in decode_frame(frame.raw, rig.clock.now()).events
    ]
    await rig.handled()
    first = {message.ref: message.embeds[0].description for message in (await rig.raffle.said())[before:]}
    assert len(first) == 2
    await rig.raffle.execute("DELETE FROM outbox")
    rig.clock.advance(31 * SECOND)
    again = [replace(event, correlation_id=f"x{event.correlation_id}") for event in events if _pays(event)]
    await rig.intake.on_events(again)
    said = await rig.raffle.said()
    assert [message.edits for message in said] == [False, False]
    assert sorted(await rig.gifts()) == [(2, "approved", 0)] * 2 + [(2, "approved", 30)] * 6
    assert any("90" in message.embeds[0].description for message in said)
    assert await rig.raffle.total() == 180


def _pays(event: object) -> TypeGuard[GiftedSubs]:
    return isinstance(event, GiftedSubs)


async def test_a_lock_taken_in_a_savepoint_is_taken_again_after_its_end(rig: Rig) -> None:
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    before = await rig.raffle.scalar(held)
    async with rig.raffle.db.transaction() as conn:
        savepoint = await conn.begin_nested()
        await gift_store.lock(conn, rig.raffle.guild_id)
        await savepoint.rollback()
        assert await rig.raffle.scalar(held) == before
        for _ in range(2):
            await gift_store.lock(conn, rig.raffle.guild_id)
            assert await rig.raffle.scalar(held) == before + 1
