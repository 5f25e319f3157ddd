"""Chat-active minutes: whole hours pay, minutes carry, nothing is paid twice and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raffle_system import watchtime_converter
from raffle_system.chat_activity import Viewer
from raffle_system.watchtime_converter import whole_hours
from tests.raffle.support import DAY, HOUR, MEMBER, MINUTE, OTHER, World


def test_worked_example_185_watched_120_converted() -> None:
    assert whole_hours(185, 120) == (1, 180)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_hours_never_go_back_and_less_than_an_hour_carries(minutes: int, more: int) -> None:
    first, converted = whole_hours(minutes, 0)
    second, after = whole_hours(minutes + more, converted)
    assert first + second == (minutes + more) // 60
    assert 0 <= minutes + more - after < 60


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
