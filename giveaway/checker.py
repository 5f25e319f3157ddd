"""The clock's side of giveaways: whatever is due is done, however late, each act in a transaction of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from core import outbox, reserves
from core.attendance import Attendance
from core.db import Database, log_failure
from core.errors import NotReady
from core.reserves import Look
from giveaway import announcements, giveaway_system, presets, store, winners
from giveaway.ending import Ending
from giveaway.facts import Members, Tools
from giveaway.models import Giveaway
from giveaway.vanished import Vanished
from giveaway.winners import WinnerRoles

log = logging.getLogger(__name__)

CHECK_SECONDS, LEAST_SECONDS, DISCORD_SECONDS = 30.0, 0.2, 5.0
MESSAGE_EVERY, MESSAGE_POLL_SECONDS = timedelta(seconds=5), 1.0


class GiveawayChecker:
    """Looks every 30 seconds and at the very moment of the next due time.

    What asks Discord something runs beside the look, which waits for it a few seconds only: a server that does not
    answer keeps nobody else's giveaway from ending.
    """

    def __init__(
        self, db: Database, tools: Tools, members: Members, ending: Ending, roles: WinnerRoles, attendance: Attendance
    ) -> None:  # fmt: skip
        self._attendance = attendance
        self._db = db
        self._tools = tools
        self._members = members
        self._ending = ending
        self._roles = roles
        self._vanished = Vanished(db, tools, members)
        self._changed: set[int] = set()
        self._all_changed = False
        self._woken = asyncio.Event()
        self._apart: dict[tuple[str, int, int], asyncio.Task[bool]] = {}
        self.last_check: datetime | None = None
        self.last_error: str | None = None

    def wake(self) -> None:
        """Something changed that may be due sooner (created, edited, resumed, ended by hand)."""
        self._woken.set()

    def guild_changed(self, guild_id: int) -> None:
        """Roles or channels of the server may have been deleted: what its giveaways name is looked at."""
        self._changed.add(guild_id)
        self.wake()

    def guilds_changed(self) -> None:
        """The same for all servers, after a time in which nobody was told."""
        self._all_changed = True
        self.wake()

    async def _look_for_vanished(self) -> None:
        changed, everywhere = self._changed, self._all_changed
        self._changed, self._all_changed = set(), False
        if everywhere:
            async with self._db.transaction() as conn:
                changed |= await store.guilds_with_open(conn)
        self._changed |= {guild_id for guild_id in changed if not await self._vanished.look(guild_id)}

    async def run(self) -> None:
        """For ever: check, then sleep until something is due."""
        try:
            while True:
                self._woken.clear()
                await self.check()
                await self._sleep(await self._seconds_to_next())
        finally:
            for task in self._apart.values():
                task.cancel()

    async def _sleep(self, seconds: float) -> None:
        waits = [asyncio.create_task(self._tools.clock.sleep(seconds)), asyncio.create_task(self._woken.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _seconds_to_next(self) -> float:
        async with self._db.transaction() as conn:
            due = await store.next_due(conn)
        if due is None:
            return CHECK_SECONDS
        left = (due - self._tools.clock.now()).total_seconds()
        # Something that stays due has just failed: the fault is logged, and the regular look comes back to it.
        return CHECK_SECONDS if left <= 0 else min(max(left, LEAST_SECONDS), CHECK_SECONDS)

    async def check(self) -> int:
        """Do everything that is due; a failing act is logged and comes again. How many acts were done."""
        self.last_error = None
        await self._look_for_vanished()
        now = self._tools.clock.now()
        done = 0
        async with self._db.transaction() as conn:
            starting, ending = await store.due_to_start(conn, now), await store.due_to_end(conn, now)
        for giveaway_id in starting:
            done += await self._guarded("start", giveaway_id, partial(self._start, giveaway_id))
        for giveaway_id in ending:
            done += await self._guarded("end", giveaway_id, partial(self._end, giveaway_id))
        async with self._db.transaction() as conn:
            closed, unclaimed = await store.ending(conn), await winners.overdue_claims(conn, now)
        for giveaway_id in closed:
            self._begin(("freeze", giveaway_id, 0), partial(self._ending.freeze, giveaway_id))
        if not await self._attendance.there():
            unclaimed = []
        for guild_id, giveaway_id, user_id in unclaimed:
            self._begin(("lapse", giveaway_id, user_id), partial(self._lapse, guild_id, giveaway_id, user_id))
        self._begin(("roles", 0, 0), self._settle_roles)
        done += await self._settled()
        self.last_check = self._tools.clock.now()
        return done

    def _begin(self, key: tuple[str, int, int], work: Callable[[], Awaitable[bool]]) -> None:
        """Start the act beside the others, unless an earlier look started it and it still runs."""
        if key not in self._apart:
            self._apart[key] = asyncio.create_task(self._guarded(key[0], key[1], work))

    async def _settled(self) -> int:
        """How many acts came to an end in time; whatever takes longer is left to itself."""
        ended, _running = await asyncio.wait(self._apart.values(), timeout=DISCORD_SECONDS)
        self._apart = {key: task for key, task in self._apart.items() if task not in ended}
        return sum(task.result() for task in ended)

    async def _guarded(self, act: str, giveaway_id: int, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await work()
        except NotReady as error:
            log.info("giveaway_act_waits", extra={"fields": {"act": act, "giveaway": giveaway_id, "for": str(error)}})
            return False
        except Exception as error:  # noqa: BLE001 - logged, and done again at the next look
            log_failure(log, "giveaway_act_failed", error, act=act, giveaway=giveaway_id)
            self.last_error = f"{act} {giveaway_id}: {error!r}"
            return False

    async def _start(self, giveaway_id: int) -> bool:
        async with self._db.transaction() as conn:
            return await giveaway_system.start_if_due(conn, self._tools, giveaway_id) is not None

    async def _end(self, giveaway_id: int) -> bool:
        async with self._db.transaction() as conn:
            row = await store.get(conn, giveaway_id)
            return row is not None and await giveaway_system.end_giveaway(
                conn, self._tools, Giveaway.from_row(row), None
            )

    async def _lapse(self, guild_id: int, giveaway_id: int, user_id: int) -> bool:
        async def act(look: Look) -> bool:
            async with self._db.transaction() as conn:
                return await winners.lapse(conn, self._tools, giveaway_id, user_id, look)

        return await reserves.looked_up(self._members, guild_id, act)

    async def _settle_roles(self) -> bool:
        await self._roles.settle_due()
        return False

    async def run_messages(self) -> None:
        """For ever: keep the count of entries on the messages true, at most one edit each per 5 s."""
        while True:
            await self.refresh_messages()
            await self._tools.clock.sleep(MESSAGE_POLL_SECONDS)

    async def refresh_messages(self) -> int:
        """Queue an edit for every message whose count is not true; how many."""
        tools, now = self._tools, self._tools.clock.now()
        async with self._db.transaction() as conn:
            rows = await store.stale_messages(conn, now, now - MESSAGE_EVERY)
            for row in rows:
                giveaway = Giveaway.from_row(row)
                boosts = await presets.boosts(conn, giveaway.guild_id, now)
                reader = tools.guilds.reader(giveaway.guild_id)
                message = announcements.live(reader, giveaway, row["entries"], boosts)
                await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
        return len(rows)
