"""Two at once, on connections of their own: whoever comes second finds the truth, and nobody waits in a circle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress

import pytest

from core import fair_draw, identity
from core.db import Database
from core.errors import InsufficientTickets, PeriodFrozen, UserError
from core.stores import draws as draws_store
from raffle_system import periods, tickets, watchtime_converter
from raffle_system.models import Grant, Period
from tests.raffle.support import MEMBER, OTHER, THIRD, World, by_webhook, gifted

ROUNDS = range(8)
MANY = 1000


async def outcomes(*work: Awaitable[object]) -> list[object]:
    """Results and exceptions of all, run side by side."""
    return list(await asyncio.gather(*work, return_exceptions=True))


async def test_overlapping_batches_in_any_order_pay_each_grant_once(world: World) -> None:
    period = await world.period()
    grants = [world.grant_of(period, MEMBER + n % 7, 1 + n, f"ref:{n}") for n in range(MANY)]

    async def pay(batch: Sequence[Grant]) -> int:
        async with world.db.transaction() as conn:
            return len(await tickets.grant_many(conn, batch, world.clock.now()))

    batches = [grants[n * 100 :] + grants[: n * 150] for n in ROUNDS] + [grants[::-1], grants[300:][::-1]]
    await asyncio.gather(*(world.db.ping() for _ in batches))
    paid = await asyncio.gather(*(pay(batch) for batch in batches))
    assert sum(paid) == len(grants)
    assert sum([await world.total(MEMBER + n) for n in range(7)]) == sum(range(1, MANY + 1))


async def test_two_batches_in_opposite_order_do_not_wait_for_each_other(world: World) -> None:
    """A third transaction holds the middle, so that both are under way when they meet."""
    period = await world.period()
    grants = [world.grant_of(period, MEMBER + n, 1, f"ref:{n}") for n in range(9)]

    async def pay(batch: Sequence[Grant]) -> int:
        async with world.db.transaction() as conn:
            return len(await tickets.grant_many(conn, batch, world.clock.now()))

    both: list[asyncio.Task[int]] = []
    with suppress(ZeroDivisionError):
        async with world.db.transaction() as conn:
            await tickets.grant(conn, grants[4], world.clock.now())
            both += [asyncio.create_task(pay(batch)) for batch in (grants, grants[::-1])]
            await _waiting_for_locks(world, 2)
            raise ZeroDivisionError  # rolls back
    assert sorted(await asyncio.gather(*both)) == [0, 9]


async def _waiting_for_locks(world: World, count: int) -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while await world.scalar(sql) < count:
        await asyncio.sleep(0.01)


async def test_one_reference_for_two_members_in_crossed_order(world: World) -> None:
    """As after a Kick account changed hands between two conversions: still no circle, and one of them is paid."""
    period = await world.period()

    async def pay(turn: int) -> int:
        names = ["x", "y"] if turn % 2 else ["y", "x"]
        grants = [world.grant_of(period, who, 5, name) for who, name in zip((MEMBER, OTHER), names, strict=True)]
        async with world.db.transaction() as conn:
            return len(await tickets.grant_many(conn, grants, world.clock.now()))

    assert sum(await asyncio.gather(*(pay(turn) for turn in ROUNDS))) == 2


async def test_two_conversions_at_once_pay_every_hour_once(world: World) -> None:
    for n in range(6):
        await world.link(MEMBER + n, f"viewer{n}", n + 1)
    await world.execute(
        "INSERT INTO watchtime SELECT :g, n, 'viewer' || n, 'viewer' || n, 130, :now, :now "
        "FROM generate_series(1, 6) n", g=world.guild_id, now=world.clock.now(),
    )  # fmt: skip
    await world.execute(
        "INSERT INTO watchtime_periods SELECT :g, :p, n, 130, 0 FROM generate_series(1, 6) n",
        g=world.guild_id, p=(await world.period()).id,
    )  # fmt: skip
    paid = await asyncio.gather(*(world.convert() for _ in range(5)))
    assert sorted(paid) == [0, 0, 0, 0, 120]
    assert [await world.total(MEMBER + n) for n in range(6)] == [20] * 6


async def test_twins_of_a_gift_at_once_are_one_gift(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    with_id, without = gifted(world.clock), gifted(world.clock, correlation_id=None, giftees=("ben_2",))
    hook = by_webhook(world.clock)
    await asyncio.gather(
        *(world.gift(with_id) for _ in range(4)), *(world.gift(without) for _ in range(4)),
        *(world.gift(hook, webhook_key="wh:1") for _ in range(2)),
    )  # fmt: skip
    assert await world.total() == 30
    assert await world.scalar("SELECT count(*) FROM raffle_gifted_subs") == 2


async def test_a_code_binds_once(world: World) -> None:
    async with world.db.transaction() as conn:
        code = await identity.new_code(conn, world.clock, world.guild_id, MEMBER, None)

    async def redeem(kick_id: int) -> bool:
        async with world.db.transaction() as conn:
            made = await identity.redeem(
                conn, world.clock, world.guild_id, code.code, kick_id, f"viewer{kick_id}"
            )  # fmt: skip
            return made is not None

    assert sorted(await asyncio.gather(*(redeem(n) for n in range(1, 6)))) == [False] * 4 + [True]
    assert await world.scalar("SELECT count(*) FROM links") == 1


async def test_two_members_for_one_kick_account(world: World) -> None:
    async with world.db.transaction() as conn:
        codes = [
            (await identity.new_code(conn, world.clock, world.guild_id, who, None)).code for who in (MEMBER, OTHER)
        ]

    async def redeem(code: str) -> object:
        async with world.db.transaction() as conn:
            return await identity.redeem(conn, world.clock, world.guild_id, code, 71, "giver")

    done = await outcomes(*(redeem(code) for code in codes))
    refused = [one for one in done if isinstance(one, UserError)]
    assert [one.key for one in refused] == ["link.kick_taken"]
    assert await world.scalar("SELECT count(*) FROM links") == 1


@pytest.mark.parametrize("ended_before", [False, True])
async def test_two_admins_draw_one_period(world: World, ended_before: bool) -> None:
    await world.give()
    period = await world.period()
    if ended_before:
        world.clock.set(period.end_date)
        await world.schedule.close_due_periods()
    done = await outcomes(*(world.start_draw(period) for _ in range(4)))
    refused = [one.key for one in done if isinstance(one, UserError)]
    assert refused == ["draw.already_frozen"] * 3
    assert len(await world.rows("SELECT number FROM raffle_periods")) == 2
    assert len(await world.rows("SELECT draw_id FROM draws WHERE frozen_at IS NOT NULL")) == 1


async def test_a_grant_is_in_the_entrant_list_or_refused(world: World) -> None:
    await world.give(THIRD, 1)
    period = await world.period()

    async def grant(n: int) -> int:
        await asyncio.sleep(n * 0.001)
        async with world.db.transaction() as conn:
            made = await tickets.grant(conn, world.grant_of(period, MEMBER + n, 1, f"g{n}"), world.clock.now())
        return made.discord_id if made else 0

    done = await outcomes(*(grant(n) for n in range(10)), world.start_draw(period), *(grant(n) for n in range(10, 25)))
    paid = {one for one in done if isinstance(one, int)}
    assert len(paid) + sum(isinstance(one, PeriodFrozen) for one in done) == 25
    frozen = await _entrants(world.db, period)
    assert set(frozen.ids) == paid | {THIRD}


@pytest.mark.thorough
async def test_a_gift_is_paid_into_the_freezing_period_or_the_next(world: World) -> None:
    """A gift may not be refused: nobody tells it again."""
    for n in range(12):
        await world.link(MEMBER + n, f"giver{n}", n + 1)
    await world.give(OTHER + 500, 1)
    period = await world.period()

    async def give_sub(n: int) -> None:
        await asyncio.sleep(n * 0.002)
        await world.gift(gifted(world.clock, f"giver{n}", correlation_id=f"c-{n}"))

    done = await outcomes(*(give_sub(n) for n in range(12)), world.start_draw(period))
    assert [one for one in done if isinstance(one, BaseException)] == []
    in_list = await _entrants(world.db, period)
    after = await world.period()
    for n in range(12):
        assert await world.total(MEMBER + n, period) == in_list.tickets_of(MEMBER + n)
        assert await world.total(MEMBER + n, period) + await world.total(MEMBER + n, after) == 15


@pytest.mark.thorough
async def test_grants_conversions_and_month_ends_never_wait_in_a_circle(world: World) -> None:
    for n in range(5):
        await world.link(MEMBER + n, f"viewer{n}", n + 1)
    await world.give()

    async def convert() -> None:
        async with world.db.transaction() as conn:
            for period in [await world_period(conn), *await periods.undrawn(conn, world.guild_id)]:
                await watchtime_converter.convert(conn, world.settings, period, world.clock.now())

    async def world_period(conn: object) -> Period:
        return await periods.active(conn, world.guild_id)  # type: ignore[arg-type]

    async def end() -> None:
        async with world.db.transaction() as conn:
            current = await periods.active(conn, world.guild_id, for_update=True)
            await periods.end_now(conn, world.clock, world.settings, current, world.schedule.last_call)

    async def grant(batch: Sequence[Grant]) -> None:
        async with world.db.transaction() as conn:
            await tickets.grant_many(conn, batch, world.clock.now())

    for turn in ROUNDS:
        await world.execute(
            "INSERT INTO watchtime SELECT :g, n, 'v' || n, 'v' || n, 60, :now, :now FROM generate_series(1, 5) n "
            "ON CONFLICT DO NOTHING", g=world.guild_id, now=world.clock.now(),
        )  # fmt: skip
        await world.execute(
            "INSERT INTO watchtime_periods SELECT :g, :p, n, 60, 0 FROM generate_series(1, 5) n",
            g=world.guild_id, p=(await world.period()).id,
        )  # fmt: skip
        current = await world.period()
        batch = [world.grant_of(current, MEMBER + n % 5, 1, f"{turn}:{n}") for n in range(MANY)]
        done = await outcomes(grant(batch), convert(), end(), *(world.give(MEMBER + n) for n in range(5)), convert())
        assert [one for one in done if isinstance(one, BaseException)] == []
    watched = await world.scalar("SELECT sum(ticket_change) FROM raffle_ticket_log WHERE source = 'watchtime'")
    assert watched == 10 * 5 * len(ROUNDS)


async def test_removals_at_once_never_go_below_zero(world: World) -> None:
    await world.give(MEMBER, 100)
    done = await outcomes(*(world.remove(MEMBER, 30) for _ in range(6)))
    refused = [one for one in done if isinstance(one, InsufficientTickets)]
    assert len(refused) == 3
    assert {one.args_["wanted"] for one in refused} == {30}
    assert await world.total() == 10


async def test_two_closers_at_the_months_end_close_it_once(world: World) -> None:
    world.clock.set((await world.period()).end_date)
    done = await outcomes(*(world.schedule.close_due_periods() for _ in range(4)))
    assert [one for one in done if isinstance(one, BaseException)] == []
    assert (await world.period()).number == 2
    assert len(await world.said()) == 1


async def _entrants(db: Database, period: Period) -> fair_draw.Entrants:
    async with db.transaction() as conn:
        return fair_draw.parse_entrant_text(await draws_store.entrants(conn, period.draw_id))
