"""Chat-active minutes: whole hours pay, minutes carry, nothing is paid twice and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.db import Connection
from raffle_system import watchtime_converter, watchtime_store
from raffle_system.chat_activity import Viewer
from tests.raffle.support import DAY, HOUR, MEMBER, MINUTE, OTHER, World


async def watched(conn: Connection, world: World, period_id: int, minutes: Sequence[int]) -> None:
    """That many minutes more for the linked viewers 1, 2, 3 ..."""
    await conn.execute(
        text(
            "WITH added AS (SELECT i, m FROM unnest(CAST(:minutes AS integer[])) WITH ORDINALITY AS t (m, i)), "
            "known AS (INSERT INTO watchtime "
            "(guild_id, kick_user_id, kick_name, name_key, minutes, last_minute, active_until) "
            "SELECT :g, i, 'v' || i, 'v' || i, 0, :now, :now FROM added ON CONFLICT DO NOTHING), "
            "linked AS (INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at) "
            "SELECT :g, 1000 + i, 'v' || i, 'v' || i, i, :now FROM added ON CONFLICT DO NOTHING) "
            "INSERT INTO watchtime_periods AS p (guild_id, period_id, kick_user_id, minutes) "
            "SELECT :g, :period, i, m FROM added "
            "ON CONFLICT (period_id, kick_user_id) DO UPDATE SET minutes = p.minutes + excluded.minutes"
        ),
        {"g": world.guild_id, "period": period_id, "minutes": list(minutes), "now": world.clock.now()},
    )


VIEWERS = 8
rounds = st.lists(st.lists(st.integers(0, 400), min_size=VIEWERS, max_size=VIEWERS), min_size=1, max_size=4)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(added=rounds, rate=st.integers(0, 100))
async def test_whole_hours_pay_once_and_less_than_an_hour_carries(
    world: World, added: list[list[int]], rate: int
) -> None:
    """Eight viewers, converted after each round: each was paid for the whole hours of the sum, and by whole hours."""
    period = await world.period()
    async with world.db.transaction() as conn, conn.begin_nested() as example:
        paid = 0
        for minutes in added:
            await watched(conn, world, period.id, minutes)
            rows = await watchtime_store.convert(conn, world.guild_id, period.id, rate, world.clock.now())
            paid += int(rows[0]["tickets"]) if rows else 0
        sums = [sum(one) for one in zip(*added, strict=True)]
        stored = await conn.execute(text("SELECT minutes_converted FROM watchtime_periods ORDER BY kick_user_id"))
        assert [row.minutes_converted for row in stored] == [minutes // 60 * 60 for minutes in sums]
        assert paid == sum(minutes // 60 * rate for minutes in sums)
        done = await conn.execute(text("SELECT minutes_converted, tickets_awarded FROM raffle_watchtime_converted"))
        runs = [tuple(row) for row in done]
        assert all(minutes and minutes % 60 == 0 and tickets == minutes // 60 * rate for minutes, tickets in runs)
        assert sum(minutes for minutes, _ in runs) == sum(minutes // 60 * 60 for minutes in sums)
        await example.rollback()


async def test_worked_example_pays_ten_tickets_and_marks_180(world: World) -> None:
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 120)
    assert await world.convert() == 20
    await world.watch(123, 65)
    assert await world.convert() == 10
    assert await world.total() == 30
    async with world.db.transaction() as conn:
        assert await watchtime_converter.minutes_of(conn, await world.period(), 123) == (185, 180)
    marked = await world.rows("SELECT minutes_converted, tickets_awarded FROM raffle_watchtime_converted ORDER BY id")
    assert [tuple(row.values()) for row in marked] == [(120, 20), (60, 10)]


async def test_converting_again_pays_nothing(world: World) -> None:
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 61)
    assert [await world.convert() for _ in range(3)] == [10, 0, 0]


async def test_a_minute_is_credited_once_whatever_is_replayed(world: World) -> None:
    minute = world.clock.now()
    period = await world.period()
    viewers = [Viewer(n, f"viewer{n}", minute) for n in (1, 2)]
    for expected in ([viewers[0]], 1), (viewers, 1), (viewers, 0):
        async with world.db.transaction() as conn:
            made = await watchtime_converter.credit(conn, world.settings, period, minute, expected[0])
        assert made == expected[1]
    async with world.db.transaction() as conn:
        made = await watchtime_converter.credit(conn, world.settings, period, minute - MINUTE, viewers)
    assert made == 0
    assert [row["minutes"] for row in await world.rows("SELECT minutes FROM watchtime")] == [1, 1]


async def test_unlinked_hours_wait_for_the_link_and_are_paid_once(world: World) -> None:
    await world.watch(123, 130)
    assert await world.convert() == 0
    await world.link(MEMBER, "viewer123", 123)
    assert await world.total() == 20
    assert await world.convert() == 0
    await world.unlink(MEMBER)
    await world.link(OTHER, "viewer123", 123)
    assert (await world.total(MEMBER), await world.total(OTHER)) == (20, 0)
    await world.watch(123, 50)
    assert await world.convert() == 10
    assert (await world.total(MEMBER), await world.total(OTHER)) == (20, 10)


async def test_minutes_of_last_month_never_become_tickets_of_this_one(world: World) -> None:
    await world.watch(123, 59)
    world.clock.set(datetime(2025, 12, 1, tzinfo=UTC))
    await world.schedule.close_due_periods()
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 59)
    assert await world.convert() == 0
    assert await world.scalar("SELECT minutes FROM watchtime") == 118
    await world.watch(123, 1)
    assert await world.convert() == 10


async def test_the_last_minute_of_the_month_completes_its_hour(world: World) -> None:
    """It is credited after it has ended, so after the month's last call."""
    await world.link(MEMBER, "viewer123", 123)
    world.clock.set(datetime(2025, 11, 30, 23, 0, tzinfo=UTC))
    await world.watch(123, 59)
    november = await world.period()
    world.clock.set(november.end_date)
    await world.schedule.close_due_periods()
    world.clock.set(november.end_date - MINUTE)
    await world.watch(123, 1)
    world.clock.set(november.end_date + HOUR)
    await _hourly(world)
    assert await world.total(MEMBER, november) == 10
    await _hourly(world)
    assert await world.total(MEMBER, november) == 10
    assert await world.total(MEMBER) == 0


