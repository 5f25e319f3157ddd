"""The ledger: append-only, balances that are its sums, refusals with a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.db import violated_constraint
from core.errors import InsufficientTickets, PeriodFrozen, UserError
from raffle_system import entrants, tickets
from raffle_system.models import Entering
from tests.raffle.support import ADMIN, MEMBER, MINUTE, OTHER, THIRD, World, gifted

EVERYBODY = Entering(minimum=1)


async def test_worked_example_give_50_remove_100_of_485(world: World) -> None:
    await world.give(amount=435)
    await world.give(amount=50)
    assert await world.total() == 485
    await world.remove(amount=100)
    assert await world.total() == 385
    rows = await world.rows(
        "SELECT ticket_change, source, description, actor FROM raffle_ticket_log ORDER BY id DESC LIMIT 1"
    )
    assert rows == [{"ticket_change": -100, "source": "bonus", "description": "test", "actor": ADMIN}]


async def test_removing_more_than_the_balance_is_refused_with_the_balance(world: World) -> None:
    await world.give(amount=30)
    with pytest.raises(InsufficientTickets) as refused:
        await world.remove(amount=31)
    assert refused.value.args_ == {"balance": 30, "wanted": 31}
    with pytest.raises(InsufficientTickets) as refused:
        await world.remove(OTHER, 1)
    assert refused.value.args_ == {"balance": 0, "wanted": 1}
    assert await world.total() == 30
    await world.remove(amount=30)
    assert await world.total() == 0


async def test_a_refused_removal_leaves_the_callers_transaction_usable(world: World) -> None:
    period = await world.period()
    async with world.db.transaction() as conn:
        with pytest.raises(InsufficientTickets):
            await tickets.remove(
                conn, period, MEMBER, 1, reason="", actor=ADMIN, ref="a", now=world.clock.now()
            )  # fmt: skip
        await tickets.give(conn, period, MEMBER, 7, reason="", actor=ADMIN, ref="b", now=world.clock.now())
    assert await world.total() == 7


@pytest.mark.parametrize("amount", [0, -5, 10**12, 1_000_001])
async def test_amounts_that_make_no_sense_are_refused(world: World, amount: int) -> None:
    for change in (world.give, world.remove):
        with pytest.raises(UserError) as refused:
            await change(MEMBER, amount)
        assert refused.value.key == "error.ticket_amount"
    assert await world.scalar("SELECT count(*) FROM raffle_ticket_log") == 0


async def test_removal_may_take_earned_tickets_and_leaves_their_source_alone(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    await world.gift(gifted(world.clock))
    await world.remove(amount=10)
    async with world.db.transaction() as conn:
        balance = await entrants.balance_of(conn, await world.period(), MEMBER, EVERYBODY)
    assert (balance.by_source["gifted_sub"], balance.by_source["bonus"], balance.total) == (15, -10, 5)


async def test_the_same_request_twice_is_given_once(world: World) -> None:
    period = await world.period()
    made = []
    for _ in range(2):
        async with world.db.transaction() as conn:
            made.append(
                await tickets.give(
                    conn, period, MEMBER, 5, reason="", actor=ADMIN, ref="interaction:1", now=world.clock.now()
                )
            )
    assert [one.total if one else None for one in made] == [5, None]
    assert await world.scalar("SELECT count(*) FROM audit_log WHERE action = 'bonus'") == 1


async def test_grant_many_returns_what_was_new_with_the_totals(world: World) -> None:
    period = await world.period()
    first = [world.grant_of(period, MEMBER, 10, "r1"), world.grant_of(period, OTHER, 20, "r2")]
    again = [*first, world.grant_of(period, MEMBER, 5, "r3"), world.grant_of(period, MEMBER, 5, "r3")]
    async with world.db.transaction() as conn:
        assert await tickets.grant_many(conn, [], world.clock.now()) == []
        await tickets.grant_many(conn, first, world.clock.now())
        made = await tickets.grant_many(conn, again, world.clock.now())
    assert [(one.source_ref, one.change, one.total) for one in made] == [("r3", 5, 15)]
    assert (await world.total(MEMBER), await world.total(OTHER)) == (15, 20)


async def test_one_batch_may_raise_and_lower_several_members(world: World) -> None:
    period = await world.period()
    await world.give(MEMBER, 100)
    batch = [
        world.grant_of(period, MEMBER, -40, "a"),
        world.grant_of(period, MEMBER, 10, "b", "watchtime"),
        world.grant_of(period, OTHER, 7, "c"),
        world.grant_of(period, THIRD, 9, "d"),
        world.grant_of(period, THIRD, -2, "e"),
    ]
    async with world.db.transaction() as conn:
        made = await tickets.grant_many(conn, batch, world.clock.now())
    assert {one.source_ref: one.total for one in made} == {"a": 70, "b": 70, "c": 7, "d": 7, "e": 7}
    assert [await world.total(who) for who in (MEMBER, OTHER, THIRD)] == [70, 7, 7]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE raffle_ticket_log SET ticket_change = 1000",
        "UPDATE raffle_ticket_log SET ticket_change = 1000 WHERE false",
        "DELETE FROM raffle_ticket_log",
        "TRUNCATE raffle_ticket_log",
        "TRUNCATE raffle_ticket_log CASCADE",
        "DELETE FROM raffle_periods",
        "TRUNCATE raffle_periods CASCADE",
        "UPDATE raffle_periods SET id = id + 1",
    ],
)
async def test_history_cannot_be_changed(world: World, statement: str) -> None:
    await world.give()
    with pytest.raises(DBAPIError) as refused:
        await world.execute(statement)
    assert getattr(refused.value.orig, "sqlstate", None) == "23001"
    assert await world.total() == 10


INSERT = """
INSERT INTO raffle_ticket_log (guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref,
    reverses, occurred_at, created_at)
