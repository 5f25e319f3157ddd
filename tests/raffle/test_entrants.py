"""What is shown is what the draw would do: ranks, chances and totals of those who would be in the list now."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cogs import _month_pages, _raffle_pages
from core.errors import NotReady, UserError
from core.messages import Embed
from core.texts import Texts
from raffle_system import announcements, draw, entrants, month_ends, periods, prize_store, prizes, reports, tickets
from raffle_system.models import ARCHIVED, Entering, Period
from raffle_system.scheduler import RaffleSchedule
from tests.raffle.support import ADMIN, MEMBER, MINUTE, OTHER, THIRD, World, gifted

DAY = timedelta(days=1)
ENGLISH = Texts().reader("en")
HELD = {MEMBER: 100, OTHER: 100, THIRD: 10}


@pytest.fixture
async def filled(world: World) -> World:
    for who, amount in HELD.items():
        await world.give(who, amount)
    return world


async def place_of(world: World, member: int, present: Container[int] | None) -> _raffle_pages.Place:
    async with world.db.transaction() as conn:
        period = await periods.active(conn, world.guild_id)
        rule = await entrants.entering(conn, world.settings, period, present)
        return _raffle_pages.Place(
            balance=await entrants.balance_of(conn, period, member, rule),
            chances=await entrants.chances(conn, period, rule), minimum=rule.minimum,
            left=present is not None and member not in present,
        )  # fmt: skip


def shown(page: Embed) -> str:
    return " | ".join([page.description, *(f"{field.name}: {field.value}" for field in page.fields), page.footer])


async def tickets_page(world: World, member: int, present: Container[int] | None = None) -> str:
    page = _raffle_pages.tickets(ENGLISH, await place_of(world, member, present), await world.period(), None)
    return shown(page)


async def test_who_left_takes_nobodys_chance_and_rank(filled: World) -> None:
    here = {MEMBER, THIRD}
    mine = await tickets_page(filled, MEMBER, here)
    assert "1 of 2" in mine
    assert "Chance of winning: 90.9%" in mine
    gone = await tickets_page(filled, OTHER, here)
    assert "Not in the server any more" in gone
    assert "Chance" not in gone
    assert "Rank" not in gone
    assert "Chance of winning: 47.6%" in await tickets_page(filled, MEMBER)


async def test_who_has_too_few_reads_how_many_are_missing(filled: World) -> None:
    await filled.set("minimum_tickets_to_enter", 15)
    poor = await tickets_page(filled, THIRD)
    assert "5 tickets more to take part in the draw (at least 15)" in poor
    assert "Chance" not in poor
    stranger = await tickets_page(filled, ADMIN)
    assert "15 tickets more to take part" in stranger
    assert "Chance of winning: 50%" in await tickets_page(filled, MEMBER)
    async with filled.db.transaction() as conn:
        period = await periods.active(conn, filled.guild_id)
        rule = await entrants.entering(conn, filled.settings, period, None)
        stats = await entrants.stats(conn, period, rule)
        info = _raffle_pages.info(ENGLISH, filled.settings, period, stats, "c", "beacon", [])
        own = await entrants.balance_of(conn, period, THIRD, rule)
        chances = await entrants.chances(conn, period, rule)
        bands = await entrants.odds(conn, period, rule)
    assert "15 tickets are needed to take part" in shown(info)
    assert "Participants: 2" in shown(info)
    odds = _month_pages.odds(ENGLISH, filled.settings, period, bands, chances, own, rule.minimum).description
    assert "**100** tickets: 2 participants, 100% of all tickets; chance of each: 50%" in odds
    assert "5 tickets more to take part" in odds


@pytest.mark.parametrize("present", [None, {MEMBER, THIRD}, {OTHER}, {MEMBER, OTHER, THIRD}])
@pytest.mark.parametrize("minimum", [1, 15])
async def test_everything_shown_is_the_list_that_is_frozen_next(
    filled: World, present: set[int] | None, minimum: int
) -> None:
    await filled.set("minimum_tickets_to_enter", minimum)
    async with filled.db.transaction() as conn:
        period = await periods.active(conn, filled.guild_id)
        rule = await entrants.entering(conn, filled.settings, period, present)
        stats = await entrants.stats(conn, period, rule)
        board = await entrants.leaderboard(conn, period, 50, rule)
        bands = await entrants.odds(conn, period, rule)
        planned = await draw.plan(conn, filled.settings, None, present)
        held = await entrants.balance_of(conn, period, board[-1].discord_id, rule)
    started = await filled.start_draw(present=present)
    text = (await filled.rows("SELECT entrants FROM draws WHERE draw_id = :d", d=period.draw_id))[0]["entrants"]
    frozen = {int(line.split()[0]): int(line.split()[1]) for line in bytes(text).decode().splitlines()}
    assert {one.discord_id: one.total for one in board} == frozen
    expected = (started.frozen.entrant_count, started.frozen.total_tickets)
    assert (stats.participants, stats.total) == expected
    assert (planned.participants, planned.tickets) == expected
    assert (sum(band.members for band in bands), sum(band.tickets for band in bands)) == expected
    assert (held.participants, held.all_tickets) == expected


async def test_a_raffle_of_which_everybody_left_does_not_hold_up_the_next(filled: World) -> None:
    filled.clock.set((await filled.period()).end_date + MINUTE)
    await filled.schedule.close_due_periods()
    await filled.give(ADMIN, 5)
    async with filled.db.transaction() as conn:
        assert (await draw.plan(conn, filled.settings, None, {ADMIN})).period.number == 2
        assert (await draw.plan(conn, filled.settings, None, {MEMBER, ADMIN})).period.number == 1
        calendar = await month_ends.calendar(conn, filled.clock, filled.settings, {ADMIN})
        with pytest.raises(UserError, match=r"raffle\.nobody_entered"):
            await draw.plan(conn, filled.settings, 1, {ADMIN})
    assert calendar.undrawn == []


async def test_the_automatic_draw_leaves_out_who_left(filled: World) -> None:
    await filled.set("auto_draw_on_reset", True)
    schedule = RaffleSchedule(
        filled.db, filled.clock, filled.guilds, filled.beacon.chain, present=lambda _guild: {THIRD}
    )  # fmt: skip
    filled.clock.set((await filled.period()).end_date - timedelta(minutes=59))
    await schedule.remind()
    assert "count.participants[1]" in (await filled.said())[-1].embeds[0].description
    filled.clock.set((await filled.period()).end_date)
    await schedule.close_due_periods()
    (row,) = await filled.rows("SELECT entrant_count, total_tickets FROM draws WHERE frozen_at IS NOT NULL")
    assert row == {"entrant_count": 1, "total_tickets": 10}


async def test_the_automatic_draw_waits_for_who_can_tell_who_is_here(filled: World) -> None:
    """After a start at the month's end Discord is not there yet; ten minutes later nobody waits any more."""
    await filled.set("auto_draw_on_reset", True)
    told: list[set[int]] = []

    def present(_guild: int) -> set[int]:
        if not told:
            raise NotReady("Discord is not connected")
        return told[0]

    schedule = RaffleSchedule(filled.db, filled.clock, filled.guilds, filled.beacon.chain, present=present)

    async def drawn() -> list[dict[str, Any]]:
        await schedule.draw_put_off()
        return await filled.rows("SELECT entrant_count FROM draws WHERE frozen_at IS NOT NULL ORDER BY frozen_at")

    filled.clock.set((await filled.period()).end_date)
    await schedule.close_due_periods()
    assert (await filled.period()).number == 2
    assert await drawn() == []
    told.append({MEMBER, THIRD})
    assert await drawn() == [{"entrant_count": 2}]
    assert len(await drawn()) == 1
    told.clear()
    await filled.give(OTHER, 5)
    filled.clock.set((await filled.period()).end_date)
    await schedule.close_due_periods()
    filled.clock.advance(timedelta(minutes=9))
    assert len(await drawn()) == 1
    filled.clock.advance(timedelta(minutes=1))
    assert await drawn() == [{"entrant_count": 2}, {"entrant_count": 1}]