async def test_a_draw_pays_late_minutes_before_it_freezes(world: World) -> None:
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 59)
    await world.give(OTHER, 5)
    november = await world.period()
    world.clock.set(november.end_date)
    await world.schedule.close_due_periods()
    world.clock.set(november.end_date - MINUTE)
    await world.watch(123, 1)
    started = await world.start_draw(november)
    assert started.frozen.total_tickets == 15


@pytest.mark.parametrize(("before", "paid"), [(timedelta(microseconds=1), 10), (timedelta(0), 0)])
async def test_a_link_counts_for_the_month_that_it_was_made_in(world: World, before: timedelta, paid: int) -> None:
    """The month's end is the first moment of the next one; a link may be stored after it."""
    await world.watch(123, 60)
    november = await world.period()
    world.clock.set(november.end_date)
    await world.schedule.close_due_periods()
    world.clock.set(november.end_date - before)
    await world.link_only(MEMBER, "viewer123", 123)
    world.clock.set(november.end_date + HOUR)
    await _hourly(world)
    assert await world.total(MEMBER, november) == paid


async def test_a_tick_with_nothing_due_leaves_no_trace(world: World) -> None:
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 61)
    for _ in range(3):
        await world.convert()
    assert await world.scalar("SELECT count(*) FROM raffle_watchtime_converted") == 1


async def test_the_days_limit_is_the_last_minute_that_counts(world: World) -> None:
    await world.set("watch_minutes_per_day", 3)
    world.clock.set(world.clock.now().replace(hour=23, minute=55))
    counted = []
    for _ in range(9):
        await world.watch(123, 1)
        counted.append(await world.scalar("SELECT minutes FROM watchtime_periods"))
    assert counted == [1, 2, 3, 3, 3, 4, 5, 6, 6]


async def test_a_link_made_after_the_end_opens_only_the_running_month(world: World) -> None:
    await world.watch(123, 60)
    november = await world.period()
    world.clock.set(november.end_date + HOUR)
    await world.schedule.close_due_periods()
    await world.link(MEMBER, "viewer123", 123)
    await _hourly(world)
    assert await world.total(MEMBER, november) == 0


async def test_rates_and_names(world: World) -> None:
    await world.set("watchtime_tickets_per_hour", 3)
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 120, name="Viewer_123")
    assert await world.convert() == 6
    assert await world.scalar("SELECT kick_name FROM raffle_tickets") == "Viewer_123"
    await world.set("watchtime_tickets_per_hour", 0)
    await world.watch(123, 60)
    assert await world.convert() == 0


@pytest.mark.parametrize("threshold", [10, 11])
async def test_the_hourly_run_names_who_earned_the_threshold(world: World, threshold: int) -> None:
    await world.set("ticket_notification_threshold", threshold)
    await world.link(MEMBER, "viewer123", 123)
    await world.watch(123, 60)
    await _hourly(world)
    said = [message.embeds[0].description for message in await world.said()]
    assert [str(MEMBER) in line for line in said] == ([True] if threshold == 10 else [])


async def test_open_windows_outlive_the_process(world: World) -> None:
    now = world.clock.now()
    period = await world.period()
    viewers = [Viewer(1, "one", now + 5 * MINUTE), Viewer(2, "two", now)]
    async with world.db.transaction() as conn:
        await watchtime_converter.credit(conn, world.settings, period, now, viewers)
        assert await watchtime_converter.open_windows(conn, world.guild_id, now) == viewers[:1]


async def test_two_guilds_that_follow_one_channel_count_apart(world: World) -> None:
    other = await World(world.db, clock=world.clock, guild_id=world.guild_id + 1).open()
    await world.link(MEMBER, "viewer123", 123)
    await other.link(MEMBER, "viewer123", 123)
    start = world.clock.now()
    await world.watch(123, 60)
    world.clock.set(start)
    await other.watch(123, 60)
    world.clock.advance(DAY)
    assert (await world.convert(), await other.convert()) == (10, 10)
    assert (await world.total(), await other.total()) == (10, 10)


async def _hourly(world: World) -> None:
    """What the scheduler's conversion job does."""
    job = world.schedule.jobs()[0]
    async with world.db.transaction() as conn:
        await job.run(conn, world.settings, world.clock.now())
