"""One gift in all the shapes and on all the channels in which Kick may tell of it: paid once, to who gave it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import identity
from core.db import Database
from core.kick_events import KickChannelIds, SocketGap
from kick.decode import decode_frame
from kick.webhooks import decode_webhook
from raffle_system import kick_payments, periods
from raffle_system.kick_intake import KickIntake
from tests.raffle.support import GUILD, MEMBER, MINUTE, OTHER, SECOND, THIRD, World, chat

ROOM, CHANNEL, STREAMER = 4411, 3322, 8001
CHANNELS = (
    f"chatrooms.{ROOM}.v2", f"chatrooms.{ROOM}", f"chatroom_{ROOM}", f"channel.{CHANNEL}", f"channel_{CHANNEL}"
)  # fmt: skip
PAYING = ("id", "old", "older", "oldest", "plan")
IDS = {"giver": 71, "other_giver": 72, "renamed": 73, "newcomer": 99}


@dataclass(frozen=True)
class Given:
    """A real gift. The names of those given to are its own."""

    number: int
    gifter: str
    subs: int

    @property
    def giftees(self) -> list[str]:
        return [f"lucky_{self.number}_{index}" for index in range(self.subs)]


@dataclass
class Kick:
    """What Kick sends of gifts, into one process of the raffle; `restart` makes it another."""

    world: World
    intake: KickIntake = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.intake = KickIntake(self.world.db, self.world.clock, self.world.guilds, "off")
        self.intake.follow({self.world.guild_id: KickChannelIds("streamer", CHANNEL, ROOM, STREAMER)})

    async def frame(self, event: str, data: dict[str, Any], channel: str = CHANNELS[2]) -> None:
        raw = json.dumps({"event": event, "data": json.dumps(data), "channel": channel})
        for one in decode_frame(raw, self.world.clock.now()).events:
            await self.intake.on_event(one)

    async def tell(self, gift: Given, shape: str, channel: str = CHANNELS[2]) -> None:
        event, data = _shape(gift, shape)
        await self.frame(event, data, channel)

    async def deliver(self, gift: Given, at: datetime, key: str = "") -> None:
        """The webhook of a gift that was made `at`, however late it is now."""
        body = {
            "broadcaster": {"user_id": STREAMER, "username": "streamer"},
            "gifter": {"user_id": IDS[gift.gifter], "username": gift.gifter, "is_anonymous": False},
            "giftees": [{"user_id": 9000 + gift.number * 50 + n, "username": name}
                        for n, name in enumerate(gift.giftees)],
            "created_at": at.isoformat(),
        }  # fmt: skip
        now = self.world.clock.now()
        message_id = f"{gift.number}{key}"
        event = decode_webhook("channel.subscription.gifts", message_id, json.dumps(body).encode(), now)
        assert event is not None
        async with self.world.db.transaction() as conn:
            await self.intake.on_webhook(conn, event, message_id)

    async def gifts(self) -> list[tuple[int, str, int]]:
        rows = await self.world.rows(
            "SELECT sub_count, status, tickets_awarded FROM raffle_gifted_subs WHERE guild_id = :g ORDER BY id",
            g=self.world.guild_id,
        )
        return [(row["sub_count"], row["status"], row["tickets_awarded"]) for row in rows]


def _shape(gift: Given, shape: str) -> tuple[str, dict[str, Any]]:
    old = {"chatroom_id": ROOM, "gifted_usernames": gift.giftees, "gifter_username": gift.gifter}
    counted = {"gifted_total": gift.subs, "chunk_details": None}
    user = {"id": IDS[gift.gifter], "username": gift.gifter, "slug": gift.gifter}
    event = "GiftedSubscriptionsEvent"
    match shape:
        case "id":
            return event, old | counted | {"gifter_total": 40 + gift.number, "correlation_id": f"c-{gift.number}"}
        case "old":
            return event, old | counted | {"gifter_total": 40 + gift.number}
        case "older":
            return event, old | {"gifter_total": 40 + gift.number}
        case "oldest":
            return event, old
        case "plan":
            said = {"id": f"m-{gift.number}", "type": "gift_subscription", "sender": {"username": gift.gifter}}
            return "ChatMessageEvent", said | {"metadata": {"gift_count": gift.subs}}
        case "next":
            named = [{"username": name} for name in gift.giftees]
            return "SubscriptionGifted", {"id": f"n-{gift.number}", "user": user, "gifted_users": named}
        case "board":
            standing = {"user_id": user["id"], "username": gift.gifter, "quantity": 40 + gift.number}
            return "GiftsLeaderboardUpdated", {
                "leaderboard": [standing], "gifter_id": user["id"], "gifter_username": gift.gifter,
                "gifted_quantity": gift.subs,
            }  # fmt: skip
        case _:
            message = {
                "id": f"s-{gift.number}", "action": "gift", "chatroom_id": ROOM, "subscriptions_count": gift.subs,
                "giftedUsers": [{"username": name} for name in gift.giftees],
            }  # fmt: skip
            return "ChatMessageSentEvent", {"message": message, "user": user}


@pytest.fixture
async def kick(world: World) -> Kick:
    await world.link(MEMBER, "giver", 71)
    return Kick(world)


@pytest.mark.thorough
async def test_two_shapes_of_one_gift_in_either_order_are_one(kick: Kick) -> None:
    for number, shapes in enumerate(permutations(PAYING, 2)):
        for gift in (Given(2 * number, "giver", 3), Given(2 * number + 1, "giver", 3)):
            for shape, channel in zip(shapes * 2, CHANNELS, strict=False):
                await kick.tell(gift, shape, channel)
                kick.world.clock.advance(SECOND)
            kick.world.clock.advance(11 * SECOND)
        assert await kick.gifts() == [(3, "approved", 45)] * 2 * (number + 1), shapes


async def test_two_gifts_with_ids_of_their_own_stay_two_beside_old_frames(kick: Kick) -> None:
    gift = Given(1, "giver", 1)
    old = _shape(gift, "oldest")
    for number in (1, 2):
        event, data = _shape(gift, "id")
        await kick.frame(event, data | {"correlation_id": f"c-{number}", "gifter_total": None}, CHANNELS[number])
        await kick.frame(*old)
    assert await kick.gifts() == [(1, "approved", 15)] * 2


async def test_the_channel_is_no_part_of_a_gift(kick: Kick) -> None:
    for number, first in enumerate(CHANNELS):
        event, data = _shape(Given(number, "giver", 2), "id")
        del data["chatroom_id"]
        for on in (first, *CHANNELS):
            await kick.frame(event, data, on)
    assert await kick.gifts() == [(2, "approved", 30)] * len(CHANNELS)


async def test_the_next_event_alone_waits_and_the_paying_one_or_a_webhook_settles_it(kick: Kick) -> None:
    gifts = [Given(number, "giver", 2) for number in (1, 2, 3)]
    for gift in gifts:
        for channel in CHANNELS[3:]:
            await kick.tell(gift, "next", channel)
    assert await kick.gifts() == [(2, "pending", 0)] * 3
    await kick.tell(gifts[0], "board")
    await kick.tell(gifts[0], "id")
    await kick.deliver(gifts[1], kick.world.clock.now())
    assert await kick.gifts() == [(2, "approved", 30), (2, "approved", 30), (2, "pending", 0)]
    await kick.tell(gifts[0], "next")
    await kick.deliver(gifts[0], kick.world.clock.now())
    assert await kick.world.total() == 60


async def test_the_next_payload_under_the_old_name_pays_and_its_recipients_are_counted(kick: Kick) -> None:
    _event, data = _shape(Given(1, "giver", 3), "next")
    await kick.frame("GiftedSubscriptionsEvent", data)
    await kick.frame("GiftedSubscriptionsEvent", data, CHANNELS[4])
    old = {"chatroom_id": ROOM, "gifter_username": "giver", "usernames": ["a", "b", "c"], "correlation_id": "x"}
    await kick.frame("GiftedSubscriptionsEvent", old)
    assert await kick.gifts() == [(3, "approved", 45)] * 2


@pytest.mark.parametrize("first", ["webhook", "socket"])
async def test_a_webhook_with_a_wrong_date_is_no_second_gift(kick: Kick, first: str) -> None:
    gift, wrong = Given(1, "giver", 2), kick.world.clock.now() - timedelta(hours=7)
    if first == "webhook":
        await kick.deliver(gift, wrong)
    await kick.tell(gift, "id")
    kick.world.clock.advance(SECOND)
    await kick.deliver(gift, wrong)
    assert await kick.gifts() == [(2, "approved", 30)]


async def test_an_anonymous_gift_does_not_swallow_one_that_names_nobody(kick: Kick) -> None:
    await kick.tell(Given(1, "other_giver", 5), "plan")
    hidden = Given(2, "giver", 5)
    at = kick.world.clock.now()
    event, data = _shape(hidden, "id")
    body = {
        "gifter": {"is_anonymous": True}, "created_at": at.isoformat(), "broadcaster": {"user_id": STREAMER},
        "giftees": [{"user_id": n, "username": name} for n, name in enumerate(hidden.giftees, 1)],
    }  # fmt: skip
    webhook = decode_webhook("channel.subscription.gifts", "w", json.dumps(body).encode(), at)
    assert webhook is not None
    async with kick.world.db.transaction() as conn:
        await kick.intake.on_webhook(conn, webhook, "w")
    await kick.frame(event, data | {"gifter_username": "Anonymous"})
    rows = await kick.world.rows("SELECT gifter_name_key, anonymous, status FROM raffle_gifted_subs ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("other_giver", False, "approved"), ("", True, "approved")]
    await kick.world.link(OTHER, "other_giver", 72)
    assert await kick.world.total(OTHER) == 75


@pytest.mark.parametrize(("late", "subs", "status"), [(9, 10, "approved"), (11, 10, "pending"), (9, 11, "pending")])
async def test_a_gaps_webhook_is_believed_alone_if_it_comes_soon_and_is_small(
    kick: Kick, late: int, subs: int, status: str
) -> None:
    now = kick.world.clock.now()
    await kick.world.execute(
        "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, '')", a=now, b=now + MINUTE
    )
    kick.world.clock.advance(late * MINUTE)
    await kick.deliver(Given(1, "giver", subs), now)
    assert await kick.gifts() == [(subs, status, subs * 15 if status == "approved" else 0)]


@pytest.mark.parametrize("first", ["webhook", "standings"])
async def test_the_standings_are_a_second_sign_for_a_large_gift_of_a_gap(kick: Kick, first: str) -> None:
    await kick.tell(Given(1, "giver", 1), "board")
    await kick.tell(Given(1, "giver", 1), "id")
    kick.world.clock.advance(MINUTE)
    at = kick.world.clock.now()
    await kick.world.execute(
        "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, '')", a=at - SECOND, b=at + SECOND
    )
    kick.world.clock.advance(3 * MINUTE)
    large = Given(2, "giver", 20)
    board = _shape(Given(3, "giver", 1), "board")[1]
    standing = {"user_id": 71, "username": "giver", "quantity": 41 + 20}
    told = board | {"leaderboard": [standing], "gifted_quantity": None, "gifter_id": None, "gifter_username": "x"}
    if first == "webhook":
        await kick.deliver(large, at)
        assert (await kick.gifts())[1:] == [(20, "pending", 0)]
    await kick.frame("GiftsLeaderboardUpdated", told)
    if first == "standings":
        assert (await kick.gifts())[1:] == [(20, "flagged", 0)]
        await kick.deliver(large, at)
    paid = [gift for gift in await kick.gifts() if gift[1] == "approved"]
    assert paid == [(1, "approved", 15), (20, "approved", 300)]
    assert await kick.world.scalar("SELECT count(*) FROM raffle_gifted_subs WHERE status = 'flagged'") == 0


@pytest.mark.parametrize("shape", ["board", "notice", "webhook"])
async def test_a_frame_that_comes_after_says_whose_name_it_was(kick: Kick, shape: str) -> None:
    """`renamed` is linked under the name that a newcomer has now."""
    await kick.world.link(OTHER, "newcomer", 73)
    gift = Given(1, "newcomer", 2)
    await kick.tell(gift, "id")
    assert await kick.world.total(OTHER) == 30
    if shape == "webhook":
        await kick.deliver(gift, kick.world.clock.now())
    else:
        await kick.tell(gift, shape)
    assert await kick.world.total(OTHER) == 0
    await kick.world.link(THIRD, "newcomer", 99)
    assert (await kick.world.total(OTHER), await kick.world.total(THIRD)) == (0, 30)


async def test_kicks_of_every_tier_pay_once_with_and_without_an_id(kick: Kick) -> None:
    await kick.world.set("kicks_tickets_per_100", 2)
    for number, order in enumerate(permutations(("id", "basic", "basic"))):
        for shape, channel in zip(order, CHANNELS[3:] * 2, strict=False):
            await kick.frame("KicksGifted", _kicks(shape, number), channel)
            kick.world.clock.advance(2 * SECOND)
        assert await kick.world.total() == 2 * (number + 1), order
        kick.world.clock.advance(11 * SECOND)
    for number in (10, 11):
        await kick.frame("KicksGifted", _kicks("id", number), CHANNELS[3])
    assert await kick.world.total() == 2 * 8
    await kick.frame("KicksGifted", _kicks("basic", 1))
    assert await kick.world.total() == 2 * 8, "it tells again of one that was told with an id"


async def test_a_payment_by_name_alone_goes_to_the_account_that_a_later_frame_names(kick: Kick) -> None:
    await kick.world.set("new_sub_tickets", 20)
    await kick.world.link(OTHER, "newcomer", 73)
    await kick.frame("SubscriptionEvent", {"username": "newcomer", "months": 1}, CHANNELS[0])
    assert await kick.world.total(OTHER) == 20
    said = {"message": {"id": "m", "action": "subscribe"}, "user": {"id": 99, "username": "newcomer"}}
    await kick.frame("ChatMessageSentEvent", said)
    assert await kick.world.total(OTHER) == 0
    await kick.world.link(THIRD, "newcomer", 99)
    async with kick.world.db.transaction() as conn:
        period = await periods.active(conn, kick.world.guild_id)
        now = kick.world.clock.now()
        await kick_payments.pay_linked(conn, kick.world.settings, period, THIRD, 99, "newcomer", now)
    assert await kick.world.total(THIRD) == 20


async def test_a_gaps_kicks_are_believed_when_the_gap_is_known(kick: Kick) -> None:
    await kick.world.set("kicks_tickets_per_100", 2)
    now = kick.world.clock.now()
    for number, amount in enumerate((500, 50_000)):
        body = {"broadcaster": {"user_id": STREAMER}, "sender": {"user_id": 71, "username": "giver"},
                "gift": {"amount": amount}, "created_at": now.isoformat()}  # fmt: skip
        event = decode_webhook("kicks.gifted", str(number), json.dumps(body).encode(), now)
        assert event is not None
        async with kick.world.db.transaction() as conn:
            await kick.intake.on_webhook(conn, event, str(number))
    assert await kick.world.total() == 0
    await kick.intake.on_event(SocketGap(now - SECOND, now + SECOND, "closed"))
    assert await kick.world.total() == 10


async def test_what_waits_is_told_to_the_admins_once(kick: Kick) -> None:
    world = kick.world
    await world.set("new_sub_tickets", 20)
    await world.set("admin_channel_id", 4242)
    before = len(await world.said())
    await kick.tell(Given(1, "giver", 2), "next")
    await kick.deliver(Given(2, "giver", 3), world.clock.now())
    body = {"broadcaster": {"user_id": STREAMER}, "subscriber": {"user_id": 71, "username": "giver"},
            "created_at": world.clock.now().isoformat()}  # fmt: skip
    event = decode_webhook("channel.subscription.new", "s", json.dumps(body).encode(), world.clock.now())
    assert event is not None
    async with world.db.transaction() as conn:
        await kick.intake.on_webhook(conn, event, "s")
    await kick.intake.waiting.tell()
    assert len(await world.said()) == before, "the socket may still tell of them"
    world.clock.advance(3 * MINUTE)
    for _ in range(2):
        await kick.intake.waiting.tell()
        kick.restart()
    told = (await world.said())[before:]
    assert len(told) == 1
    for text in ("gifts.pending", "gifts.waiting[2]", "gifts.decide", "gifts.new_sub", "gifts.payments[1]"):
        assert text in told[0].embeds[0].description
    channels = await world.rows("SELECT channel_id FROM outbox ORDER BY id DESC LIMIT 1")
    assert channels == [{"channel_id": 4242}]


async def test_what_a_gap_explains_is_paid_before_anybody_is_asked(kick: Kick) -> None:
    """The process died between keeping the gap and believing what waited for it."""
    now = kick.world.clock.now()
    await kick.deliver(Given(1, "giver", 3), now)
    await kick.world.execute(
        "INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:a, :b, '')", a=now, b=now + SECOND
    )
    kick.world.clock.advance(3 * MINUTE)
    await kick.intake.waiting.tell()
    assert await kick.gifts() == [(3, "approved", 45)]
    assert "gifts." not in str(await kick.world.said())


async def test_a_gift_that_comes_after_the_freeze_is_told_to_its_giver_and_the_admins(kick: Kick) -> None:
    world = kick.world
    frozen = await world.period()
    await world.give(OTHER)
    at = frozen.end_date - SECOND
    world.clock.set(frozen.end_date)
    await world.schedule.close_due_periods()
    await world.start_draw(frozen)
    before = len(await world.said())
    await kick.deliver(Given(1, "giver", 2), at)
    await kick.tell(Given(1, "giver", 2), "id")
    said = [message.embeds[0].description for message in (await world.said())[before:]]
    assert await world.total() == 30
    assert ["gift.moved" in text for text in said] == [True, False]
    assert "gifts.moved" in said[1]


@pytest.mark.parametrize("kept", [False, True], ids=["at once", "by the next process"])
@pytest.mark.parametrize("shape", ["oldest", "plan", "own sub"])
async def test_a_name_belongs_to_whom_it_was_last_seen_on(kick: Kick, shape: str, kept: bool) -> None:
    """`renamed` is linked as `newcomer`; the newcomer has only chatted, while the stream was off."""
    world = kick.world
    await world.set("new_sub_tickets", 20)
    await world.link(OTHER, "newcomer", 73)
    await kick.intake.on_event(chat(world.clock, user_id=99, username="newcomer", chatroom_id=ROOM))
    if kept:
        await kick.intake.tick_minutes()
        kick.restart()
    if shape == "own sub":
        await kick.frame("SubscriptionEvent", {"username": "newcomer", "months": 1}, CHANNELS[0])
    else:
        await kick.tell(Given(1, "newcomer", 2), shape)
    assert await world.total(OTHER) == 0
    async with world.db.transaction() as conn:
        link = await identity.link_of(conn, world.guild_id, OTHER)
        by_name = await identity.member_of(conn, world.guild_id, None, "newcomer")
    assert link is not None
    assert (link.kick_user_id, by_name) == (73, None)


async def test_a_renamed_account_is_paid_under_its_new_name_and_an_old_word_changes_nothing(kick: Kick) -> None:
    world = kick.world
    await world.link(OTHER, "old_name", 73)
    await kick.intake.on_event(chat(world.clock, user_id=73, username="newcomer", chatroom_id=ROOM))
    old = chat(world.clock, user_id=73, username="old_name", chatroom_id=ROOM)
    await kick.intake.tick_minutes()
    kick.restart()
    await kick.intake.on_event(replace(old, received_at=world.clock.now() - MINUTE))
    await kick.intake.tick_minutes()
    async with world.db.transaction() as conn:
        link = await identity.link_of(conn, world.guild_id, OTHER)
    assert link is not None
    assert link.kick_name == "newcomer"
    await kick.tell(Given(1, "newcomer", 2), "oldest")
    assert await world.total(OTHER) == 30


def _kicks(shape: str, number: int) -> dict[str, Any]:
    said: dict[str, Any] = {"sender": {"id": 71, "username": "giver"}, "gift": {"amount": 100}}
    return said | ({"gift_transaction_id": f"t-{number}"} if shape == "id" else {})


@pytest.fixture
def guilds() -> Iterator[int]:
    """A guild for each example."""
    return count(GUILD + 1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["giver", "other_giver", "newcomer"]),
        st.sampled_from([1, 5, 12]),
        st.permutations(["id", "old", "oldest", "next", "board", "notice", "webhook", "restart", "again"]),
        st.integers(1, 9),
        st.lists(st.sampled_from(CHANNELS), min_size=9, max_size=9),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)  # fmt: skip


@pytest.mark.thorough
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_each_gift_is_paid_once_to_its_giver(database_url: str, guilds: Iterator[int], steps: list[Any]) -> None:
    asyncio.run(_story(database_url, steps, next(guilds)))


async def _story(database_url: str, steps: list[Any], guild_id: int) -> None:
    world = await World(Database(database_url), guild_id=guild_id).open()
    try:
        await world.link(MEMBER, "giver", 71)
        await world.link(OTHER, "newcomer", 73)
        await world.link(THIRD, "was_newcomers", 99)
        kick = Kick(world)
        paid = {MEMBER: 0, OTHER: 0, THIRD: 0}
        for index, (gifter, subs, order, most, channels, late) in enumerate(steps):
            gift, at = Given(index, gifter, subs), world.clock.now()
            told = [step for step in order if step != "webhook" or not late][:most]
            for step, channel in zip(told, channels, strict=False):
                await _step(kick, gift, step, channel, at)
            if not any(step in PAYING for step in told):
                await kick.tell(gift, "id")
            world.clock.advance(timedelta(hours=3) if late else 20 * SECOND)
            await kick.deliver(gift, at, "again")
            who = {"giver": MEMBER, "newcomer": THIRD}.get(gifter)
            if who is not None:
                paid[who] += 15 * subs
        assert {member: await world.total(member) for member in paid} == paid
        assert all(status == "approved" for _count, status, _paid in await kick.gifts())
    finally:
        await world.db.close()


async def _step(kick: Kick, gift: Given, step: str, channel: str, at: datetime) -> None:
    if step == "restart":
        kick.restart()
    elif step == "webhook":
        await kick.deliver(gift, at)
    elif step == "again":
        await kick.tell(gift, "id", channel)
        await kick.tell(gift, "id", channel)
    else:
        await kick.tell(gift, step, channel)