async def test_the_chance_of_any_of_several_prizes(world: World) -> None:
    for who, amount in ((MEMBER, 9), (OTHER, 5), (THIRD, 2), (ADMIN, 1)):
        await world.give(who, amount)
    async with world.db.transaction() as conn:
        await prizes.set_(conn, world.clock, world.settings, None, ["a", "b", "c"], ADMIN)
    page = await tickets_page(world, MEMBER)
    assert "Chance of a prize: 97.8%" in page
    async with world.db.transaction() as conn:
        period = await periods.active(conn, world.guild_id)
        rule = await entrants.entering(conn, world.settings, period, None)
        board = await entrants.leaderboard(conn, period, 10, rule)
        chances = await entrants.chances(conn, period, rule)
        stats = await entrants.stats(conn, period, rule)
    shown_ = _raffle_pages.leaderboard(ENGLISH, world.settings, period, board, stats, chances).description
    assert [f"({share})" in shown_ for share in ("97.8%", "92.8%", "71%", "38.4%")] == [True] * 4


async def test_history_and_the_reset_name_every_winner(filled: World) -> None:
    async with filled.db.transaction() as conn:
        await prizes.set_(conn, filled.clock, filled.settings, None, ["gold", "silver", "bronze"], ADMIN)
    period = (await filled.start_draw(prize="")).period
    await filled.finish()
    async with filled.db.transaction() as conn:
        await prize_store.mark_expired(conn, period.id, 2, filled.clock.now())
        held = await prize_store.winners(conn, period.id)
        page = shown(_raffle_pages.history(ENGLISH, await periods.history(conn, filled.guild_id, 5)))
        last = await draw.last_draw(conn, filled.guild_id)
    for place, row in enumerate(held, 1):
        assert f"**{place}.** <@{row['discord_id']}> with ticket #{row['ticket']} · {row['prize']}" in page
    assert "bronze · not claimed" in page
    assert page.count("not claimed") == 1
    assert last is not None
    assert last.winners == [(row["discord_id"], HELD[row["discord_id"]]) for row in held[:2]]
    announced = [message for message in await filled.said() if "draw.winners_title" in message.embeds[0].title]
    assert announced[0].embeds[0].description.count("source.bonus") == 3
    await filled.execute("DELETE FROM raffle_winners")
    async with filled.db.transaction() as conn:
        (past,) = await periods.history(conn, filled.guild_id, 5)
        alone = await draw.last_draw(conn, filled.guild_id)
    assert [one.discord_id for one in past.winners] == [held[0]["discord_id"]]
    assert alone is not None
    assert alone.winners == last.winners[:1]


