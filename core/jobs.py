"""Scheduled work: a run is a row (guild, job, due_at), done once, however late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from core.clock import Clock
from core.db import Connection, Database, log_failure
from core.guilds import Guilds, GuildSettings
from core.stores import jobs as store

log = logging.getLogger(__name__)

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def last_multiple(now: datetime, seconds: int) -> datetime:
    """The latest moment at or before `now` that is a whole number of `seconds` after the epoch."""
    step = timedelta(seconds=seconds)
    return EPOCH + (now - EPOCH) // step * step


@dataclass(frozen=True, kw_only=True)
class Job:
    """`due` names the latest run that should have happened; `run` does it in the transaction that records it."""

    name: str
    due: Callable[[GuildSettings, datetime], datetime]
    run: Callable[[Connection, GuildSettings, datetime], Awaitable[None]]


Tick = Callable[[], Awaitable[None]]


class Scheduler:
    """APScheduler fires ticks; every tick does what is due by the clock, for every guild.

    `ticks` are called first at every tick: they keep their own account of what they have done.
    """

    def __init__(
        self, db: Database, clock: Clock, guilds: Guilds, jobs: list[Job], ticks: list[Tick], tick_seconds: float
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._jobs = jobs
        self._ticks = ticks
        self._seconds = tick_seconds
        self._done: dict[tuple[int, str], datetime] = {}
        self.ticked = 0
        self.failures = 0
        self.last_tick: datetime | None = None
        self.last_error: str | None = None

    async def run(self) -> None:
        """Tick in this task, so that stopping it stops a tick cleanly; APScheduler only says when."""
        due = asyncio.Event()

        async def say() -> None:
            due.set()

        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(
            say, "interval", seconds=self._seconds, misfire_grace_time=None, coalesce=True, max_instances=1
        )  # fmt: skip
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler.start()
        try:
            while True:
                await due.wait()
                due.clear()
                await self.tick()
        finally:
            scheduler.shutdown(wait=False)

    async def tick(self) -> None:
        """Do everything that is due; a failing job is logged and tried again at the next tick."""
        errors = [await self._guarded("tick", tick) for tick in self._ticks]
        for settings in self._guilds.all():
            for job in self._jobs:
                errors.append(await self._guarded(job.name, partial(self._run_due, job, settings)))
        self.last_error = next((error for error in errors if error), None)
        self.ticked += 1
        self.last_tick = self._clock.now()

    async def _guarded(self, name: str, work: Callable[[], Awaitable[None]]) -> str | None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - logged, and tried again at the next tick
            log_failure(log, "job_failed", error, job=name)
            self.failures += 1
            return f"{name}: {error!r}"
        return None

    async def _run_due(self, job: Job, settings: GuildSettings) -> None:
        now = self._clock.now()
        due_at = job.due(settings, now)
        key = (settings.guild_id, job.name)
        if self._done.get(key) == due_at:
            return
        async with self._db.transaction() as conn:
            if await store.claim(conn, settings.guild_id, job.name, due_at, now):
                await job.run(conn, settings, due_at)
        self._done[key] = due_at
