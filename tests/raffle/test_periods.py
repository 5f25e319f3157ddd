"""Months: where they begin and end, in any zone and however late somebody looks."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from core.db import Database, violated_constraint
from core.errors import UserError
from core.jobs import Scheduler
from raffle_system import periods, scheduler
from raffle_system.models import Period
from raffle_system.month import boundary, current_boundary, next_boundary, title_of
from raffle_system.scheduler import RaffleSchedule
from tests.patience import until
from tests.raffle.support import DAY, GUILD, HOUR, MEMBER, MINUTE, SECOND, World, gifted

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Kiritimati", "Pacific/Niue", "Asia/Riyadh", "Africa/Cairo", "America/Asuncion", "America/St_Johns",
]  # fmt: skip
TICK = timedelta(microseconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        (utc(2026, 3, 15), utc(2026, 2, 28, 23), utc(2026, 3, 31, 22)),
        (utc(2026, 10, 31, 23), utc(2026, 10, 31, 23), utc(2026, 11, 30, 23)),
        (utc(2026, 10, 31, 22, 59, 59), utc(2026, 9, 30, 22), utc(2026, 10, 31, 23)),
        (utc(2025, 12, 31, 23, 30), utc(2025, 12, 31, 23), utc(2026, 1, 31, 23)),
    ],
)
def test_berlin_months_with_and_without_summer_time(now: datetime, start: datetime, end: datetime) -> None:
    assert (current_boundary(now, BERLIN), next_boundary(now, BERLIN)) == (start, end)


def test_an_hour_that_the_clocks_skip_starts_at_the_first_moment_after_it() -> None:
    assert boundary(2025, 3, ZoneInfo("Asia/Gaza"), 1, 0) == utc(2025, 2, 28, 22)
    assert boundary(2023, 10, ZoneInfo("America/Asuncion"), 1, 0) == utc(2023, 10, 1, 4)
    assert boundary(2026, 14, BERLIN, 1, 0) == boundary(2027, 2, BERLIN, 1, 0)


@pytest.mark.thorough
@given(
    st.integers(978_307_200, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(ZONES),
    st.integers(1, 28),
    st.integers(0, 23),
)
def test_boundaries_enclose_every_moment_and_touch(now: datetime, name: str, day: int, hour: int) -> None:
    zone = ZoneInfo(name)
    start, end = current_boundary(now, zone, day, hour), next_boundary(now, zone, day, hour)
    assert start <= now < end
    assert next_boundary(start, zone, day, hour) == end
    assert current_boundary(end - TICK, zone, day, hour) == start
    assert timedelta(days=27) < end - start < timedelta(days=32)
    local = start.astimezone(zone)
    wall = local.replace(day=day, hour=hour, minute=0, second=0, microsecond=0, tzinfo=None)
    assert (start - TICK).astimezone(zone).replace(tzinfo=None) < wall <= local.replace(tzinfo=None)


def test_the_first_days_name_the_month() -> None:
    assert title_of(utc(2025, 10, 31, 23), BERLIN) == (2025, 11)
    assert title_of(utc(2025, 11, 28), ZoneInfo("UTC")) == (2025, 12)


async def test_the_first_raffle_covers_the_whole_month_and_opens_once(world: World) -> None:
    period = await world.period()
    assert (period.number, period.start_date, period.end_date) == (1, utc(2025, 11, 1), utc(2025, 12, 1))
    await world.schedule.open_first(world.guild_id)
    assert await world.scalar("SELECT count(*) FROM raffle_periods") == 1
    draws = await world.rows("SELECT draw_id, commitment, frozen_at FROM draws")
    assert [row["draw_id"] for row in draws] == [f"raffle/{world.guild_id}/1"]
    assert len(draws[0]["commitment"]) == 64


async def test_a_guilds_zone_and_reset_day_decide(world: World) -> None:
    other = World(world.db, clock=world.clock, guild_id=world.guild_id + 1)
    await other.guilds.load()
    await other.guilds.ensure(other.guild_id)
    await other.set("timezone", "Europe/Berlin")
    await other.set("reset_day_of_month", 15)
    await other.set("reset_hour", 6)
    await other.schedule.open_first(other.guild_id)
    period = await other.period()
    assert (period.start_date, period.end_date) == (utc(2025, 10, 15, 4), utc(2025, 11, 15, 5))


async def test_a_month_ends_at_its_end_and_not_before(world: World) -> None:
    await world.give(MEMBER, 30)
    first = await world.period()
    world.clock.set(first.end_date - TICK)
    await world.schedule.close_due_periods()
    assert (await world.period()).number == 1
    world.clock.set(first.end_date)
    await world.schedule.close_due_periods()
    ended, opened = await world.period(1), await world.period()
    assert (ended.status, ended.total_tickets, ended.end_date) == ("ended", 30, first.end_date)
    assert (opened.number, opened.start_date, opened.end_date) == (2, first.end_date, utc(2026, 1, 1))
    await world.schedule.close_due_periods()
    assert (await world.period()).number == 2


async def test_after_two_months_of_sleep_two_periods_are_closed_without_a_hole(world: World) -> None:
    world.clock.set(utc(2026, 1, 20, 7))
    await world.schedule.close_due_periods()
    rows = await world.rows("SELECT number, start_date, end_date, status FROM raffle_periods ORDER BY number")
    assert [row["status"] for row in rows] == ["ended", "ended", "active"]
    assert [row["start_date"] for row in rows] == [utc(2025, 11, 1), utc(2025, 12, 1), utc(2026, 1, 1)]
    assert [row["end_date"] for row in rows[:-1]] == [row["start_date"] for row in rows[1:]]
    assert len(await world.said()) == 2


async def test_a_server_without_the_bot_is_left_alone_and_caught_up_when_it_is_back(world: World) -> None:
    first = await world.period()
    await world.guilds.leave(GUILD)
    world.clock.set(first.end_date + 40 * DAY)
    await world.schedule.close_due_periods()
    await world.schedule.remind()
    assert (await world.period()).id == first.id
    await world.guilds.ensure(GUILD)
    await world.schedule.close_due_periods()
    assert [row["status"] for row in await world.rows("SELECT status FROM raffle_periods ORDER BY id")] == [
        "ended", "ended", "active",
    ]  # fmt: skip


async def test_a_guild_whose_last_look_hangs_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CLOSING_SECONDS", 0.01)
    answers = asyncio.Event()

    async def look(guild_id: int) -> None:
        if guild_id == GUILD:
            await answers.wait()

    slow = RaffleSchedule(world.db, world.clock, world.guilds, world.beacon.chain, look)
    await world.guilds.ensure(GUILD + 1)
    await slow.open_first(GUILD + 1)
    world.clock.set((await world.period()).end_date)

    async def closed(guild_id: int) -> bool:
        await slow.close_due_periods()
        return bool(
            await world.scalar(
                "SELECT count(*) FROM raffle_periods WHERE guild_id = :g AND status = 'ended'", g=guild_id
            )
        )

    await until(lambda: closed(GUILD + 1))
    assert not await closed(GUILD)
    answers.set()
    await until(lambda: closed(GUILD))
    assert await world.scalar("SELECT count(*) FROM raffle_periods") == 4


async def test_ending_now_opens_the_next_at_this_moment_to_the_normal_end(world: World) -> None:
    ended, opened = await _end_now(world)
    assert ended.end_date == opened.start_date == world.clock.now()
    assert opened.end_date == utc(2025, 12, 1)


async def test_ending_twice_while_the_clock_stands_still_works(world: World) -> None:
    for _ in range(3):
        await _end_now(world)
    assert (await world.period()).number == 4


async def test_only_one_period_is_active(world: World) -> None:
    with pytest.raises(IntegrityError) as refused:
        await world.execute(
            "INSERT INTO raffle_periods (guild_id, number, start_date, end_date, created_at) "
            "VALUES (:g, 9, now(), now(), now())",
            g=world.guild_id,
        )
    assert violated_constraint(refused.value) == "raffle_periods_one_active"


async def test_before_its_first_raffle_a_server_has_nothing_to_convert(db: Database) -> None:
    """It is known a moment before: what runs in between is no failure."""
    world = World(db)
    await world.guilds.load()
    await world.guilds.ensure(GUILD)
    runs = Scheduler(db, world.clock, world.guilds, world.schedule.jobs(), world.schedule.ticks(), 1)
    await runs.tick()
    assert (runs.ticked, runs.failures, runs.last_error) == (1, 0, None)


async def test_an_event_belongs_to_the_period_that_contains_its_time(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    first = await world.period()
    world.clock.set(first.end_date + HOUR)
    await world.schedule.close_due_periods()
    assert await _numbers(world, [first.start_date, first.end_date - TICK, first.end_date]) == [1, 1, 2]
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert await _numbers(world, [first.start_date - TICK]) == [2]
    assert [record.msg for record in caplog.records] == ["event_moved_to_current_period"]


async def test_an_event_of_a_frozen_period_goes_to_the_current_one_and_the_log_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    await world.link(MEMBER, "giver", 71)
    await world.give(MEMBER, 1)
    before = world.clock.now()
    world.clock.advance(MINUTE)
    await world.start_draw()
    with caplog.at_level(logging.WARNING):
        await world.gift(gifted(world.clock, received_at=before))
    assert "event_moved_to_current_period" in [record.msg for record in caplog.records]
    assert (await world.total(MEMBER, await world.period(1)), await world.total()) == (1, 15)


async def test_an_event_of_an_archived_period_goes_to_the_current_one(world: World) -> None:
    before = world.clock.now() - MINUTE
    await _end_now(world, status="archived")
    assert await _numbers(world, [before]) == [2]


async def test_a_gift_of_the_ended_month_that_comes_late_is_paid_there(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    november = await world.period()
    world.clock.set(november.end_date + 3 * SECOND)
    await world.schedule.close_due_periods()
    await world.gift(gifted(world.clock, received_at=november.end_date - SECOND))
    assert (await world.total(MEMBER, november), await world.total()) == (15, 0)


async def test_the_months_turn_is_announced_with_what_waits(world: World) -> None:
    await world.give(MEMBER, 5)
    world.clock.set(utc(2025, 12, 1))
    await world.schedule.close_due_periods()
    (message,) = await world.said()
    assert "period.started" in message.embeds[0].title
    assert "period.undrawn" in message.embeds[0].description
    await world.start_draw(await world.period(1))
    await world.finish()
    world.clock.set(utc(2026, 1, 1))
    await world.schedule.close_due_periods()
    assert "period.last_winner[1]" in (await world.said())[-1].embeds[0].description


async def test_a_guild_without_a_raffle_is_left_alone(world: World) -> None:
    await world.guilds.ensure(77)
    world.clock.advance(60 * DAY)
    await world.schedule.close_due_periods()
    with pytest.raises(UserError) as refused:
        async with world.db.transaction() as conn:
            await periods.active(conn, 77)
    assert refused.value.key == "raffle.not_open_yet"


async def test_an_unknown_number_is_refused(world: World) -> None:
    with pytest.raises(UserError) as refused:
        await world.period(7)
    assert (refused.value.key, refused.value.args_) == ("raffle.no_such_period", {"number": "7"})


async def _end_now(world: World, status: str = "ended") -> tuple[Period, Period]:
    async with world.db.transaction() as conn:
        current = await periods.active(conn, world.guild_id, for_update=True)
        return await periods.end_now(
            conn, world.clock, world.settings, current, world.schedule.last_call, status=status
        )


async def _numbers(world: World, moments: list[datetime]) -> list[int]:
    async with world.db.transaction() as conn:
        return [(await periods.for_event(conn, world.guild_id, moment)).number for moment in moments]