async def test_a_months_turn_says_who_won_last_and_what_became_of_the_month(filled: World) -> None:
    async def turn() -> str:
        filled.clock.set((await filled.period()).end_date)
        await filled.schedule.close_due_periods()
        return (await filled.said())[-1].embeds[0].description

    first = await turn()
    assert "period.undrawn" in first
    assert "period.last_winner" not in first
    await filled.start_draw(await filled.period(1))
    await filled.finish()
    assert "period.undrawn" not in (said := await turn())
    assert "period.last_winner[1]" in said
    async with filled.db.transaction() as conn:
        period, last = await periods.active(conn, filled.guild_id), await draw.last_draw(conn, filled.guild_id)
    aside = replace(period, status=ARCHIVED)
    assert last is not None
    told = announcements.new_period(ENGLISH, filled.settings, aside, period, last, waits=False).embeds[0].description
    assert "(raffle 3) was set aside without a draw" in told
    assert "waits to be drawn" not in told
    winner, held = last.winners[0]
    assert f"Winner of November 2025: <@{winner}> ({held} tickets)" in told


async def test_what_the_months_last_minutes_pay_is_told(world: World) -> None:
    await world.link(MEMBER, "viewer71", 71)
    await world.set("ticket_notification_threshold", 10)
    period = await world.period()
    world.clock.set(period.end_date - timedelta(hours=1))
    await world.watch(71, 60)
    await world.schedule.close_due_periods()
    said = [message.embeds[0] for message in await world.said()]
    assert [embed.title.split()[0] for embed in said] == ["watch.title", "period.started"]
    assert f"<@{MEMBER}>" in said[0].description
    assert await world.total(MEMBER, period) == 10


