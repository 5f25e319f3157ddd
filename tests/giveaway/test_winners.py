"""After the draw: rerolls, claims, winners' roles, letters that do not arrive."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from core import fair_draw
from core.errors import UserError
from core.letters import Blocked, Gone
from core.reserves import Look, looked_up
from core.verify import verify
from giveaway import giveaway_system as system
from giveaway import queries, settings, winners
from giveaway.models import Giveaway, Options, Requirement, Requirements, Winner
from giveaway.templates import draft_of
from tests.giveaway.support import BOT, CHANNEL, GUILD, HOST, VIP, World, person
from tests.patience import until

ROLE = 66


async def _drawn(
    world: World, *, entrants: int = 6, winners_count: int = 1, first: int = 1, **options: object
) -> Giveaway:  # fmt: skip
    wanted = Options(**options)  # type: ignore[arg-type]
    giveaway = await world.create(winners_count=winners_count, options=wanted)
    await world.enter(giveaway, *(person(user) for user in range(first, first + entrants)))
    drawn = await world.draw(giveaway)
    await world.deliver()
    return drawn


async def _places(world: World, giveaway: Giveaway) -> list[Winner]:
    async with world.db.transaction() as conn:
        return await winners.places(conn, giveaway.giveaway_id)


async def _reroll(world: World, giveaway: Giveaway, **which: Any) -> list[int]:
    changes = await world.reroll(giveaway, "no answer", **which)
    await world.deliver()
    return [change.new.user_id for change in changes]


async def test_rerolls_take_every_reserve_once_and_then_say_so(world: World) -> None:
    giveaway = await _drawn(world)
    seen = [(await _places(world, giveaway))[0].user_id]
    for _ in range(5):
        seen += await _reroll(world, giveaway)
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(UserError, match=r"draw\.no_reserves"):
        await _reroll(world, giveaway)
    async with world.db.transaction() as conn:
        record = json.loads(await queries.record(conn, giveaway))
    assert verify(record).ok
    assert [event["reason"] for event in record["events"]] == ["no answer"] * 5
    told = world.sender.of(f"{giveaway.draw_id}/result")
    assert [letter.message.mentions for letter in told] == [(user,) for user in seen]
    assert f"<@{seen[-1]}>" in world.sender.of(giveaway.draw_id)[-1].message.embeds[0].description


async def test_a_reroll_of_one_of_several_keeps_the_others(world: World) -> None:
    giveaway = await _drawn(world, entrants=8, winners_count=3)
    before = [w.user_id for w in await _places(world, giveaway)]
    with pytest.raises(UserError, match=r"giveaway\.reroll_which"):
        await _reroll(world, giveaway)
    with pytest.raises(UserError, match=r"giveaway\.not_a_winner"):
        await _reroll(world, giveaway, winner=999)
    with pytest.raises(UserError, match=r"giveaway\.bad_count"):
        await _reroll(world, giveaway, count=4)
    (new,) = await _reroll(world, giveaway, winner=before[1])
    assert new not in before
    assert [w.user_id for w in await _places(world, giveaway)] == [before[0], new, before[2]]
    fresh = await _reroll(world, giveaway, count=2)
    assert not {*fresh} & {*before, new}


async def test_more_rerolls_than_reserves_change_nothing(world: World) -> None:
    giveaway = await _drawn(world, entrants=4, winners_count=3)
    before = await _places(world, giveaway)
    with pytest.raises(UserError, match=r"draw\.no_reserves"):
        await _reroll(world, giveaway, count=2)
    assert await _places(world, giveaway) == before


@pytest.mark.parametrize("way", ["reroll", "disqualified", "unclaimed"])
async def test_who_left_or_is_blacklisted_since_the_freeze_gets_no_place(world: World, way: str) -> None:
    """Whichever way a reserve moves up: passed over with an event, told in the channel and the audit."""
    giveaway = await _drawn(world, entrants=5, claim_hours=1)
    async with world.db.transaction() as conn:
        seed = bytes.fromhex(json.loads(await queries.record(conn, giveaway))["seed"])
    order = [pick.id for pick in fair_draw.picks(seed, fair_draw.Entrants(range(1, 6), [1] * 5), 5)]
    gone, banned, tainted, fit = order[1:]
    world.members.gone = {gone}
    world.members.people[tainted] = person(tainted, VIP)
    async with world.db.transaction() as conn:
        await settings.change_list(conn, world.clock, GUILD, "blacklist", banned, add=True, actor=HOST)
        await settings.change_list(conn, world.clock, GUILD, "blacklist_roles", VIP, add=True, actor=HOST)
    if way == "unclaimed":
        world.clock.advance(hours=1)
        await world.checker.check()
        await world.deliver()
    else:
        await _reroll(world, giveaway, kind=way)
    (holder,) = await _places(world, giveaway)
    assert holder.user_id == fit
    async with world.db.transaction() as conn:
        record = json.loads(await queries.record(conn, giveaway))
    assert verify(record).ok
    assert [(event["kind"], event["by"], event["reason"]) for event in record["events"][1:]] == [
        ("disqualified", str(BOT), "left the server"),
        ("disqualified", str(BOT), "on the server's blacklist"),
        ("disqualified", str(BOT), "on the server's blacklist"),
    ]
    assert record["events"][0]["kind"] == way
    told = world.sender.of(f"{giveaway.draw_id}/result")[-1].message
    assert told.mentions == (fit,)
    assert told.embeds[0].description.count("reserve.") == 3


async def test_with_nobody_left_who_can_have_it_the_winner_stays(world: World) -> None:
    giveaway = await _drawn(world, entrants=3)
    before = await _places(world, giveaway)
    world.members.gone = {1, 2, 3} - {before[0].user_id}
    with pytest.raises(UserError, match=r"draw\.no_reserves"):
        await _reroll(world, giveaway)
    assert await _places(world, giveaway) == before


async def test_two_rerolls_at_once_take_two_reserves(world: World) -> None:
    giveaway = await _drawn(world)
    first, second = await asyncio.gather(_reroll(world, giveaway), _reroll(world, giveaway))
    assert first != second


@pytest.mark.parametrize("state", ["active", "frozen"])
async def test_nothing_is_rerolled_before_the_draw(world: World, state: str) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, person(1), person(2))
    if state == "frozen":
        await world.end(giveaway)
        await world.ending.freeze(giveaway.giveaway_id)
    with pytest.raises(UserError, match=r"draw\.not_drawn"):
        await _reroll(world, giveaway)


async def test_a_prize_not_claimed_goes_to_the_next_reserve_until_none_is_left(world: World) -> None:
    giveaway = await _drawn(world, entrants=2, claim_hours=48)
    (first,) = await _places(world, giveaway)
    assert first.claim_until == world.clock.now() + timedelta(hours=48)
    world.clock.advance(hours=47)
    assert await world.checker.check() == 0
    world.clock.advance(hours=1)
    await asyncio.gather(world.checker.check(), world.checker.check())
    (second,) = await _places(world, giveaway)
    assert second.user_id != first.user_id
    await world.deliver()
    assert world.sender.of(f"{giveaway.draw_id}/result")[-1].message.mentions == (second.user_id,)
    world.clock.advance(hours=49)
    await world.checker.check()
    (still,) = await _places(world, giveaway)
    assert still.user_id == second.user_id
    assert still.lapsed_at is not None
    await world.deliver()
    assert "host_lapsed" in world.sender.of(f"{giveaway.draw_id}/host")[-1].message.embeds[0].description
    assert await world.checker.check() == 0
    async with world.db.transaction() as conn:
        record = json.loads(await queries.record(conn, giveaway))
        with pytest.raises(UserError, match=r"giveaway\.claim_too_late"):
            await system.claim(conn, world.tools, giveaway.giveaway_id, second.user_id)
        with pytest.raises(UserError, match=r"claim\.passed_on"):
            await system.claim(conn, world.tools, giveaway.giveaway_id, first.user_id)
        with pytest.raises(UserError, match=r"giveaway\.claim_not_yours"):
            await system.claim(conn, world.tools, giveaway.giveaway_id, 4711)
    assert verify(record).ok
    (event,) = record["events"]
    assert (event["kind"], event["by"]) == ("unclaimed", str(BOT))


async def test_a_claimed_prize_stays(world: World) -> None:
    giveaway = await _drawn(world, claim_hours=1)
    (first,) = await _places(world, giveaway)
    dm = world.sender.of(f"{giveaway.draw_id}/dm/{first.user_id}")[0]
    assert [b.custom_id for b in dm.message.buttons] == [f"giveaway:claim:{giveaway.giveaway_id}"]
    async with world.db.transaction() as conn:
        await system.claim(conn, world.tools, giveaway.giveaway_id, first.user_id)
        with pytest.raises(UserError, match=r"giveaway\.claimed_already"):
            await system.claim(conn, world.tools, giveaway.giveaway_id, first.user_id)
    world.clock.advance(hours=2)
    assert await world.checker.check() == 0


async def test_the_winners_role_is_given_and_taken_from_who_lost_the_place(world: World) -> None:
    giveaway = await _drawn(world, winner_role_id=ROLE)
    (first,) = await _places(world, giveaway)
    await world.checker.check()
    await world.checker.check()
    assert world.roles.done == [("give", first.user_id, ROLE)]
    (new,) = await _reroll(world, giveaway)
    await world.checker.check()
    assert sorted(world.roles.done[1:]) == [("give", new, ROLE), ("take", first.user_id, ROLE)]


@pytest.mark.parametrize("mended", [True, False])
async def test_a_role_that_cannot_be_given_is_told_to_the_host_once(world: World, mended: bool) -> None:
    """A missing permission may be mended a minute later; a role that is gone is gone."""
    giveaway = await _drawn(world, winner_role_id=ROLE)
    world.roles.fault = ConnectionError("Discord is down")
    assert await world.winner_roles.settle_due() == 0
    assert await world.winner_roles.settle_due() == 0
    world.clock.advance(minutes=1)
    world.roles.fault = Blocked("role above the bot's own") if mended else Gone("unknown role")
    assert await world.winner_roles.settle_due() == (0 if mended else 1)
    world.clock.advance(minutes=5)
    assert await world.winner_roles.settle_due() == 0
    world.roles.fault = None
    world.clock.advance(hours=2)
    assert await world.winner_roles.settle_due() == (1 if mended else 0)
    assert len(world.roles.done) == (1 if mended else 0)
    await world.deliver()
    (told,) = world.sender.of(f"{giveaway.draw_id}/host")
    assert "host_role_failed" in told.message.embeds[0].description


async def test_a_server_whose_roles_hang_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winners, "ROLE_SECONDS", 0.01)
    giveaway = await _drawn(world, entrants=1, winner_role_id=ROLE)
    (first,) = await _places(world, giveaway)
    hangs = world.roles.hangs[first.user_id] = asyncio.Event()
    assert await world.winner_roles.settle_due() == 0
    other = await _drawn(world, first=2, winner_role_id=ROLE)
    await until(lambda: _settled(world))
    assert [user for _act, user, _role in world.roles.done] == [w.user_id for w in await _places(world, other)]
    hangs.set()
    await until(lambda: len(world.roles.done) == 2)


async def _settled(world: World) -> bool:
    await world.winner_roles.settle_due()
    return len(world.roles.done) == 1


async def test_closed_direct_messages_are_noted_for_the_host(world: World) -> None:
    world.sender.closed = {1}
    giveaway = await _drawn(world, entrants=1)
    await world.deliver()
    (note,) = world.sender.of(f"{giveaway.draw_id}/host")
    assert note.user_id == HOST
    assert "host_dm_closed" in note.message.embeds[0].description
    assert (await _places(world, giveaway))[0].dm_failed_at is not None


async def test_a_deleted_channel_is_told_to_the_host_and_the_draw_goes_on(world: World) -> None:
    posted = await world.create()
    await world.enter(posted, *(person(user) for user in (1, 2, 3)))
    await world.deliver()
    world.sender.closed = {CHANNEL}
    giveaway = await world.draw(posted)
    await world.deliver()
    assert giveaway.status == "ended"
    notes = [n.message.embeds[0].description for n in world.sender.of(f"{giveaway.draw_id}/host")]
    assert len(notes) == 2
    assert all("host_channel_gone" in note for note in notes)


async def test_discord_down_at_the_end_is_announced_once_and_marked_late(world: World) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, person(1))
    await world.deliver()
    world.sender.down = True
    await world.draw(giveaway)
    for _ in range(5):
        await world.outbox.deliver_due()
        world.clock.advance(minutes=10)
    world.sender.down = False
    await world.deliver()
    (told,) = world.sender.of(f"{giveaway.draw_id}/result")
    assert told.message.content.startswith("giveaway.told_late\n")
    assert len(world.sender.of(giveaway.draw_id)) == 2


async def test_a_giveaway_without_letters_sends_none(world: World) -> None:
    giveaway = await _drawn(world, dm_winner=False)
    assert [x for x in world.sender.letters if x.message.ref.startswith(f"{giveaway.draw_id}/dm")] == []


async def test_no_win_counts_only_prizes_that_were_kept(world: World) -> None:
    first = await _drawn(world, entrants=2)
    (winner,) = await _places(world, first)
    wanted = Requirements(rules=(Requirement(kind="no_win", days=30),))
    second = await world.create(requirements=wanted)
    with pytest.raises(UserError, match=r"giveaway\.not_eligible"):
        await world.enter(second, person(winner.user_id, VIP))
    await _reroll(world, first)
    (entered,) = await world.enter(second, person(winner.user_id, VIP))
    assert entered.joined


async def test_two_managers_who_mean_one_winner_do_not_pass_the_prize_on_twice(world: World) -> None:
    """Nobody was named; both saw the same winner, or the second asked before they could read of the first."""
    giveaway = await _drawn(world)
    (held,) = await _places(world, giveaway)

    async def asked(actor: int, *seen: int, **more: Any) -> str:
        async def act(look: Look) -> str:
            try:
                async with world.db.transaction() as conn:
                    await system.reroll_giveaway(conn, world.tools, giveaway, actor, look, seen=seen, **more)
            except UserError as error:
                return error.key
            return "done"

        return await looked_up(world.members, GUILD, act)

    both = await asyncio.gather(asked(HOST, held.user_id), asked(HOST + 1, held.user_id))
    assert sorted(both) == ["done", "giveaway.places_meanwhile"]
    (other,) = await _places(world, giveaway)
    second = HOST + both.index("giveaway.places_meanwhile")
    assert await asked(second, other.user_id) == "giveaway.places_meanwhile", "a moment later"
    assert await asked(second, other.user_id, winner=other.user_id) == "done", "who was named is meant"
    (third,) = await _places(world, giveaway)
    assert await asked(second, third.user_id) == "done", "the same manager knows what was done"
    world.clock.advance(minutes=1)
    (last,) = await _places(world, giveaway)
    assert await asked(HOST + 9, last.user_id) == "done"


async def test_what_was_changed_since_it_was_shown_is_neither_cancelled_nor_edited(world: World) -> None:
    shown = await world.create()
    async with world.db.transaction() as conn:
        await system.pause(conn, world.tools, shown, HOST)
    with pytest.raises(UserError, match=r"giveaway\.changed_meanwhile"):
        async with world.db.transaction() as conn:
            await system.cancel(conn, world.tools, shown, HOST)
    with pytest.raises(UserError, match=r"giveaway\.changed_meanwhile"):
        async with world.db.transaction() as conn:
            await system.edit(conn, world.tools, shown, draft_of(shown), HOST)
    async with world.db.transaction() as conn:
        await system.cancel(conn, world.tools, await world.find(shown), HOST)
