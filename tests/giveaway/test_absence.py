"""The bot is away, or removed and invited again: nobody loses by it, and whoever can act hears of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import process_state
from core.db import Database
from core.errors import UserError
from giveaway import giveaway_system as system
from giveaway import queries, winners
from giveaway.models import Giveaway, Options
from tests.giveaway.support import GUILD, HOST, NOW, World, person


async def _won(world: World) -> tuple[Giveaway, int]:
    """A giveaway with a day to claim, and who won it, while the bot is there."""
    giveaway = await world.create(options=Options(claim_hours=24))
    await world.enter(giveaway, person(1), person(2))
    await world.draw(giveaway)
    await world.deliver()
    assert await world.attendance.there()
    return giveaway, await _holder(world, giveaway)


async def _holder(world: World, giveaway: Giveaway) -> int:
    async with world.db.transaction() as conn:
        return (await winners.places(conn, giveaway.giveaway_id))[0].user_id


async def test_a_claim_does_not_run_out_while_no_process_runs(world: World) -> None:
    giveaway, winner = await _won(world)
    world.clock.advance(days=3, hours=5)
    world.new_process()
    await world.checker.check()
    assert await _holder(world, giveaway) == winner
    await world.deliver()
    told = world.sender.of(f"{giveaway.draw_id}/result")[-1].message
    assert (told.mentions, "claim.extended" in told.embeds[0].description) == ((winner,), True)
    assert [button.custom_id for button in told.buttons] == [f"giveaway:claim:{giveaway.giveaway_id}"]
    world.clock.advance(hours=24)
    await world.checker.check()
    assert await _holder(world, giveaway) != winner


async def test_a_press_may_come_before_the_first_look(world: World) -> None:
    giveaway, winner = await _won(world)
    world.clock.advance(days=3)
    world.new_process()
    world.connected = False
    assert await world.attendance.there(pressed=True)
    async with world.db.transaction() as conn:
        await system.claim(conn, world.tools, giveaway.giveaway_id, winner)


async def test_nor_while_discord_is_not_connected(world: World) -> None:
    giveaway, winner = await _won(world)
    world.connected = False
    for _ in range(3):
        await world.checker.check()
        world.clock.advance(hours=20)
    assert await _holder(world, giveaway) == winner
    world.connected = True
    await world.checker.check()
    assert await _holder(world, giveaway) == winner
    world.clock.advance(hours=24)
    await world.checker.check()
    assert await _holder(world, giveaway) != winner


async def test_nor_while_the_database_is_away(world: World) -> None:
    giveaway, winner = await _won(world)
    there, world.attendance._db = world.attendance._db, Database("postgresql://nobody@127.0.0.1:1/none")
    world.clock.advance(hours=2)
    with pytest.raises(Exception, match=r"\w"):
        await world.attendance.there()
    world.clock.advance(hours=30)
    world.attendance._db = there
    await world.checker.check()
    assert await _holder(world, giveaway) == winner


async def test_an_act_that_misses_the_database_is_a_warning_and_comes_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    there, world.checker._roles._db = world.checker._roles._db, Database("postgresql://nobody@127.0.0.1:1/none")
    await world.checker.check()
    assert [(one.levelname, one.exc_info) for one in caplog.records if one.msg == "giveaway_act_failed"] == [
        ("WARNING", None)
    ]
    assert world.checker.last_error is not None
    world.checker._roles._db = there
    await world.checker.check()
    assert world.checker.last_error is None


async def test_a_clock_that_jumps_under_a_running_bot_is_no_absence(world: World) -> None:
    giveaway, winner = await _won(world)
    world.clock.advance(hours=25)
    await world.checker.check()
    assert await _holder(world, giveaway) != winner


async def test_a_short_absence_gives_its_time_back_without_a_word(world: World) -> None:
    giveaway, winner = await _won(world)
    world.clock.advance(minutes=2)
    world.new_process()
    await world.attendance.there()
    async with world.db.transaction() as conn:
        (held,) = await winners.places(conn, giveaway.giveaway_id)
    assert held.claim_until == NOW + timedelta(hours=24, minutes=2)
    await world.deliver()
    assert len(world.sender.of(f"{giveaway.draw_id}/result")) == 1
    assert held.user_id == winner


@pytest.mark.parametrize("kept", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "yesterday"])
async def test_a_note_that_is_no_moment_is_no_absence(world: World, kept: str) -> None:
    giveaway, _winner = await _won(world)
    async with world.db.transaction() as conn:
        await process_state.put(conn, "last_there", kept)
    world.new_process()
    await world.attendance.there()
    async with world.db.transaction() as conn:
        (held,) = await winners.places(conn, giveaway.giveaway_id)
    assert held.claim_until == NOW + timedelta(hours=24)


async def test_a_bot_that_was_removed_goes_on_when_it_is_invited_again(world: World) -> None:
    """Series included; due or not, everything is as if the bot had been down, and the hosts hear of both."""
    running = await world.create(prize="Running", duration=timedelta(days=10))
    due = await world.create(prize="Due", recurrence="daily", duration=timedelta(hours=1))
    await world.enter(running, person(1))
    await world.enter(due, person(1), person(2))
    await world.deliver()
    shown = len(world.sender.of(running.draw_id))
    assert await world.guilds.leave(GUILD, world.absence.left)
    assert not await world.guilds.leave(GUILD, world.absence.left)
    world.clock.advance(days=2)
    assert await world.checker.check() == 0
    assert [(await world.find(one)).status for one in (running, due)] == ["active", "active"]
    since = world.guilds.get(GUILD).left_at
    assert since == NOW
    assert await world.guilds.ensure(GUILD, world.returned)
    await world.checker.check()
    await world.finish()
    await world.deliver()
    assert [(await world.find(one)).status for one in (running, due)] == ["active", "ended"]
    assert len(world.sender.of(running.draw_id)) == shown + 1
    assert "giveaway.late_line" in world.sender.of(f"{due.draw_id}/result")[0].message.embeds[0].description
    heard = [x.message.embeds[0].description.split()[0] for x in world.sender.letters if x.user_id == HOST]
    assert [heard.count(f"giveaway.host_bot_{what}") for what in ("left", "back")] == [3, 3]
    async with world.db.transaction() as conn:
        held, _more = await queries.listing(conn, GUILD, "all", HOST)
    assert [one.status for one in held if one.series_id == due.series_id] == ["scheduled", "active", "ended"]


async def test_a_claim_does_not_run_out_in_a_server_without_the_bot(world: World) -> None:
    giveaway, winner = await _won(world)
    await world.guilds.leave(GUILD, world.absence.left)
    world.clock.advance(days=3)
    await world.checker.check()
    await world.guilds.ensure(GUILD, world.returned)
    await world.checker.check()
    assert await _holder(world, giveaway) == winner
    async with world.db.transaction() as conn:
        await system.claim(conn, world.tools, giveaway.giveaway_id, winner)
        with pytest.raises(UserError, match=r"claimed_already"):
            await system.claim(conn, world.tools, giveaway.giveaway_id, winner)
