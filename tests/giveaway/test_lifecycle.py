"""From the wish to the end: create, enter, pause, edit, end, cancel, come again."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import draws
from core.errors import UserError
from core.verify import verify
from giveaway import giveaway_system as system
from giveaway import queries, settings, winners
from giveaway.models import Draft, Entities, Look, Options, RoleEntity
from tests.giveaway.support import (
    ADMIN,
    BOOSTER,
    CHANNEL,
    GUILD,
    HOST,
    NOW,
    OTHER_GUILD,
    VIP,
    World,
    draft,
    person,
    vip_entities,
)  # fmt: skip


async def _count(world: World, table: str) -> int:
    async with world.db.transaction() as conn:
        return int((await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def test_the_message_shows_the_commitment_and_its_id_is_kept(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    (letter,) = world.sender.of(giveaway.draw_id)
    assert [button.custom_id for button in letter.message.buttons] == [
        f"giveaway:enter:{giveaway.giveaway_id}", f"giveaway:entrants:{giveaway.giveaway_id}",
    ]  # fmt: skip
    assert giveaway.commitment in letter.message.embeds[0].footer
    assert len(giveaway.commitment) == 64
    found = await world.find(giveaway)
    assert found.message_id is not None
    async with world.db.transaction() as conn:
        assert await queries.of_message(conn, GUILD, found.message_id) == found


async def test_a_ping_role_is_pinged_by_the_new_message_only(world: World) -> None:
    giveaway = await world.create(options=Options(ping_role_id=VIP))
    await world.enter(giveaway, person(1))
    await world.deliver()
    await world.checker.refresh_messages()
    await world.deliver()
    first, edit = world.sender.of(giveaway.draw_id)
    assert first.message.role_mentions == (VIP,)
    assert edit.edits is not None
    assert edit.message.role_mentions == ()
    assert edit.message.content == ""


async def test_entering_tells_honest_odds_and_a_second_press_changes_nothing(world: World) -> None:
    giveaway = await world.create(entities=vip_entities())
    first, second, again = await world.enter(giveaway, person(1, ADMIN), person(2), person(1, ADMIN))
    assert (first.joined, first.points, first.tickets, first.total_tickets) == (True, 10, 11, 11)
    assert (second.tickets, second.total_tickets, second.entries) == (1, 12, 2)
    assert (again.joined, again.tickets, again.total_tickets, again.entries) == (False, 11, 12, 2)


async def test_leaving_and_coming_back_counts_right(world: World) -> None:
    giveaway = await world.create(entities=vip_entities())
    await world.enter(giveaway, person(1, ADMIN), person(2))
    async with world.db.transaction() as conn:
        await system.leave(conn, world.tools, GUILD, giveaway.giveaway_id, 1)
        assert await queries.totals(conn, giveaway) == (1, 1)
        with pytest.raises(UserError, match=r"giveaway\.not_in"):
            await system.leave(conn, world.tools, GUILD, giveaway.giveaway_id, 1)
    (back,) = await world.enter(giveaway, person(1, VIP))
    assert (back.joined, back.tickets, back.total_tickets, back.entries) == (True, 6, 7, 2)


@pytest.mark.thorough
async def test_200_people_twice_at_once_are_200_entries(world: World) -> None:
    giveaway = await world.create()

    async def press(user: int) -> bool:
        async with world.db.transaction() as conn:
            entry = await system.add_entry(conn, world.tools, GUILD, giveaway.giveaway_id, person(user << 22))
            return entry.joined

    pressed = await asyncio.gather(*(press(user) for user in [*range(1, 201), *range(1, 201)]))
    assert sum(pressed) == 200
    async with world.db.transaction() as conn:
        assert await queries.totals(conn, giveaway) == (200, 200)
    assert await _count(world, "giveaway_entries") == 200


async def test_presses_while_it_ends_are_in_the_draw_or_refused(world: World) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, person(1 << 22))

    async def press(user: int) -> bool:
        try:
            async with world.db.transaction() as conn:
                await system.add_entry(conn, world.tools, GUILD, giveaway.giveaway_id, person(user))
        except UserError as error:
            refused.append(error.key)
            return False
        return True

    refused: list[str] = []
    presses = [press(user << 22) for user in range(2, 60)]
    *results, _ended = await asyncio.gather(*presses, world.end(giveaway))
    await world.ending.freeze(giveaway.giveaway_id)
    assert set(refused) <= {"giveaway.over"}
    assert (await world.find(giveaway)).stats["total_entries"] == 1 + sum(results)


async def test_a_press_that_meets_the_uncommitted_end_waits_and_is_refused(world: World) -> None:
    giveaway = await world.create()
    async with world.db.transaction() as conn:
        await system.end_giveaway(conn, world.tools, giveaway, HOST)
        press = asyncio.create_task(world.enter(giveaway, person(1)))
        while not await _waits_for_a_lock(world):
            assert not press.done()
            await asyncio.sleep(0.01)
    with pytest.raises(UserError, match=r"giveaway\.over"):
        await press
    assert await _count(world, "giveaway_entries") == 0


async def _waits_for_a_lock(world: World) -> bool:
    async with world.db.transaction() as conn:
        found = await conn.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        )
        return bool(found.scalar_one())


@pytest.mark.parametrize(
    ("act", "key"),
    [
        ("pause", "giveaway.paused"),
        ("cancel", "giveaway.cancelled"),
        ("end", "giveaway.over"),
        ("late", "giveaway.over"),
    ],
)
async def test_nobody_enters_a_closed_giveaway(world: World, act: str, key: str) -> None:
    giveaway = await world.create()
    async with world.db.transaction() as conn:
        if act == "pause":
            await system.pause(conn, world.tools, giveaway, HOST)
        elif act == "cancel":
            await system.cancel(conn, world.tools, giveaway, HOST)
        elif act == "end":
            await system.end_giveaway(conn, world.tools, giveaway, HOST)
    if act == "late":
        world.clock.advance(days=1)
    with pytest.raises(UserError, match=key):
        await world.enter(giveaway, person(1))


async def test_another_guilds_giveaway_is_refused(world: World) -> None:
    giveaway = await world.create()
    async with world.db.transaction() as conn:
        for wanted in (giveaway.giveaway_id, 999_999):
            with pytest.raises(UserError, match=r"giveaway\.not_found"):
                await system.add_entry(conn, world.tools, OTHER_GUILD, wanted, person(1))
            with pytest.raises(UserError, match=r"giveaway\.not_found"):
                await system.find(conn, OTHER_GUILD, wanted)


async def test_time_stands_still_while_paused(world: World) -> None:
    giveaway = await world.create()
    world.clock.advance(hours=20)
    async with world.db.transaction() as conn:
        await system.pause(conn, world.tools, giveaway, HOST)
    world.clock.advance(days=30)
    assert await world.checker.check() == 0
    async with world.db.transaction() as conn:
        resumed = await system.resume(conn, world.tools, giveaway, HOST)
    assert resumed.end_time - world.clock.now() == timedelta(hours=4)
    world.clock.advance(hours=4)
    assert await world.checker.check() == 2


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"winners_count": 0}, "giveaway.bad_winners"),
        ({"winners_count": 51}, "giveaway.bad_winners"),
        ({"prize": "  "}, "giveaway.no_prize"),
        ({"prize": "x" * 257}, "giveaway.prize_too_long"),
        ({"description": "x" * 4000}, "giveaway.description_too_long"),
        ({"duration": timedelta(days=3650)}, "duration.too_long"),
        ({"duration": timedelta(seconds=59)}, "duration.too_short"),
        ({"recurrence": "hourly"}, "giveaway.bad_recurrence"),
        ({"look": Look(image_url="javascript:alert(1)")}, "giveaway.bad_url"),
        ({"look": Look(colour=-1)}, "giveaway.bad_colour"),
        ({"options": Options(emoji="a b")}, "giveaway.bad_emoji"),
        ({"options": Options(claim_hours=0)}, "giveaway.bad_claim_hours"),
        ({"entities": Entities(roles=(RoleEntity(role_id=1, points=101),))}, "giveaway.bad_points"),
        ({"entities": Entities(roles=(RoleEntity(role_id=1, points=1),) * 2)}, "giveaway.role_twice"),
        ({"entities": Entities(enabled=True)}, "giveaway.no_entity_roles"),
        ({"entities": Entities(mode="lowest")}, "giveaway.bad_mode"),
        ({"entities": Entities(cap=0)}, "giveaway.bad_cap"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_and_leaves_nothing(
    world: World, changes: dict[str, Any], key: str
) -> None:
    with pytest.raises(UserError, match=key):
        await world.create(**changes)
    assert await _count(world, "giveaways") == 0
    assert await _count(world, "outbox") == 0


async def test_a_prize_of_emoji_and_markup_stays_text(world: World) -> None:
    giveaway = await world.create(prize="🎁 @everyone **free**\nsecond line")
    assert giveaway.prize == "🎁 @everyone **free** second line"
    await world.deliver()
    (letter,) = world.sender.of(giveaway.draw_id)
    assert "@everyone" not in letter.message.embeds[0].title
    assert letter.message.role_mentions == letter.message.mentions == ()


async def test_no_more_giveaways_at_once_than_the_guild_allows(world: World) -> None:
    async with world.db.transaction() as conn:
        await settings.change(conn, world.clock, GUILD, "max_active", 2, HOST)
    await world.create()
    last = await world.create(start_time=NOW + timedelta(days=1))
    with pytest.raises(UserError, match=r"giveaway\.too_many_active"):
        await world.create()
    async with world.db.transaction() as conn:
        await system.cancel(conn, world.tools, last, HOST)
    await world.create()


async def test_edit_changes_the_message_and_is_remembered(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    end = NOW + timedelta(days=3)
    wish: Draft = draft(prize="Something better", winners_count=3, channel_id=1, host_id=2)
    async with world.db.transaction() as conn:
        edited = await system.edit(conn, world.tools, giveaway, wish, HOST, end_time=end)
    assert (edited.prize, edited.winners_count, edited.end_time) == ("Something better", 3, end)
    assert (edited.channel_id, edited.host_id) == (CHANNEL, HOST)
    await world.deliver()
    assert "Something better" in world.sender.letters[-1].message.embeds[0].title
    assert world.sender.letters[-1].edits == (await world.find(giveaway)).message_id


async def test_the_whole_way_leaves_one_announcement_and_a_record_that_verifies(world: World) -> None:
    giveaway = await world.create(entities=vip_entities(), winners_count=2)
    await world.enter(giveaway, person(1, ADMIN), person(2, VIP, BOOSTER), person(3), person(4))
    world.members.people[3] = person(3, VIP)
    world.members.gone.add(4)
    ended = await world.draw(giveaway)
    await world.deliver()
    assert ended.status == "ended"
    assert ended.stats == {
        "total_entries": 3, "total_bonus_entries": 23, "total_tickets": 26, "avg_entities_points": 7.67,
        "max_entities_points": 10, "excluded": 1,
    }  # fmt: skip
    async with world.db.transaction() as conn:
        record = json.loads(await queries.record(conn, ended))
        places = await winners.places(conn, giveaway.giveaway_id)
        page = await queries.entries_page(conn, ended)
    report = verify(record)
    assert report.ok, report
    assert record["entrants"] == [["1", 11], ["2", 9], ["3", 6]]
    assert record["excluded"] == [{"id": "4", "reason": "left the server"}]
    assert [str(place.user_id) for place in places] == [pick["id"] for pick in record["picks"]]
    assert [line.tickets for line in page.lines] == [11, 9, 6, 0]
    (told,) = world.sender.of(f"{giveaway.draw_id}/result")
    assert told.message.mentions == tuple(place.user_id for place in places)
    assert told.message.draw_ids == (giveaway.draw_id,)
    last = world.sender.of(giveaway.draw_id)[-1]
    assert last.edits is not None
    assert last.message.buttons == ()
    for place in places:
        (letter,) = world.sender.of(f"{giveaway.draw_id}/dm/{place.user_id}")
        assert letter.user_id == place.user_id


async def test_two_who_end_it_at_once_make_one_draw(world: World) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, person(1), person(2))
    assert sorted(await asyncio.gather(world.end(giveaway), world.end(giveaway, 78))) == [False, True]
    number = giveaway.giveaway_id
    assert sorted(await asyncio.gather(world.ending.freeze(number), world.ending.freeze(number))) == [False, True]
    assert sorted(await asyncio.gather(world.finish(), world.finish())) in ([0, 1], [1, 1])
    await world.deliver()
    assert len(world.sender.of(f"{giveaway.draw_id}/result")) == 1
    assert await _count(world, "giveaway_winners") == 1


async def test_the_manual_end_and_the_timer_in_the_same_second(world: World) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, person(1))
    world.clock.advance(days=1)
    await asyncio.gather(world.end(giveaway), world.checker.check(), world.checker.check())
    await world.checker.check()
    await world.finish()
    await world.deliver()
    assert len(world.sender.of(f"{giveaway.draw_id}/result")) == 1


async def test_dying_between_close_freeze_and_draw_changes_nothing(world: World) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, *(person(user) for user in range(1, 9)))
    await world.end(giveaway)
    world.members.fault = ConnectionError("the list of members is not complete")
    assert await world.checker.check() == 0
    assert world.checker.last_error is not None
    world.members.fault = None
    assert await world.checker.check() == 1
    async with world.db.transaction() as conn:
        frozen = await draws.get_draw(conn, giveaway.draw_id)
    assert frozen is not None
    assert (await world.find(giveaway)).status == "frozen"
    world.clock.advance(hours=5)
    assert await world.checker.check() == 0
    assert await world.finish() == 1
    assert await world.finish() == 0
    async with world.db.transaction() as conn:
        after = await draws.get_draw(conn, giveaway.draw_id)
    assert after is not None
    assert after["entrants_sha256"] == frozen["entrants_sha256"]
    assert (await world.find(giveaway)).status == "ended"


async def test_fewer_eligible_than_winners_all_win_and_it_says_so(world: World) -> None:
    giveaway = await world.create(winners_count=5)
    await world.enter(giveaway, person(1), person(2))
    await world.draw(giveaway)
    await world.deliver()
    (told,) = world.sender.of(f"{giveaway.draw_id}/result")
    assert sorted(told.message.mentions) == [1, 2]
    assert "giveaway.fewer_than_winners" in told.message.embeds[0].description
    async with world.db.transaction() as conn:
        assert json.loads(await queries.record(conn, giveaway))["winners"] == 2


@pytest.mark.parametrize(("entrants", "key"), [(0, "giveaway.nobody_entered"), (2, "giveaway.nobody_eligible")])
async def test_nobody_to_win_ends_without_a_draw(world: World, entrants: int, key: str) -> None:
    giveaway = await world.create()
    for user in range(1, entrants + 1):
        await world.enter(giveaway, person(user))
        world.members.gone.add(user)
    ended = await world.draw(giveaway)
    await world.deliver()
    assert ended.status == "ended"
    (told,) = world.sender.of(f"{giveaway.draw_id}/result")
    assert key in told.message.embeds[0].description
    assert told.message.mentions == ()
    assert "host_nobody" in world.sender.of(f"{giveaway.draw_id}/host")[0].message.embeds[0].description
    async with world.db.transaction() as conn:
        with pytest.raises(UserError, match=r"draw\.not_drawn"):
            await queries.record(conn, ended)


async def test_cancel_takes_the_button_and_names_the_reason(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    async with world.db.transaction() as conn:
        await system.cancel(conn, world.tools, giveaway, HOST, "out of stock")
        with pytest.raises(UserError, match=r"giveaway\.not_active"):
            await system.cancel(conn, world.tools, giveaway, HOST)
    await world.deliver()
    last = world.sender.letters[-1].message
    assert last.buttons == ()
    assert "out of stock" in last.embeds[0].description
    world.clock.advance(days=2)
    assert await world.checker.check() == 0


async def test_a_recurring_giveaway_comes_back_until_it_is_cancelled(world: World) -> None:
    giveaway = await world.create(recurrence="daily", duration=timedelta(hours=2))
    await world.checker.check()
    async with world.db.transaction() as conn:
        (coming,), _more = await queries.listing(conn, GUILD, "scheduled", HOST)
    assert coming.start_time == NOW + timedelta(days=1)
    world.clock.advance(days=5, hours=1)
    await world.checker.check()
    async with world.db.transaction() as conn:
        (running,), _more = await queries.listing(conn, GUILD, "active", HOST)
        (coming,), _more = await queries.listing(conn, GUILD, "scheduled", HOST)
    assert running.series_id == giveaway.giveaway_id
    assert coming.start_time == NOW + timedelta(days=6)
    async with world.db.transaction() as conn:
        await system.cancel(conn, world.tools, running, HOST, series=True)
    world.clock.advance(days=30)
    assert await world.checker.check() == 0


async def test_a_scheduled_giveaway_starts_by_itself_and_runs_its_whole_time(world: World) -> None:
    giveaway = await world.create(start_time=NOW + timedelta(hours=3))
    assert (giveaway.status, giveaway.commitment) == ("scheduled", "")
    with pytest.raises(UserError, match=r"giveaway\.not_started"):
        await world.enter(giveaway, person(1))
    assert await _count(world, "draws") == 0
    world.clock.advance(hours=4)
    assert await world.checker.check() == 1
    started = await world.find(giveaway)
    assert started.status == "active"
    assert started.end_time == world.clock.now() + timedelta(days=1)


@pytest.mark.thorough
async def test_50_overdue_after_a_restart_are_all_ended_and_marked_late(world: World) -> None:
    made = [await world.create(prize=f"Prize {number}") for number in range(50)]
    for giveaway in made:
        await world.enter(giveaway, person(giveaway.giveaway_id << 22))
    world.clock.advance(days=2)
    assert await world.checker.check() == 100
    assert await world.finish() == 50
    await world.deliver()
    for giveaway in made:
        (told,) = world.sender.of(f"{giveaway.draw_id}/result")
        assert "giveaway.late_line" in told.message.embeds[0].description
    assert await world.checker.check() == 0


async def test_lists_search_and_files(world: World) -> None:
    first = await world.create(prize="Gift card")
    second = await world.create(prize="Nitro")
    await world.enter(first, person(1), person(2))
    async with world.db.transaction() as conn:
        with pytest.raises(UserError, match=r"giveaway\.which_one"):
            await queries.only_one_in(conn, GUILD, CHANNEL)
        found = await queries.choices(conn, GUILD, "gift", ["active"])
        assert [choice.giveaway_id for choice in found] == [first.giveaway_id]
        assert len(await queries.choices(conn, GUILD, "", ["active"])) == 2
        assert await queries.choices(conn, OTHER_GUILD, "", ["active"]) == []
        await system.cancel(conn, world.tools, second, HOST)
        assert (await queries.only_one_in(conn, GUILD, CHANNEL)).giveaway_id == first.giveaway_id
        table = (await queries.entries_csv(conn, first)).decode().splitlines()
    assert table[0] == "user_id,joined_at,points,entries,first_prize_odds,excluded"
    assert table[1] == "1,2026-03-01T12:00:00+00:00,0,1,50%,"


FORM = "400 Bad Request (error code: 50035): Invalid Form Body\nIn components.0.emoji.name: Invalid emoji"


async def test_a_message_that_discord_refuses_is_a_giveaway_that_did_not_start(world: World) -> None:
    """Nobody could enter it; the host hears once, in Discord's words, and the log has it."""
    async with world.db.transaction() as conn:
        await settings.change(conn, world.clock, GUILD, "log_channel_id", 4444, HOST)
    world.sender.refusal, world.sender.closed = FORM, {CHANNEL}
    giveaway = await world.create()
    await world.deliver()
    over = await world.find(giveaway)
    assert (over.status, over.cancel_reason) == (
        "cancelled", "not started: Invalid Form Body In components.0.emoji.name: Invalid emoji",
    )  # fmt: skip
    (note,) = world.sender.of(f"{giveaway.draw_id}/host")
    assert "giveaway.host_not_started" in note.message.embeds[0].description
    assert "Invalid emoji" in note.message.embeds[0].description
    logged = [x.message.embeds[0].description for x in world.sender.letters if x.channel_id == 4444]
    assert "giveaway.log.cancel" in logged[-1]
    with pytest.raises(UserError, match=r"giveaway\.cancelled"):
        await world.enter(giveaway, person(1))