VALUES (1, :period, 1, '', :change, :source, :ref, :reverses, now(), now())
"""


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"period": 999}, "raffle_ticket_log_period"),
        ({"change": 0}, "raffle_ticket_log_ticket_change_check"),
        ({"source": "gift"}, "raffle_ticket_log_source_check"),
        ({"reverses": 999}, "raffle_ticket_log_reverses_fkey"),
    ],
)
async def test_the_log_refuses_what_means_nothing(
    world: World, changes: dict[str, object], constraint: str
) -> None:  # fmt: skip
    values = {"period": (await world.period()).id, "change": 1, "source": "bonus", "ref": "x", "reverses": None}
    with pytest.raises(IntegrityError) as refused:
        async with world.db.transaction() as conn:
            await conn.execute(text(INSERT), values | changes)
    assert violated_constraint(refused.value) == constraint


async def test_a_row_is_reversed_once(world: World) -> None:
    period = await world.period()
    await world.give(amount=10)
    row = await world.scalar("SELECT id FROM raffle_ticket_log")
    async with world.db.transaction() as conn:
        reversal = replace(world.grant_of(period, MEMBER, -10, "undo"), reverses=row)
        await tickets.grant(conn, reversal, world.clock.now())
    assert await world.total() == 0
    await world.give(amount=50)
    with pytest.raises(IntegrityError) as refused:
        async with world.db.transaction() as conn:
            await tickets.grant(conn, replace(reversal, source_ref="undo2"), world.clock.now())
    assert violated_constraint(refused.value) == "raffle_ticket_log_reversed_once"


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("total_tickets = total_tickets + 1", "raffle_tickets_total_is_sum"),
        ("bonus_tickets = -11, total_tickets = -11", "raffle_tickets_total_not_negative"),
        ("watchtime_tickets = -1, bonus_tickets = 11", "raffle_tickets_watchtime_tickets_check"),
        ("gifted_sub_tickets = -1, bonus_tickets = 11", "raffle_tickets_gifted_sub_tickets_check"),
    ],
)
async def test_a_balance_is_checked(world: World, assignment: str, constraint: str) -> None:
    await world.give(amount=10)
    with pytest.raises(IntegrityError) as refused:
        await world.execute(f"UPDATE raffle_tickets SET {assignment}")
    assert violated_constraint(refused.value) == constraint


async def test_earned_parts_are_never_negative(world: World) -> None:
    period = await world.period()
    await world.give(amount=100)
    with pytest.raises(IntegrityError) as refused:
        async with world.db.transaction() as conn:
            await tickets.grant(conn, world.grant_of(period, MEMBER, -1, "x", "watchtime"), world.clock.now())
    assert violated_constraint(refused.value) == "raffle_tickets_watchtime_tickets_check"


async def test_audit_names_a_balance_that_somebody_wrote_past_the_ledger(world: World) -> None:
    await world.give(MEMBER, 10)
    await world.give(OTHER, 20)
    await world.execute(
        "UPDATE raffle_tickets SET watchtime_tickets = 3, bonus_tickets = 7 WHERE discord_id = :m", m=MEMBER
    )
    await world.execute("DELETE FROM raffle_tickets WHERE discord_id = :m", m=OTHER)
    async with world.db.transaction() as conn:
        found = await tickets.audit_differences(conn)
        assert (await tickets.ledger_size(conn)) == {"rows": 2, "balances": 1}
    assert [(row["discord_id"], row["ledger"], row["balance"]) for row in found] == [(MEMBER, 10, 10), (OTHER, 20, 0)]


async def test_a_frozen_period_takes_no_change(world: World) -> None:
    await world.give(MEMBER, 10)
    period = await world.period()
    await world.start_draw(period)
    for change in (5, -5):
        with pytest.raises(PeriodFrozen):
            async with world.db.transaction() as conn:
                await tickets.grant(conn, world.grant_of(period, MEMBER, change, f"late{change}"), world.clock.now())
    assert await world.total(MEMBER, period) == 10
    with pytest.raises(IntegrityError) as refused:
        await world.execute(INSERT, period=period.id, change=1, source="bonus", ref="x", reverses=None)
    assert violated_constraint(refused.value) == "raffle_period_frozen"


async def test_removing_from_a_frozen_period_says_that_it_is_frozen(world: World) -> None:
    await world.give(MEMBER, 10)
    period = await world.period()
    await world.start_draw(period)
    with pytest.raises(PeriodFrozen):
        async with world.db.transaction() as conn:
            await tickets.remove(conn, period, MEMBER, 5, reason="", actor=ADMIN, ref="r", now=world.clock.now())


async def test_balance_says_rank_chance_and_what_is_missing(world: World) -> None:
    for who, amount in ((MEMBER, 10), (OTHER, 25), (THIRD, 25)):
        await world.give(who, amount)
    period = await world.period()
    async with world.db.transaction() as conn:
        mine, first, stranger = [
            await entrants.balance_of(conn, period, who, EVERYBODY) for who in (MEMBER, OTHER, ADMIN)
        ]
        board = await entrants.leaderboard(conn, period, 2, EVERYBODY)
        stats = await entrants.stats(conn, period, EVERYBODY)
    assert (mine.rank, mine.participants, mine.all_tickets, mine.next_rank_total, mine.next_rank) == (3, 3, 60, 25, 1)
    assert (first.rank, first.next_rank_total, first.next_rank) == (1, None, None)
    assert (stranger.total, stranger.rank, stranger.next_rank_total, stranger.next_rank) == (0, None, 10, 3)
    assert [(one.rank, one.discord_id, one.total) for one in board] == [(1, OTHER, 25), (1, THIRD, 25)]
    assert (stats.participants, stats.total, stats.by_source["bonus"]) == (3, 60, 60)


@pytest.mark.thorough
async def test_the_plans_sample_month(world: World) -> None:
    """Its watchtime, gifts and bonus; wagers join them when their feed does (40 of the plan's 485)."""
    await world.link(MEMBER, "viewer123", 123)
    weeks = [(3, 10, 2, 0), (10, 8, 0, 0), (17, 12, 1, 0), (24, 5, 0, 50)]
    totals = []
    for day, hours, subs, bonus in weeks:
        world.clock.set(datetime(2025, 11, day, 18, 0, tzinfo=UTC))
        if subs:
            giftees = [f"friend_{day}_{n}" for n in range(subs)]
            await world.gift(gifted(world.clock, "viewer123", giftees, correlation_id=f"c-{day}"))
        await world.watch(123, hours * 60)
        await world.convert()
        if bonus:
            await world.give(MEMBER, bonus)
        totals.append(await world.total())
    assert totals == [130, 210, 345, 445]
    november = await world.period()
    world.clock.set(november.end_date + MINUTE)
    await world.schedule.close_due_periods()
    assert (await world.total(MEMBER), await world.total(MEMBER, november)) == (0, 445)
