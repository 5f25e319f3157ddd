"""Scheduled work: each run once, however late, and again only when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from core.db import Connection, Database
from core.guilds import GuildSettings
from core.jobs import Job, Scheduler, last_multiple
from tests.patience import patient
from tests.raffle.support import GUILD, HOUR, MINUTE, World

HOURLY = 3600


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db).open()
    await db.close()


class Runs:
    """A job that writes down its runs in its own transaction, and fails while it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, datetime]] = []
        self.fail = False

    async def run(self, conn: Connection, settings: GuildSettings, due_at: datetime) -> None:
        await conn.execute(
            text("INSERT INTO process_state VALUES (:key, '')"), {"key": f"{settings.guild_id}/{due_at}"}
        )  # fmt: skip
        if self.fail:
            raise RuntimeError("not now")
        self.seen.append((settings.guild_id, due_at))

    def job(self, name: str = "hourly") -> Job:
        return Job(name=name, due=lambda _settings, now: last_multiple(now, HOURLY), run=self.run)


def scheduler(world: World, *jobs: Job) -> Scheduler:
    return Scheduler(world.db, world.clock, world.guilds, list(jobs), [], 1)


def test_due_times_are_whole_multiples() -> None:
    at = datetime(2025, 11, 3, 12, 34, 56, tzinfo=UTC)
    assert last_multiple(at, HOURLY) == datetime(2025, 11, 3, 12, tzinfo=UTC)
    assert last_multiple(at, 900) == datetime(2025, 11, 3, 12, 30, tzinfo=UTC)
    assert last_multiple(datetime(2025, 11, 3, tzinfo=UTC), 86_400) == datetime(2025, 11, 3, tzinfo=UTC)


async def test_a_run_happens_once_whatever_ticks_and_restarts(world: World) -> None:
    runs = Runs()
    first = scheduler(world, runs.job())
    for _ in range(3):
        await first.tick()
    await scheduler(world, runs.job()).tick()
    assert runs.seen == [(GUILD, world.clock.now())]
    world.clock.advance(HOUR - MINUTE)
    await first.tick()
    assert len(runs.seen) == 1
    world.clock.advance(MINUTE)
    await first.tick()
    assert len(runs.seen) == 2


async def test_two_processes_at_once_run_it_once(world: World) -> None:
    runs = Runs()
    await asyncio.gather(*(scheduler(world, runs.job()).tick() for _ in range(4)))
    assert len(runs.seen) == 1


async def test_after_a_sleep_the_latest_run_is_done_at_once(world: World) -> None:
    runs = Runs()
    made = scheduler(world, runs.job())
    await made.tick()
    world.clock.advance(49 * HOUR + 17 * MINUTE)
    await made.tick()
    assert [due for _guild, due in runs.seen][1] == last_multiple(world.clock.now(), HOURLY)


async def test_a_failing_run_is_rolled_back_and_tried_again(world: World) -> None:
    runs, calm = Runs(), Runs()
    made = scheduler(world, runs.job(), Job(name="calm", due=runs.job().due, run=calm.run))
    runs.fail = True
    await made.tick()
    assert (runs.seen, len(calm.seen)) == ([], 1)
    assert made.last_error == "hourly: RuntimeError('not now')"
    assert await world.rows("SELECT job FROM job_runs") == [{"job": "calm"}]
    assert await world.scalar("SELECT count(*) FROM process_state") == 1
    runs.fail = False
    await world.execute("DELETE FROM process_state")
    await made.tick()
    assert (len(runs.seen), made.last_tick) == (1, world.clock.now())
    assert not made.last_error


async def test_every_guild_has_runs_of_its_own(world: World) -> None:
    await world.guilds.ensure(GUILD + 1)
    runs = Runs()
    await scheduler(world, runs.job()).tick()
    assert [guild for guild, _due in runs.seen] == [GUILD, GUILD + 1]


async def test_ticks_come_first_and_a_failing_one_stops_nothing(world: World) -> None:
    order: list[str] = []
    runs = Runs()

    async def bad() -> None:
        order.append("bad")
        raise RuntimeError("tick")

    async def good() -> None:
        order.append(f"good {len(runs.seen)}")

    made = Scheduler(world.db, world.clock, world.guilds, [runs.job()], [bad, good], 1)
    await made.tick()
    assert (order, len(runs.seen)) == (["bad", "good 0"], 1)
    assert made.last_error == "tick: RuntimeError('tick')"


async def test_it_ticks_by_itself_until_it_is_stopped(world: World) -> None:
    ticked = asyncio.Event()

    async def tick() -> None:
        ticked.set()

    task = asyncio.create_task(Scheduler(world.db, world.clock, world.guilds, [], [tick], 0.02).run())
    await asyncio.wait_for(ticked.wait(), patient(20))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_conversion_is_due_by_the_guilds_interval(world: World) -> None:
    (job,) = [job for job in world.schedule.jobs() if job.name == "conversion"]
    at = world.clock.now() + timedelta(minutes=59)
    assert job.due(world.settings, at) == world.clock.now()
    await world.set("watchtime_conversion_interval", 600)
    assert job.due(world.settings, at) == world.clock.now() + timedelta(minutes=50)
