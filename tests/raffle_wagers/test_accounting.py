"""Wagers: the plan's examples, carried fractions, falls, resets, new names, and members who link late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bench.support import Statements
from core.db import Database
from raffle_system import shuffle_links, wager_store
from raffle_system.models import Period
from raffle_system.wager_accounting import MOST_TICKETS, due_now, is_collapse, retry_seconds, tickets_for
from raffle_system.wager_sources import WagerRow
from tests.raffle.support import MEMBER, OTHER, World
from tests.raffle_wagers.conftest import WagerWorld

amounts = st.decimals(0, 10**11, places=8, allow_nan=False)


def test_the_plans_examples() -> None:
    start = Decimal("1667.69")
    assert tickets_for(Decimal("2100.00") - start, 20) == 8
    assert due_now(start, Decimal("2117.69"), 20, 8) == 1
    assert [tickets_for(Decimal(usd), 20) for usd in (500, 1200, 300)] == [10, 24, 6]
    assert tickets_for(Decimal("999999999999.99999999"), 20) == MOST_TICKETS
    assert tickets_for(Decimal("-1"), 20) == 0


@given(start=amounts, steps=st.lists(amounts, max_size=8), rate=st.integers(0, 10_000))
def test_whatever_the_steps_the_sum_is_that_of_one_step(start: Decimal, steps: list[Decimal], rate: int) -> None:
    high, awarded = start, 0
    for amount in steps:
        high = max(high, amount)
        awarded += due_now(start, high, rate, awarded)
    assert awarded == tickets_for(high - start, rate)


def test_more_than_half_of_the_rows_must_fall() -> None:
    assert is_collapse(3, 5)
    assert not is_collapse(3, 6)
    assert not is_collapse(2, 2)


def test_pauses_grow_and_end() -> None:
    pauses = [retry_seconds(n, 900, 10, None, too_many=False) for n in range(1, 9)]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert retry_seconds(1, 900, 10, None, too_many=True) == 900
    assert retry_seconds(1, 900, 10, 2000, too_many=True) == 2000
    assert retry_seconds(1, 86_400, 10, None, too_many=True) == 86_400


async def test_the_database_counts_as_the_rule_does(world: World, db: Database) -> None:
    period = await world.period()
    place = {
        "guild_id": world.guild_id, "period_id": period.id, "casino": "shuffle", "source_key": "x", "windowed": True,
    }  # fmt: skip
    figures = [Decimal(t) for t in ("0", "49.99999999", "50", "432.31", "99999999.99999999", "50000000000")]
    rows = [WagerRow(f"n{i}", f"n{i}", f"n{i}", figure) for i, figure in enumerate(figures)]
    async with db.transaction() as conn:
        await conn.execute(
            text(
                "INSERT INTO raffle_shuffle_links (guild_id, shuffle_username, name_key, kick_name, discord_id, "
                "linked_at, verified, status) SELECT :g, 'n' || i, 'n' || i, 'k', 1000 + i, now(), TRUE, 'verified' "
                "FROM generate_series(0, 5) i"
            ),
            {"g": world.guild_id},
        )
        await wager_store.absorb(
            conn, place, rows, rate=20, threshold=20, baseline=True, rebase=False, now=world.clock.now()
        )
    stored = await world.rows("SELECT tickets_awarded, waiting FROM raffle_shuffle_wagers ORDER BY account_key")
    assert [row["tickets_awarded"] for row in stored[:4]] == [tickets_for(f, 20) for f in figures[:4]]
    assert [row["waiting"] for row in stored] == [False, False, False, False, True, True]


async def test_the_first_answer_is_a_baseline_and_rises_pay(world: WagerWorld) -> None:
    assert await world.polled(obel="1667.69") == 0
    await world.verify("Obel")
    assert await world.polled(obel="2100.00") == 8
    assert await world.polled(obel="2117.69") == 1
    assert await world.polled(obel="2117.69") == 0
    assert await world.total() == 9
    refs = await world.rows("SELECT source_ref, ticket_change FROM raffle_ticket_log ORDER BY id")
    assert [(r["source_ref"], r["ticket_change"]) for r in refs] == [
        ("shuffle_stats:obel:8", 8), ("shuffle_stats:obel:9", 1),
    ]  # fmt: skip


async def test_two_hundred_small_rises_lose_nothing(world: WagerWorld) -> None:
    await world.polled(obel=0)
    await world.verify()
    paid = 0
    for step in range(1, 201):
        world.casino.wagers(obel=float(Decimal("49.99") * step))
        paid += (await world.poll(wait=timedelta(seconds=1))).tickets
    assert (paid, await world.total()) == (199, 199)


async def test_late_verification_pays_the_whole_period_once(world: WagerWorld) -> None:
    await world.polled(obel=100)
    await world.polled(obel=2600)
    await world.polled(obel=5100)
    assert await world.total() == 0
    made = await world.verify()
    assert made.tickets == 100
    assert await world.total() == 100
    assert await world.polled(obel=5100) == 0
    assert await world.polled(obel=5150) == 1


async def test_another_member_is_not_paid_again_for_the_same_wagers(world: WagerWorld) -> None:
    await world.polled(obel=0)
    await world.polled(obel=1000)
    await world.verify(member=MEMBER)
    async with world.db.transaction() as conn:
        await shuffle_links.unlink(conn, world.clock, world.settings, "shuffle", "OBEL", MEMBER)
    assert (await world.verify(member=OTHER)).tickets == 0
    assert await world.polled(obel=1050) == 1
    assert (await world.total(MEMBER), await world.total(OTHER)) == (20, 1)


async def test_a_fall_pays_nothing_and_a_rise_only_beyond_the_old_high(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify()
    assert await world.polled(obel=2000) == 20
    assert await world.polled(obel=1500) == 0
    assert await world.polled(obel=1990) == 0
    assert await world.polled(obel=2050) == 1
    rows = await world.rows("SELECT decreases, last_known_wager FROM raffle_shuffle_wagers")
    assert rows == [{"decreases": 1, "last_known_wager": Decimal(2050)}]


async def test_the_next_month_starts_at_the_high_water_mark(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify()
    await world.polled(obel=1040)
    world.casino.wagers(obel=1080)
    await world.end_month()
    first, second = await world.period(1), await world.period(2)
    assert await world.total(period=first) == 1
    assert await world.polled(obel=1120) == 0
    assert await world.polled(obel=1130) == 1
    assert (await world.total(period=first), await world.total(period=second)) == (1, 1)


async def test_a_source_that_starts_afresh_at_the_months_turn_pays_nothing_wrongly(world: WagerWorld) -> None:
    await world.polled(a=1000, b=2000, c=3000, d=4000)
    await world.verify("a")
    await world.polled(a=2000, b=2000, c=3000, d=4000)
    await world.end_month()
    assert await world.polled(a=0, b=0, c=0, d=0) == 0
    assert await world.polled(a=500, b=0, c=0, d=0) == 0
    assert "wagers.frozen" in (await world.admins_told())[-1]
    assert await world.tracker.thaw(world.guild_id, MEMBER) == 1
    assert await world.polled(a=500, b=10, c=0, d=0) == 0
    assert await world.polled(a=600, b=10, c=0, d=0) == 2
    assert await world.total(period=await world.period(1)) == 20
    assert await world.total() == 2


async def test_more_than_half_falling_freezes_until_the_amounts_come_back(world: WagerWorld) -> None:
    await world.polled(a=1000, b=1000, c=1000, d=1000, e=1000)
    await world.verify("e")
    assert await world.polled(a=1, b=1, c=1, d=1000, e=9000) == 0
    assert await world.polled(a=1, b=1, c=1, d=1000, e=9100) == 0
    told = await world.admins_told()
    assert ("'fallen': 3" in told[0], "'compared': 5" in told[0], len(told)) == (True, True, 1)
    assert await world.polled(a=1000, b=1000, c=1000, d=1000, e=2000) == 20
    assert "wagers.well" in (await world.admins_told())[-1]


async def test_a_new_name_starts_at_zero_unless_it_is_worth_too_much(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify("late")
    await world.verify("whale", OTHER)
    assert await world.polled(obel=1000, late=1000, whale=1100) == 20
    assert await world.total(OTHER) == 0
    told = await world.admins_told()
    assert "whale" in told[-1]
    assert "$1,100.00" in told[-1]
    assert await world.polled(obel=1000, late=1000, whale=1150) == 0
    assert len(await world.admins_told()) == len(told)


async def test_an_admin_counts_or_skips_a_waiting_name(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify("whale")
    await world.verify("shark", OTHER)
    await world.polled(whale=5000, shark=5000)
    async with world.db.transaction() as conn:
        counted = await shuffle_links.decide_waiting(
            conn, world.clock, world.settings, "shuffle", "Whale", MEMBER, count=True
        )
        skipped = await shuffle_links.decide_waiting(
            conn, world.clock, world.settings, "shuffle", "shark", MEMBER, count=False
        )
    assert (counted, skipped) == (100, 0)
    assert await world.polled(whale=5050, shark=5050) == 2
    assert (await world.total(MEMBER), await world.total(OTHER)) == (101, 1)


async def test_a_rename_goes_on_where_the_old_name_stopped(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify("obel")
    await world.polled(obel=3000)
    await world.polled(obel_new=3500)
    async with world.db.transaction() as conn:
        made = await shuffle_links.rename(conn, world.clock, world.settings, "shuffle", "obel", "obel_new", MEMBER)
    assert made.tickets == 10
    assert await world.polled(obel_new=4000) == 10
    assert await world.polled(obel=9000, obel_new=4000) == 0
    assert await world.total() == 60


async def test_a_jump_beyond_belief_waits(world: WagerWorld) -> None:
    await world.polled(obel=0)
    await world.verify()
    world.casino.answer = b'[{"username": "obel", "campaignCode": "lele", "wagerAmount": 1e9}]'
    assert (await world.poll()).tickets == 0
    assert "$1,000,000,000.00" in (await world.admins_told())[-1]


async def test_a_changed_rate_holds_for_the_whole_period_and_takes_nothing_back(world: WagerWorld) -> None:
    await world.polled(obel=0)
    await world.verify()
    assert await world.polled(obel=1000) == 20
    await world.set("shuffle_tickets_per_1000_usd", 10)
    assert await world.polled(obel=1100) == 0
    await world.set("shuffle_tickets_per_1000_usd", 30)
    assert await world.polled(obel=1100) == 13


async def test_a_window_starts_at_zero_and_is_asked_for_the_period(windowed: WagerWorld) -> None:
    windowed.casino.wagers(obel=500)
    await windowed.verify()
    assert (await windowed.poll()).tickets == 10
    period = await windowed.period()
    asked = windowed.casino.asked[-1]
    assert asked["startTime"] == str(int(period.start_date.timestamp()))
    assert int(asked["endTime"]) == int(windowed.clock.now().timestamp()) - 900 - 15


async def test_a_window_is_told_to_its_end_after_the_months_turn(windowed: WagerWorld) -> None:
    windowed.casino.wagers(obel=500)
    await windowed.verify()
    await windowed.poll()
    windowed.casino.status = 503
    await windowed.end_month()
    windowed.clock.advance(timedelta(minutes=1))
    windowed.casino.wagers(obel=1000)
    await windowed.poll()
    first, second = await windowed.period(1), await windowed.period(2)
    assert _span_asked(windowed) == (first.start_date.timestamp(), first.end_date.timestamp())
    assert (await windowed.total(period=first), await windowed.total(period=second)) == (20, 0)
    windowed.casino.wagers(obel=50)
    assert (await windowed.poll()).tickets == 1
    assert _span_asked(windowed)[0] == second.start_date.timestamp()


def _span_asked(world: WagerWorld) -> tuple[float, float]:
    asked = world.casino.asked[-1]
    return float(asked["startTime"]), float(asked["endTime"])


async def test_an_answer_for_a_window_that_is_over_is_dropped(windowed: WagerWorld) -> None:
    """The period was ended while the request was on its way."""
    windowed.casino.wagers(obel=900)
    await windowed.verify()
    original = windowed.tracker._fetched

    async def end_meanwhile(*arguments: object) -> object:
        answer = await original(*arguments)  # type: ignore[arg-type]
        await windowed.start_over()
        return answer

    windowed.tracker._fetched = end_meanwhile  # type: ignore[method-assign,assignment]
    assert (await windowed.poll()).tickets == 0
    assert await windowed.scalar("SELECT count(*) FROM raffle_shuffle_wagers") == 0


async def test_after_a_long_outage_lifetime_wagers_belong_to_the_running_month(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify()
    world.casino.wagers(obel=2000)
    first = await world.period()
    world.clock.set(first.end_date + timedelta(days=40))
    assert (await world.poll(wait=timedelta(0))).tickets == 0, "nothing is paid before the ended months are closed"
    await world.schedule.close_due_periods()
    assert (await world.poll()).tickets == 20
    assert await world.total(period=first) == 0
    assert (await world.period()).number == 3


async def test_one_announcement_for_a_poll_names_those_above_the_threshold(world: WagerWorld) -> None:
    await world.polled(a=0, b=0)
    await world.verify("a")
    await world.verify("b", OTHER)
    before = len(await world.members_told())
    await world.polled(a=1000, b=999)
    said = (await world.members_told())[before:]
    assert len(said) == 1
    assert f"<@{MEMBER}>" in said[0]
    assert f"<@{OTHER}>" not in said[0]


@pytest.mark.parametrize("count", [10, 300])
async def test_a_poll_takes_the_same_number_of_statements(world: WagerWorld, count: int) -> None:
    period: Period = await world.period()
    place = {
        "guild_id": world.guild_id, "period_id": period.id, "casino": "shuffle", "source_key": "x", "windowed": False,
    }  # fmt: skip
    rows = [WagerRow(f"n{i}", f"n{i}", f"n{i}", Decimal(i)) for i in range(count)]
    async with world.db.transaction() as conn:
        statements = Statements(conn)
        await wager_store.compare(conn, place, rows)
        await wager_store.absorb(
            conn, place, rows, rate=20, threshold=20, baseline=True, rebase=False, now=world.clock.now()
        )
    assert statements.count == 3