async def test_a_series_into_a_channel_that_is_gone_stops_and_says_so_once(world: World) -> None:
    first = await world.create(recurrence="daily", duration=timedelta(hours=1))
    await world.deliver()
    world.clock.advance(hours=2)
    await world.checker.check()
    await world.deliver()
    world.sender.closed = {CHANNEL}
    for _ in range(5):
        world.clock.advance(days=1)
        await world.checker.check()
        await world.finish()
        await world.deliver()
    told = [x.message.embeds[0].description for x in world.sender.letters if x.message.ref.endswith("/host")]
    assert ["host_series_stopped" in text for text in told] == [False, True]
    async with world.db.transaction() as conn:
        assert await queries.listing(conn, GUILD, "scheduled", HOST) == ([], False)
        held, _more = await queries.listing(conn, GUILD, "all", HOST)
    assert [one.status for one in held if one.giveaway_id != first.giveaway_id] == ["cancelled", "cancelled"]


async def test_an_edit_that_discord_refuses_is_not_told_as_a_message_that_is_gone(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    world.sender.refusal, world.sender.closed = FORM, {CHANNEL}
    async with world.db.transaction() as conn:
        await system.pause(conn, world.tools, giveaway, HOST)
    await world.deliver()
    (note,) = world.sender.of(f"{giveaway.draw_id}/host")
    assert "host_refused" in note.message.embeds[0].description
    assert (await world.find(giveaway)).status == "paused"
