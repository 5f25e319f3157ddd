"""What the raffle does by itself, and when: conversion and the month's end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from core import draws, outbox
from core.beacon import BeaconChain
from core.clock import Clock
from core.db import Connection, Database, log_failure
from core.errors import NotReady, UserError
from core.guilds import Guilds, GuildSettings
from core.jobs import Job, Tick, last_multiple
from core.stores import jobs
from raffle_system import announcements, draw, entrants, month_ends, periods, store, watchtime_converter
from raffle_system.draw import DrawRequest
from raffle_system.entrants import Present
from raffle_system.models import Period

log = logging.getLogger(__name__)

AT_ONCE, CLOSING_SECONDS = 40, 2.0
AUTO_DRAW, PATIENCE = "auto-draw", timedelta(minutes=10)


class RaffleSchedule:
    """The raffle's scheduled work; each piece is one transaction with its announcement."""

    def __init__(
        self, db: Database, clock: Clock, guilds: Guilds, chain: BeaconChain,
        last_look: Callable[[int], Awaitable[None]] | None = None, present: Callable[[int], Present] | None = None,
    ) -> None:  # fmt: skip
        """`last_look` asks the outside world for what still belongs to a period that is about to end, in short time.

        `present` knows who is in a guild now; NotReady while it cannot tell.
        """
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._chain = chain
        self._last_look = last_look
        self._present = present
        self._closing: dict[int, asyncio.Task[None]] = {}

    def jobs(self) -> list[Job]:
        return [Job(name="conversion", due=_conversion_due, run=self._convert)]

    def ticks(self) -> list[Tick]:
        return [self.close_due_periods, self.draw_put_off, self.remind]

    async def open_first(self, guild_id: int) -> None:
        """Open the raffle of a guild that has none yet."""
        async with self._db.transaction() as conn:
            await periods.open_first(conn, self._clock, self._guilds.get(guild_id))

    async def close_due_periods(self) -> None:
        """Close every period whose end has passed, however late this runs.

        A guild whose feeds answer slowly holds up no other: what takes longer than a moment goes on by itself.
        """
        async with self._db.transaction() as conn:
            over = await store.guilds_over(conn, self._clock.now())
        for guild_id in over:
            if self._guilds.present(guild_id) and guild_id not in self._closing and len(self._closing) < AT_ONCE:
                self._closing[guild_id] = asyncio.create_task(self._close(self._guilds.get(guild_id)))
        if not self._closing:
            return
        ended, _running = await asyncio.wait(self._closing.values(), timeout=CLOSING_SECONDS)
        self._closing = {guild: task for guild, task in self._closing.items() if task not in ended}
        results = await asyncio.gather(*ended, return_exceptions=True)
        failed = [error for error in results if isinstance(error, Exception)]
        for error in failed[1:]:
            log_failure(log, "period_not_closed", error)
        if failed:
            raise failed[0]

    async def _close(self, settings: GuildSettings) -> None:
        """One period after another."""
        while await self._close_one(settings):
            pass

    async def last_call(self, conn: Connection, settings: GuildSettings, period: Period) -> None:
        """What still belongs to a period, before it ends: paid, and told as every hour's."""
        await self._pay(conn, settings, period)

    async def _pay(self, conn: Connection, settings: GuildSettings, period: Period) -> None:
        paid = await watchtime_converter.convert(conn, settings, period, self._clock.now())
        reader = self._guilds.reader(settings.guild_id)
        message = announcements.conversion(reader, paid, settings.ticket_notification_threshold)
        if message is not None:
            await outbox.post(conn, self._clock, settings.guild_id, settings.announcement_channel_id, message)

    def _here(self, guild_id: int) -> Present:
        """For what cannot wait: None, so that nobody is left out, where nobody can tell."""
        try:
            return self._present(guild_id) if self._present is not None else None
        except NotReady:
            return None

    async def draw_put_off(self) -> None:
        """The automatic draws that waited for somebody who can tell who is still in the server."""
        async with self._db.reading() as conn:
            rows = await store.put_off(conn, AUTO_DRAW, self._clock.now() - timedelta(hours=1))
        for period in (Period(**row) for row in rows):
            settings = self._guilds.find(period.guild_id)
            if settings is not None and self._guilds.present(period.guild_id):
                async with self._db.transaction() as conn:
                    await self._draw(conn, settings, period)

    async def _convert(self, conn: Connection, settings: GuildSettings, due_at: datetime) -> None:
        for ended in await periods.lately_ended(conn, self._clock, settings.guild_id):
            await self._pay(conn, settings, ended)
        running = await periods.held_open_if_any(conn, settings.guild_id)
        if running is not None:  # a server that has just invited the bot is known a moment before its raffle
            await self._pay(conn, settings, running)

    async def remind(self) -> None:
        """Remind every guild of an end that is near."""
        for settings in self._guilds.all():
            async with self._db.transaction() as conn:
                here = self._here(settings.guild_id)
                await month_ends.remind(conn, self._clock, self._guilds, settings, here)

    async def look_before_end(self, guild_id: int) -> None:
        """To be called before the transaction that ends a period, and outside of any."""
        if self._last_look is not None:
            await self._last_look(guild_id)

    async def _close_one(self, settings: GuildSettings) -> bool:
        async with self._db.transaction() as conn:
            row = await store.active(conn, settings.guild_id)
        if row is None or self._clock.now() < row["end_date"]:
            return False
        await self.look_before_end(settings.guild_id)
        async with self._db.transaction() as conn:
            turned = await periods.end_if_due(conn, self._clock, settings, self.last_call)
            if turned is None:
                return False
            ended, opened = turned
            if settings.auto_draw_on_reset:
                ended = await self._draw(conn, settings, ended)
            await self._announce(conn, settings, ended, opened)
        return True

    async def _draw(self, conn: Connection, settings: GuildSettings, ended: Period) -> Period:
        """AUTO_DRAW_ON_RESET: freeze at once; a month in which nobody took part has no draw.

        After a start at the month's end Discord is not there yet: the draw is put off for ten minutes at most.
        """
        now, here = self._clock.now(), None
        try:
            here = self._present(settings.guild_id) if self._present is not None else None
        except NotReady:
            if ended.ended_at is not None and now - ended.ended_at < PATIENCE:
                await jobs.claim(conn, settings.guild_id, AUTO_DRAW, ended.end_date, now)
                return ended
        request = DrawRequest(actor=None, channel_id=None, prize="", present=here)
        try:
            async with conn.begin_nested():
                started = await draw.start(
                    conn, self._clock, settings, self._chain, self._guilds, ended.id, request, self.last_call
                )
        except UserError:
            return ended
        return started.period

    async def _announce(self, conn: Connection, settings: GuildSettings, ended: Period, opened: Period) -> None:
        ended = await periods.by_id(conn, ended.id)
        waiting = await entrants.undrawn(conn, settings, self._here(settings.guild_id))
        # Where the ended one is being drawn, its winner is announced in a moment: an older one would be taken for it.
        last = await draw.last_draw(conn, settings.guild_id) if ended.frozen_at is None else None
        reader = self._guilds.reader(settings.guild_id)
        message = announcements.new_period(reader, settings, ended, opened, last, waits=ended in waiting)
        await outbox.post(conn, self._clock, settings.guild_id, settings.announcement_channel_id, message)

    async def waiting(self) -> int:
        """How many draws are frozen and wait for their round."""
        async with self._db.transaction() as conn:
            return len(await draws.waiting_draws(conn))


def _conversion_due(settings: GuildSettings, now: datetime) -> datetime:
    return last_multiple(now, settings.watchtime_conversion_interval)
