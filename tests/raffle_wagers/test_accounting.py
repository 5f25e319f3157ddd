"""Wagers: the plan's examples, carried fractions, falls, resets, new names, and members who link late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bench.support import Statements
from core.db import Connection
from raffle_system import shuffle_links, wager_store
from raffle_system.models import Period
from raffle_system.wager_accounting import MOST_TICKETS, is_collapse, retry_seconds
from raffle_system.wager_sources import WagerRow
from tests.raffle.support import MEMBER, OTHER, World
from tests.raffle_wagers.conftest import WagerWorld

ACCOUNTS = 12
# A rise of 10^6 USD at the highest rate is less than what waits for an admin.
amounts = st.decimals(0, 10**6, places=8, allow_nan=False)
courses = st.lists(st.lists(amounts, min_size=ACCOUNTS, max_size=ACCOUNTS), min_size=2, max_size=5)


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


class Books:
    """Linked accounts of one source, polled inside of the caller's transaction."""

    def __init__(self, world: World, conn: Connection, period: Period, rate: int) -> None:
        self.world, self.conn, self.rate = world, conn, rate
        self.place = {
            "guild_id": world.guild_id, "period_id": period.id, "casino": "shuffle", "source_key": "x",
            "windowed": False,
        }  # fmt: skip

    async def link_all(self) -> None:
        await self.conn.execute(
            text(
                "INSERT INTO raffle_shuffle_links (guild_id, shuffle_username, name_key, kick_name, discord_id, "
                "linked_at, verified, status) SELECT :g, 'n' || i, 'n' || i, 'k', 1000 + i, now(), TRUE, 'verified' "
                "FROM generate_series(0, :most) i"
            ),
            {"g": self.world.guild_id, "most": ACCOUNTS - 1},
        )

    async def poll(self, amounts_: Sequence[Decimal], *, baseline: bool = False) -> int:
        """The answer that has these amounts, taken in; the tickets that it paid."""
        rows = [WagerRow(f"n{i}", f"n{i}", f"n{i}", amount) for i, amount in enumerate(amounts_)]
        paid = await wager_store.absorb(
            self.conn, self.place, rows, rate=self.rate, threshold=20, baseline=baseline, rebase=False,
            now=self.world.clock.now(),
        )  # fmt: skip
        return int(paid[0]["tickets"]) if paid else 0

    async def tickets(self) -> list[int]:
        """Each member's, by account."""
        result = await self.conn.execute(
            text("SELECT i, coalesce(sum(ticket_change), 0) AS tickets FROM generate_series(0, :most) i LEFT JOIN "
                 "raffle_ticket_log ON discord_id = 1000 + i AND source = 'shuffle_wager' GROUP BY i ORDER BY i"),
            {"most": ACCOUNTS - 1},
        )  # fmt: skip
        return [row.tickets for row in result]


@pytest.mark.thorough
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(course=courses, rate=st.integers(0, 1000))
async def test_whatever_the_steps_the_sum_is_that_of_one_step(
    world: World, course: list[list[Decimal]], rate: int
) -> None:
    """Twelve accounts go up and down in small and large steps; what was paid is worth the highest rise, not more."""
    period = await world.period()
    async with world.db.transaction() as conn, conn.begin_nested() as example:
        books = Books(world, conn, period, rate)
        await books.link_all()
        await books.poll(course[0], baseline=True)
        paid = sum([await books.poll(amounts_) for amounts_ in course[1:]])
        risen = [max(one) - one[0] for one in zip(*course, strict=True)]
        assert await books.tickets() == [int(usd * rate / 1000) for usd in risen]
        assert paid == sum(await books.tickets())
        assert await books.poll(course[-1]) == 0
        await example.rollback()


@pytest.mark.parametrize(
    ("usd", "tickets"),
    [("0", 0), ("49.99999999", 0), ("50", 1), ("432.31", 8), ("99999.99999999", 1999), ("50000000", 1_000_000),
     ("50000050", 0), ("100000000000", 0)],
)  # fmt: skip
async def test_an_amount_is_worth_its_whole_tickets(world: World, usd: str, tickets: int) -> None:
    """More than a million at once waits for an admin."""
    period = await world.period()
    async with world.db.transaction() as conn:
        books = Books(world, conn, period, 20)
        await books.link_all()
        await books.poll([Decimal(0)], baseline=True)
        assert await books.poll([Decimal(usd)]) == tickets
    assert await world.scalar("SELECT waiting FROM raffle_shuffle_wagers") == (Decimal(usd) > 50_000_000)


async def test_what_a_name_is_worth_has_an_end(world: World) -> None:
    """An admin who lets the absurd count cannot overflow a column."""
    period = await world.period()
    async with world.db.transaction() as conn:
        books = Books(world, conn, period, 10_000)
        await books.link_all()
        await books.poll([Decimal(0)], baseline=True)
        await books.poll([Decimal(10) ** 11])
        await wager_store.decide_waiting(conn, period.id, "shuffle", "n0", count=True, rate=10_000)
        await wager_store.settle(
            conn, guild_id=world.guild_id, period_id=period.id, casino="shuffle", name_key="n0", rate=10_000,
            now=world.clock.now(), trusted=True,
        )  # fmt: skip
        assert (await books.tickets())[0] == MOST_TICKETS


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


@pytest.mark.thorough
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


async def test_a_fall_before_the_months_turn_is_not_paid_again_after_it(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify()
    assert await world.polled(obel=2000) == 20
    await world.polled(obel=1500)
    await world.end_month()
    assert await world.polled(obel=2000) == 0
    assert await world.polled(obel=2050) == 1
    assert (await world.total(period=await world.period(1)), await world.total()) == (20, 1)


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
    assert await world.thaw() == 1
    assert await world.polled(a=500, b=10, c=0, d=0) == 0
    assert await world.polled(a=600, b=10, c=0, d=0) == 2
    assert await world.total(period=await world.period(1)) == 20
    assert await world.total() == 2


async def test_an_accepted_fall_in_mid_month_keeps_what_was_earned(world: WagerWorld) -> None:
    """1,040 USD are 20.8 tickets; the 0.8 goes on from the new level."""
    await world.polled(a=1000, b=1000, c=1000)
    await world.verify("a")
    assert await world.polled(a=2040, b=1000, c=1000) == 20
    assert await world.polled(a=5, b=1, c=1) == 0
    assert await world.thaw() == 1
    assert await world.polled(a=5, b=1, c=1) == 0
    assert await world.polled(a=15, b=1, c=1) == 1
    assert await world.total() == 21


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


async def test_a_name_that_is_skipped_keeps_what_it_was_paid(world: WagerWorld) -> None:
    """The next 50 USD are a ticket, whatever was awarded before the jump that waited."""
    await world.polled(obel=0)
    await world.verify()
    assert await world.polled(obel=1000) == 20
    await world.polled(obel=10**9)
    async with world.db.transaction() as conn:
        await shuffle_links.decide_waiting(conn, world.clock, world.settings, "shuffle", "obel", MEMBER, count=False)
    assert await world.polled(obel=10**9 + 50) == 1
    assert await world.total() == 21


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
