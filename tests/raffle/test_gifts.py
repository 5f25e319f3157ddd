"""Gifts: paid once, whatever tells of them, in whatever order and however often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cogs import raffle_gifts
from core.kick_events import GiftNotice, GiftsLeaderboard
from raffle_system import gift_review, gifted_sub_tracker
from raffle_system.gifter_ids import GifterIds
from tests.raffle.support import (
    ADMIN,
    CHATROOM,
    MEMBER,
    MINUTE,
    OTHER,
    SECOND,
    EchoReader,
    World,
    by_webhook,
    chat,
    gifted,
)

FIVE = ("anna_1", "ben_2", "cleo_3", "dan_4", "eve_5")


async def test_worked_example_five_subs_in_six_frames_twice_each_and_by_webhook(world: World) -> None:
    await world.link(MEMBER, "Giver", 71)
    whole = gifted(world.clock, giftees=(), gifted_total=5, total_chunks=5, gifter_id=71)
    frames = [whole] + [
        gifted(world.clock, giftees=(name,), gifted_total=5, chunk_index=i, total_chunks=5)
        for i, name in enumerate(FIVE)
    ]
    awards = [await world.gift(frame) for frame in frames for _ in range(2)]
    awards.append(await world.gift(by_webhook(world.clock, "giver", FIVE), webhook_key="wh:1"))
    paid = [award for award in awards if award is not None]
    assert [(award.count, award.tickets, award.total) for award in paid] == [(5, 75, 75)]
    assert await world.total() == 75
    assert await world.rows("SELECT giftees, webhook_key, status FROM raffle_gifted_subs") == [
        {"giftees": sorted(FIVE), "webhook_key": "wh:1", "status": "approved"}
    ]


@pytest.mark.parametrize("first", ["webhook", "chunks", "some chunks"])
async def test_chunks_and_webhook_in_any_order_are_one_gift(world: World, first: str) -> None:
    await world.link(MEMBER, "giver", 71)
    chunks = [
        gifted(world.clock, giftees=FIVE[i : i + 2], gifted_total=5, chunk_index=i // 2, total_chunks=3)
        for i in range(0, 5, 2)
    ]
    told = {"webhook": 0, "some chunks": 1, "chunks": 3}[first]
    for chunk in chunks[:told]:
        await world.gift(chunk)
    await world.gift(by_webhook(world.clock, "giver", FIVE), webhook_key="wh:1")
    for chunk in chunks[told:]:
        await world.gift(chunk)
    assert await world.total() == 75
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs") == 1


async def test_without_correlation_id_the_same_within_ten_seconds_is_a_twin(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    for step in (0, 4, 5):
        world.clock.advance(step * SECOND)
        await world.gift(gifted(world.clock, correlation_id=None))
    assert await world.total() == 15
    world.clock.advance(2 * SECOND)
    award = await world.gift(gifted(world.clock, correlation_id=None))
    assert award is not None
    assert await world.total() == 30
    assert await world.gift(gifted(world.clock, correlation_id=None)) is None


async def test_gifter_total_tells_two_equal_gifts_apart_at_once(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    for running in (9, 10, 10, 9):
        await world.gift(gifted(world.clock, correlation_id=None, gifter_total=running))
    assert await world.total() == 30


async def test_two_identical_gifts_stay_two_over_both_transports(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(gifted(world.clock, correlation_id="c-1"))
    world.clock.advance(SECOND)
    await world.gift(gifted(world.clock, correlation_id="c-2"))
    for key in ("wh:1", "wh:2", "wh:1"):
        await world.gift(by_webhook(world.clock), webhook_key=key)
    assert await world.total() == 30
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs") == 2


async def test_a_third_webhook_is_a_gift_of_its_own_that_waits(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(gifted(world.clock))
    for key in ("wh:1", "wh:2"):
        await world.gift(by_webhook(world.clock), webhook_key=key)
    assert await world.total() == 15
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs WHERE status = 'pending'") == 1


async def test_webhook_alone_waits_until_the_socket_tells_it_too(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    assert await world.gift(by_webhook(world.clock), webhook_key="wh:1") is None
    assert await world.total() == 0
    world.clock.advance(30 * SECOND)
    award = await world.gift(gifted(world.clock))
    assert award is not None
    assert (award.discord_id, award.total) == (MEMBER, 15)


async def test_webhook_and_socket_two_minutes_apart_are_two_gifts(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(by_webhook(world.clock), webhook_key="wh:1")
    world.clock.advance(121 * SECOND)
    await world.gift(gifted(world.clock))
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs") == 2
    assert await world.total() == 15


async def test_a_late_webhook_is_compared_by_its_own_time(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    told = world.clock.now()
    await world.gift(gifted(world.clock))
    world.clock.advance(5 * 60 * MINUTE)
    await world.gift(by_webhook(world.clock, created_at=told + SECOND), webhook_key="wh:1")
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs") == 1


async def test_the_nearest_gift_is_the_webhooks_other_half(world: World) -> None:
    at = world.clock.now()
    for index, seconds in enumerate((0, 60)):
        await world.gift(gifted(world.clock, correlation_id=f"c-{index}", received_at=at + seconds * SECOND))
    await world.gift(by_webhook(world.clock, created_at=at + 50 * SECOND), webhook_key="wh:1")
    matched = await world.rows("SELECT socket_key FROM raffle_gifted_subs WHERE webhook_key IS NOT NULL")
    assert [row["socket_key"] for row in matched] == [f"ws:{CHATROOM}:c-1"]


async def test_a_gift_to_others_or_by_another_is_no_other_half(world: World) -> None:
    await world.gift(gifted(world.clock))
    await world.gift(by_webhook(world.clock, giftees=("ben_2",)), webhook_key="wh:1")
    await world.gift(by_webhook(world.clock, gifter="somebody"), webhook_key="wh:2")
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs WHERE status = 'pending'") == 2


async def test_a_webhook_of_a_socket_gap_is_believed(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    now = world.clock.now()
    async with world.db.transaction() as conn:
        await gifted_sub_tracker.record_gap(conn, now - MINUTE, now + MINUTE, "closed 1006")
    award = await world.gift(by_webhook(world.clock), webhook_key="wh:1")
    assert award is not None
    assert award.total == 15
    await world.gift(by_webhook(world.clock, created_at=now + 2 * MINUTE), webhook_key="wh:2")
    await world.gift(gifted(world.clock))
    assert await world.total() == 15


@pytest.mark.parametrize("anonymous_side", ["socket", "webhook", "both"])
@pytest.mark.parametrize("first", ["socket", "webhook"])
async def test_anonymous_on_either_side_is_never_named(world: World, anonymous_side: str, first: str) -> None:
    hidden: dict[str, Any] = {"gifter": "Anonymous", "anonymous": True, "gifter_id": None}
    socket = gifted(world.clock, **(hidden if anonymous_side != "webhook" else {}))
    webhook = by_webhook(world.clock, **(hidden if anonymous_side != "socket" else {}))
    order = ["socket", "webhook"] if first == "socket" else ["webhook", "socket"]
    for transport in order:
        if transport == "socket":
            await world.gift(socket)
        else:
            await world.gift(webhook, webhook_key="wh:1")
    rows = await world.rows(
        "SELECT anonymous, gifter_kick_name, gifter_name_key, gifter_kick_user_id FROM raffle_gifted_subs"
    )
    assert rows == [{"anonymous": True, "gifter_kick_name": "", "gifter_name_key": "", "gifter_kick_user_id": None}]


async def test_an_anonymous_gift_earns_nothing_even_if_one_side_names_a_linked_member(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(by_webhook(world.clock), webhook_key="wh:1")
    award = await world.gift(gifted(world.clock, "Anonymous", anonymous=True))
    assert award is not None
    assert (award.anonymous, award.gifter, award.discord_id, award.total) == (True, "", None, None)
    assert await world.total() == 0


async def test_an_unlinked_gifter_who_links_later_is_paid_once(world: World) -> None:
    award = await world.gift(gifted(world.clock, "Gen_Erous", FIVE))
    assert award is not None
    assert (award.discord_id, award.tickets, award.total) == (None, 75, None)
    await world.link(MEMBER, "gen_erous", 71)
    assert await world.total() == 75
    await world.unlink(MEMBER)
    await world.link(MEMBER, "gen_erous", 71)
    assert await world.total() == 75


async def test_linking_to_another_discord_account_pays_nothing_twice(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(gifted(world.clock, gifter_id=71))
    await world.unlink(MEMBER)
    await world.link(OTHER, "giver", 71)
    assert (await world.total(MEMBER), await world.total(OTHER)) == (15, 0)
    await world.gift(gifted(world.clock, gifter_id=71))
    await world.gift(gifted(world.clock, gifter_id=71, correlation_id="c-2"))
    assert (await world.total(MEMBER), await world.total(OTHER)) == (15, 15)


async def test_the_kick_id_is_the_identity_not_the_name(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(gifted(world.clock, "renamed", gifter_id=71))
    assert await world.total() == 15
    await world.gift(gifted(world.clock, "giver", gifter_id=99, correlation_id="c-2"))
    assert await world.total() == 15


async def test_a_gift_with_another_id_is_not_paid_to_who_took_the_name(world: World) -> None:
    await world.gift(gifted(world.clock, "giver", gifter_id=99))
    await world.link(MEMBER, "giver", 71)
    assert await world.total() == 0


async def test_a_twin_that_brings_the_gifters_id_pays_what_the_name_could_not(world: World) -> None:
    await world.link(MEMBER, "old_name", 71)
    first = await world.gift(gifted(world.clock, "new_name"))
    assert first is not None
    assert first.discord_id is None
    award = await world.gift(gifted(world.clock, "new_name", gifter_id=71))
    assert award is not None
    assert (award.discord_id, award.total) == (MEMBER, 15)
    assert await world.gift(gifted(world.clock, "new_name", gifter_id=71)) is None
    assert await world.total() == 15


async def test_a_webhook_that_brings_the_gifters_id_pays_what_the_name_could_not(world: World) -> None:
    await world.link(MEMBER, "old_name", 71)
    await world.gift(gifted(world.clock, "new_name"))
    award = await world.gift(by_webhook(world.clock, "new_name"), webhook_key="wh:1")
    assert award is not None
    assert award.total == 15


async def test_a_gifter_found_after_the_freeze_is_paid_in_the_running_raffle(world: World) -> None:
    frozen = await world.period()
    await world.give(OTHER)
    await world.link(MEMBER, "old_name", 71)
    await world.gift(gifted(world.clock, "new_name"))
    world.clock.set(frozen.end_date)
    await world.schedule.close_due_periods()
    await world.start_draw(frozen)
    told = gifted(world.clock, "new_name", gifter_id=71, received_at=frozen.end_date)
    award = await world.gift(told)
    assert award is not None
    assert (await world.total(period=frozen), await world.total()) == (0, 15)
    paid = await world.rows("SELECT period_id FROM raffle_gifted_subs")
    assert paid == [{"period_id": (await world.period()).id}]


async def test_a_gift_told_by_chat_counts_by_its_message_id(world: World) -> None:
    await world.link(MEMBER, "viewer71", 71)
    told = chat(world.clock, kind="gift_subscription", gift_count=5)
    for _ in range(2):
        await world.gift(told, 71)
    assert await world.total() == 75


async def test_count_is_the_total_else_the_giftees_else_one(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    kinds = [(5, ("anna_1",)), (None, FIVE), (None, ())]
    for index, (said, giftees) in enumerate(kinds):
        await world.gift(gifted(world.clock, giftees=giftees, gifted_total=said, correlation_id=f"c-{index}"))
    counts = await world.rows("SELECT sub_count FROM raffle_gifted_subs ORDER BY id")
    assert [row["sub_count"] for row in counts] == [5, 5, 1]
    assert await world.total() == 11 * 15


async def test_a_rate_of_zero_stores_the_gift_and_pays_nothing(world: World) -> None:
    await world.set("gifted_sub_tickets", 0)
    await world.link(MEMBER, "giver", 71)
    award = await world.gift(gifted(world.clock))
    assert award is not None
    assert (award.tickets, award.total) == (0, None)
    assert await world.total() == 0


def _leaderboard(world: World, name: str, quantity: int | None) -> GiftsLeaderboard:
    return GiftsLeaderboard(
        channel_id=1, chatroom_id=None, gifter_id=71, username=name, quantity=quantity, all_time=(), monthly=(),
        weekly=(), received_at=world.clock.now(),
    )  # fmt: skip


async def test_the_gifters_id_comes_from_a_frame_shortly_before(world: World) -> None:
    ids = GifterIds()
    ids.note(_leaderboard(world, "Giver", 1))
    world.clock.advance(timedelta(seconds=10))
    assert ids.find(gifted(world.clock, "giver")) == 71
    assert ids.find(gifted(world.clock, "somebody")) is None
    assert ids.find(gifted(world.clock, "giver", FIVE)) is None
    assert ids.find(gifted(world.clock, "Anonymous", anonymous=True)) is None
    assert ids.find(gifted(world.clock, "giver", gifter_id=5)) == 5
    world.clock.advance(SECOND)
    assert ids.find(gifted(world.clock, "giver")) is None


async def test_a_notice_names_the_gifter_too(world: World) -> None:
    ids = GifterIds()
    notice = GiftNotice(
        chatroom_id=CHATROOM, channel_id=None, notice_id="n-1", gifter_id=72, gifter_name="giver", giftees=(),
        quantity=None, source="chat", created_at=None, received_at=world.clock.now(),
    )  # fmt: skip
    ids.note(notice)
    assert ids.find(gifted(world.clock, "giver", FIVE)) == 72


@pytest.mark.parametrize("at", ["-infinity", "infinity", "0001-01-01", "9999-12-31"])
async def test_a_stored_gift_without_a_moment_is_listed_and_can_be_decided(world: World, at: str) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(by_webhook(world.clock, gifter_id=71), webhook_key="wh:1")
    await world.execute(f"UPDATE raffle_gifted_subs SET gifted_at = '{at}'")
    async with world.db.transaction() as conn:
        rows, waiting = await gift_review.waiting(conn, world.guild_id)
        shown = raffle_gifts.page(EchoReader(), rows, waiting)
        assert "'when': '?'" in shown.description
        await gift_review.approve(conn, world.settings, rows[0]["id"], ADMIN, world.clock.now())
    assert await world.total() == 15
    assert await world.scalar("SELECT occurred_at FROM raffle_ticket_log") == world.clock.now()
