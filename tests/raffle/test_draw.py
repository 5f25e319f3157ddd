"""The raffle's draw from the plan to the reroll, through every death in between."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import draws, fair_draw
from core.errors import UserError
from core.messages import Message
from core.reserves import LEFT_SERVER, Look, looked_up
from core.stores import draws as draws_store
from core.verify import verify
from raffle_system import announcements, draw, periods, prizes
from raffle_system.draw import BELOW_MINIMUM
from raffle_system.models import Period, Winner
from tests.raffle.support import ADMIN, CHANNEL, DAY, MEMBER, MINUTE, OTHER, SECOND, THIRD, EchoReader, World, config

TICKETS = {MEMBER: 10, OTHER: 25, THIRD: 5}


@pytest.fixture
async def filled(world: World) -> World:
    for who, amount in TICKETS.items():
        await world.give(who, amount)
    return world


async def record(world: World, period: Period) -> Any:
    async with world.db.transaction() as conn:
        return json.loads(await draws.record_of(conn, period.draw_id))


async def plan(world: World, number: int | None = None) -> draw.DrawPlan:
    async with world.db.transaction() as conn:
        return await draw.plan(conn, world.settings, number, None)


async def reroll(world: World, number: int | None = None, reason: str = "no answer") -> int:
    async def act(look: Look) -> int:
        async with world.db.transaction() as conn:
            _period, taken = await draw.reroll(
                conn, world.clock, world.settings, world.guilds, number=number, actor=ADMIN, channel_id=CHANNEL,
                reason=reason, look=look,
            )  # fmt: skip
        return taken.winner.id

    return await looked_up(world.presence, world.guild_id, act)


def titles(messages: list[Message]) -> list[str]:
    return [message.embeds[0].title.split(" ")[0] for message in messages]


async def test_a_draw_from_plan_to_a_record_that_verifies(filled: World) -> None:
    planned = await plan(filled)
    assert (planned.period.number, planned.ends_now, planned.participants, planned.tickets) == (1, True, 3, 40)
    started = await filled.start_draw(planned.period)
    assert (started.period.status, started.frozen.entrant_count, started.frozen.total_tickets) == ("ended", 3, 40)
    assert started.opened is not None
    assert started.frozen.round_at is not None
    assert started.frozen.round_at >= filled.clock.now() + timedelta(seconds=10)
    assert await filled.finish() == 1
    made = await record(filled, started.period)
    report = verify(made, filled.beacon.chain)
    assert report.ok
    assert made["entrants"] == [[str(who), amount] for who, amount in TICKETS.items()]
    assert made["entrants_sha256"] == started.frozen.entrants_sha256
    assert made["beacon"]["round"] == started.frozen.round
    assert (made["title"], made["prize"], made["winners"]) == ("November 2025", "a prize", 1)


async def test_the_winner_stands_everywhere_the_plan_looks(filled: World) -> None:
    period = (await filled.start_draw()).period
    await filled.finish()
    made = await record(filled, period)
    winner, ticket = int(made["picks"][0]["id"]), made["picks"][0]["ticket"]
    (ended,) = await filled.rows("SELECT * FROM raffle_periods WHERE number = 1")
    assert (ended["winner_discord_id"], ended["winning_ticket_number"], ended["total_tickets"]) == (winner, ticket, 40)
    (row,) = await filled.rows("SELECT * FROM raffle_draws")
    assert (row["winner_discord_id"], row["winning_ticket"], row["total_tickets"]) == (winner, ticket, 40)
    assert (row["total_participants"], row["prize_description"], row["drawn_by_discord_id"]) == (3, "a prize", ADMIN)
    async with filled.db.transaction() as conn:
        (past,) = await periods.history(conn, filled.guild_id, 5)
        assert await draws.current_winners(conn, period.draw_id) == [winner]
    assert (past.number, past.winners, past.participants) == (
        1, [Winner(discord_id=winner, ticket=ticket, prize="a prize")], 3,
    )  # fmt: skip


async def test_a_chain_that_is_not_drands_is_not_called_so(filled: World) -> None:
    started = await filled.start_draw()
    page = str((await filled.said())[0].embeds[0])
    assert "draw.frozen_other" in page
    assert "draw.frozen_beacon" not in page
    assert filled.beacon.chain.chain_hash[:16] in page
    drands = replace(started.frozen, other_chain=None)
    said = str(announcements.freeze(EchoReader(), filled.settings, started.period, drands, ""))
    assert "draw.frozen_beacon" in said
    assert "draw.other_chain" not in said


async def test_what_is_said_and_who_is_pinged(filled: World) -> None:
    await filled.start_draw(channel_id=CHANNEL + 1)
    await filled.finish()
    said = await filled.said()
    assert titles(said) == ["draw.frozen_title"] * 2 + ["draw.winner_title"] * 2
    winner = (await filled.rows("SELECT winner_discord_id AS w FROM raffle_draws"))[0]["w"]
    assert [message.mentions for message in said] == [(), (), (winner,), (winner,)]
    assert said[-1].draw_ids == (f"raffle/{filled.guild_id}/1",)
    channels = await filled.rows("SELECT channel_id FROM outbox ORDER BY id")
    assert [row["channel_id"] for row in channels] == [CHANNEL, CHANNEL + 1] * 2


async def test_in_the_announcement_channel_it_is_said_once(filled: World) -> None:
    await filled.start_draw()
    assert titles(await filled.said()) == ["draw.frozen_title"]


async def test_a_new_process_finishes_what_a_killed_one_froze_with_the_same_round(filled: World) -> None:
    started = await filled.start_draw()
    assert await filled.finisher().finish_due() == 0
    assert filled.beacon.asked == []
    reborn = await World(filled.db, clock=filled.clock).open()
    filled.clock.advance(3 * DAY)
    assert await reborn.finisher().finish_due() == 1
    assert reborn.beacon.asked == [started.frozen.round]
    assert await reborn.finisher().finish_due() == 0
    assert verify(await record(reborn, started.period), reborn.beacon.chain).ok


async def test_two_finishers_publish_once(filled: World) -> None:
    await filled.start_draw()
    first, second = filled.finisher(), filled.finisher()
    async with filled.db.transaction() as conn:
        (row,) = await draws_store.waiting(conn)
    filled.clock.advance(15 * SECOND)
    assert [await finisher._finish(row) for finisher in (first, second)] == [True, False]
    assert titles(await filled.said()).count("draw.winner_title") == 1


async def test_a_delay_is_told_once_and_the_draw_goes_on(filled: World) -> None:
    period = (await filled.start_draw()).period
    filled.beacon.late = 10 * MINUTE
    for step in (15, 30, 60, 60):
        filled.clock.advance(step * SECOND)
        assert await filled.finisher().finish_due() == 0
    assert titles(await filled.said()) == ["draw.frozen_title", "draw.delayed_title"]
    filled.clock.advance(10 * MINUTE)
    assert await filled.finisher().finish_due() == 1
    assert verify(await record(filled, period), filled.beacon.chain).ok


async def test_a_beacon_that_is_down_keeps_the_draw_waiting(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "POLL_SECONDS", 0)
    await filled.start_draw()
    filled.beacon.down = True
    assert await filled.finish() == 0
    assert await filled.schedule.waiting() == 1
    filled.beacon.down = False
    assert await filled.finish() == 1
    assert await filled.schedule.waiting() == 0


async def test_a_draw_that_fails_keeps_no_other_one_waiting(filled: World) -> None:
    await filled.start_draw()
    await filled.give(MEMBER, 7)
    filled.clock.advance(SECOND)
    await filled.start_draw()
    await filled.execute("UPDATE draws SET entrants = 'no entrants' WHERE draw_id LIKE '%/1'")
    with pytest.raises(ValueError, match="entrant text"):
        await filled.finish()
    drawn = await filled.rows("SELECT draw_id FROM draws WHERE drawn_at IS NOT NULL")
    assert drawn == [{"draw_id": f"raffle/{filled.guild_id}/2"}]


async def test_commit_mode_needs_no_beacon(world: World) -> None:
    other = World(world.db, clock=world.clock, config=config(draw_mode="commit"), guild_id=world.guild_id + 1)
    await other.open()
    await other.give(MEMBER, 3)
    started = await other.start_draw()
    assert (started.frozen.round, started.frozen.round_at) == (None, None)
    assert await other.finisher().finish_due() == 1
    made = await record(other, started.period)
    assert (made["mode"], made["beacon"]) == ("commit", None)
    assert verify(made).ok
    assert other.beacon.asked == []


async def test_who_left_and_who_has_too_few_are_published_as_excluded(filled: World) -> None:
    await filled.set("minimum_tickets_to_enter", 10)
    period = (await filled.start_draw(present={MEMBER})).period
    await filled.finish()
    made = await record(filled, period)
    assert made["entrants"] == [[str(MEMBER), 10]]
    assert made["excluded"] == [
        {"id": str(OTHER), "reason": LEFT_SERVER},
        {"id": str(THIRD), "reason": BELOW_MINIMUM},
    ]
    assert verify(made, filled.beacon.chain).ok


@pytest.mark.parametrize("why", ["nobody", "all left", "all below the minimum", "removed again"])
async def test_with_nobody_in_it_a_draw_is_refused_and_ends_nothing(world: World, why: str) -> None:
    if why != "nobody":
        await world.give(MEMBER, 4)
    if why == "removed again":
        await world.remove(MEMBER, 4)
    if why == "all below the minimum":
        await world.set("minimum_tickets_to_enter", 5)
    with pytest.raises(UserError) as refused:
        await world.start_draw(present=set() if why == "all left" else None)
    assert (refused.value.key, refused.value.args_) == ("raffle.nobody_entered", {"number": "1"})
    period = await world.period()
    assert (period.number, period.status, period.frozen_at) == (1, "active", None)
    assert await world.said() == []


async def test_the_plan_refuses_what_cannot_be_drawn(world: World) -> None:
    for number, key in ((None, "raffle.nobody_entered"), (1, "raffle.nobody_entered"), (9, "raffle.no_such_period")):
        with pytest.raises(UserError) as refused:
            await plan(world, number)
        assert refused.value.key == key
    await world.give()
    await world.start_draw()
    with pytest.raises(UserError) as refused:
        await plan(world, 1)
    assert refused.value.key == "draw.already_frozen"


async def test_the_oldest_undrawn_month_is_drawn_first(filled: World) -> None:
    filled.clock.set(datetime(2025, 12, 5, tzinfo=UTC))
    await filled.schedule.close_due_periods()
    await filled.give(MEMBER, 9)
    planned = await plan(filled)
    assert (planned.period.number, planned.ends_now, planned.tickets) == (1, False, 40)
    started = await filled.start_draw(planned.period)
    assert started.opened is None
    assert (await plan(filled)).period.number == 2


async def test_a_second_start_is_refused(filled: World) -> None:
    period = await filled.period()
    await filled.start_draw(period)
    for _ in range(2):
        with pytest.raises(UserError) as refused:
            await filled.start_draw(period)
        assert refused.value.key == "draw.already_frozen"
        await filled.finish()


async def test_another_guilds_period_is_refused(filled: World) -> None:
    other = await World(filled.db, clock=filled.clock, guild_id=filled.guild_id + 1).open()
    with pytest.raises(UserError) as refused:
        await other.start_draw(await filled.period())
    assert refused.value.key == "draw.already_frozen"


async def test_a_prize_that_is_too_long_is_refused(filled: World) -> None:
    with pytest.raises(UserError) as refused:
        await filled.start_draw(prize="x" * 257)
    assert refused.value.key == "error.too_long"


async def test_a_reroll_takes_the_next_pick_until_the_reserves_are_used_up(filled: World) -> None:
    period = (await filled.start_draw()).period
    await filled.finish()
    made = await record(filled, period)
    seed = bytes.fromhex(made["seed"])
    order = [pick.id for pick in fair_draw.picks(seed, fair_draw.Entrants.from_pairs(TICKETS.items()), 3)]
    assert [await reroll(filled), await reroll(filled)] == order[1:]
    with pytest.raises(UserError) as refused:
        await reroll(filled)
    assert refused.value.key == "draw.no_reserves"
    made = await record(filled, period)
    assert verify(made, filled.beacon.chain).ok
    assert [(event["kind"], event["replaced_by"], event["by"]) for event in made["events"]] == [
        ("reroll", 1, str(ADMIN)),
        ("reroll", 2, str(ADMIN)),
    ]
    assert fair_draw.standing(made["picks"], made["winners"], made["events"])[0]["id"] == str(order[2])
    assert (await filled.period(1)).winner_discord_id == order[2]
    assert await filled.scalar("SELECT winner_discord_id FROM raffle_draws") == order[2]
    last = (await filled.said())[-1]
    assert (last.mentions, last.draw_ids) == ((order[2],), (period.draw_id,))


async def test_rerolling_what_is_not_drawn_is_refused(filled: World) -> None:
    for number, key in ((None, "draw.not_drawn"), (1, "draw.not_drawn"), (4, "raffle.no_such_period")):
        with pytest.raises(UserError) as refused:
            await reroll(filled, number)
        assert refused.value.key == key
    with pytest.raises(UserError) as refused:
        await reroll(filled, reason="x" * 301)
    assert refused.value.key == "error.too_long"


async def test_auto_draw_freezes_at_the_months_end(filled: World) -> None:
    await filled.set("auto_draw_on_reset", True)
    filled.clock.set(datetime(2025, 12, 1, 0, 0, 5, tzinfo=UTC))
    await filled.schedule.close_due_periods()
    assert await filled.schedule.waiting() == 1
    assert await filled.finish() == 1
    assert titles(await filled.said()) == ["draw.frozen_title", "period.started", "draw.winner_title"]
    assert "period.undrawn" not in (await filled.said())[1].embeds[0].description


async def test_auto_draw_of_a_month_without_tickets_just_turns_it(world: World) -> None:
    await world.set("auto_draw_on_reset", True)
    world.clock.set(datetime(2025, 12, 1, tzinfo=UTC))
    await world.schedule.close_due_periods()
    assert ((await world.period()).number, await world.schedule.waiting()) == (2, 0)
    assert titles(await world.said()) == ["period.started"]


async def test_auto_draw_does_not_call_an_older_winner_last_months(filled: World) -> None:
    await filled.start_draw()
    await filled.finish()
    await filled.set("auto_draw_on_reset", True)
    await filled.give(MEMBER, 3)
    filled.clock.set(datetime(2025, 12, 1, tzinfo=UTC))
    await filled.schedule.close_due_periods()
    turned = [message for message in await filled.said() if message.embeds[0].title.startswith("period.started")]
    assert "period.last_winner" not in turned[0].embeds[0].description


async def test_the_secret_seed_fits_the_commitment_of_the_first_minute(world: World) -> None:
    await world.give()
    before = await world.scalar("SELECT commitment FROM draws")
    period = (await world.start_draw()).period
    await world.finish()
    made = await record(world, period)
    assert made["commitment"] == before == fair_draw.commitment(bytes.fromhex(made["server_seed"]))


async def test_no_record_before_the_draw(filled: World) -> None:
    period = (await filled.start_draw()).period
    async with filled.db.transaction() as conn:
        with pytest.raises(UserError) as refused:
            await draws.record_of(conn, period.draw_id)
        assert refused.value.key == "draw.not_drawn"
        assert await draws.current_winners(conn, period.draw_id) == []


async def test_two_hands_do_not_pass_one_prize_on_twice(filled: World) -> None:
    """Both were asked about the same winner; the second is told who was faster."""
    period = (await filled.start_draw()).period
    await filled.finish()
    async with filled.db.reading() as conn:
        shown, holder = await draw.place_to_reroll(conn, filled.settings, 0)
    assert (shown.id, shown.winner_discord_id) == (period.id, holder)

    async def press(look: Look) -> str:
        try:
            async with filled.db.transaction() as conn:
                await draw.reroll(
                    conn, filled.clock, filled.settings, filled.guilds, number=shown.number, actor=ADMIN,
                    channel_id=CHANNEL, reason="", look=look, holder=holder,
                )  # fmt: skip
        except UserError as error:
            return error.key
        return "done"

    pressed = [looked_up(filled.presence, filled.guild_id, press) for _ in range(2)]
    assert sorted(await asyncio.gather(*pressed)) == ["done", "reroll.holder_meanwhile"]
    assert len((await record(filled, period))["events"]) == 1


async def test_a_reroll_is_asked_only_where_it_can_be_done(filled: World) -> None:
    async def asked() -> str:
        async with filled.db.reading() as conn:
            try:
                period, _holder = await draw.place_to_reroll(conn, filled.settings, 0)
            except UserError as error:
                return error.key
        return f"raffle {period.number}"

    assert await asked() == "draw.not_drawn"
    await filled.start_draw()
    await filled.finish()
    assert await asked() == "raffle 1"
    await filled.give()
    await filled.start_draw()
    assert await asked() == "reroll.draw_runs", "raffle 2 waits for its winner"
    await filled.finish()
    assert await asked() == "draw.no_reserves", "one member took part in raffle 2"


async def test_a_draw_is_what_the_admin_was_shown(filled: World) -> None:
    shown = await plan(filled)
    async with filled.db.transaction() as conn:
        await prizes.set_(conn, filled.clock, filled.settings, None, ["another"], ADMIN)

    async def agreed(seen: draw.DrawPlan) -> str:
        try:
            async with filled.db.transaction() as conn:
                await draw.start(
                    conn, filled.clock, filled.settings, filled.beacon.chain, filled.guilds, seen.period.id,
                    filled.request(prize=""), filled.schedule.last_call, seen,
                )  # fmt: skip
        except UserError as error:
            return error.key
        return "drawn"

    assert await agreed(shown) == "draw.prizes_meanwhile"
    shown = await plan(filled)
    async with filled.db.transaction() as conn:
        await periods.end_now(conn, filled.clock, filled.settings, shown.period, filled.schedule.last_call)
    assert await agreed(shown) == "draw.ended_meanwhile"
    assert await agreed(await plan(filled)) == "drawn"