def raffle(world_period: Period, **changes: Any) -> Period:
    return replace(world_period, **changes)


async def test_a_projection_waits_until_it_means_something(world: World) -> None:
    period = await world.period()
    start = period.created_at
    length = period.end_date - start
    assert period.start_date < start  # the bot came in mid-month: the tickets so far are of the days since then
    assert reports.projects_from(period) == start + 3 * DAY
    assert reports.projected(1164, period, start + timedelta(minutes=10)) is None
    assert reports.projected(1164, period, start + 3 * DAY) == round(1164 * (length / (3 * DAY)))
    assert reports.projected(0, period, start + 4 * DAY) == 0
    assert reports.projected(50, period, period.end_date + DAY) == 50
    short = raffle(period, created_at=period.start_date, end_date=period.start_date + DAY)
    assert reports.projects_from(short) == short.start_date + DAY / 2
    long = raffle(period, created_at=period.start_date, end_date=period.start_date + 100 * DAY)
    assert reports.projects_from(long) == long.start_date + 10 * DAY


async def test_growth_is_capped_and_compares_only_raffles_of_like_length(world: World) -> None:
    await world.give(MEMBER, 7)
    world.clock.advance(timedelta(minutes=9))
    await world.start_draw()
    for days, growth in ((2, None), (15, None)):
        world.clock.advance(days * DAY)
        await world.give(OTHER, 5000)
        assert (await success(world)).growth == growth
    page = _month_pages.success(ENGLISH, await success(world))
    assert "cannot be said yet" in str(page)
    assert reports.growth(50, 238_927) == reports.MOST_GROWTH
    capped = replace(await success(world), growth=reports.MOST_GROWTH, projection=None)
    assert "> +999.0%" in str(_month_pages.success(ENGLISH, capped))
    assert "too early" in _month_pages.projection(ENGLISH, capped)


async def success(world: World) -> reports.Success:
    async with world.db.transaction() as conn:
        period = await periods.active(conn, world.guild_id)
        stats = await entrants.stats(conn, period, Entering(minimum=1))
        return await reports.success(conn, world.settings, period, stats, world.clock.now())


async def test_gifts_of_linked_members_are_counted_apart(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(gifted(world.clock, "giver", ["a", "b"]))
    await world.gift(gifted(world.clock, "stranger", ["c", "d", "e"], correlation_id="c-2"))
    found = await success(world)
    assert (found.gifted, found.by_linked) == (5, 2)


async def test_own_subs_and_kicks_have_names_of_their_own(world: World) -> None:
    period = await world.period()
    async with world.db.transaction() as conn:
        for source, change in (("gifted_sub", 15), ("new_sub", 20), ("kicks", 7), ("kicks", 3)):
            one = world.grant_of(period, MEMBER, change, f"{source}{change}", source)
            await tickets.grant(conn, one, world.clock.now())
    async with world.db.transaction() as conn:
        balance = await entrants.balance_of(conn, period, MEMBER, Entering(minimum=1))
        stats = await entrants.stats(conn, period, Entering(minimum=1))
    by_source = {"watchtime": 0, "gifted_sub": 15, "new_sub": 20, "kicks": 10, "shuffle_wager": 0, "bonus": 0}
    assert balance.by_source == stats.by_source == by_source
    assert (await success(world)).months[-1].by_source == by_source
    page = await tickets_page(world, MEMBER)
    assert "Gifted subs: 15" in page
    assert "Own subs: 20" in page
    assert "Kicks: 10" in page
    assert await world.scalar("SELECT gifted_sub_tickets FROM raffle_tickets") == 45
    assert await world.total() == 45
