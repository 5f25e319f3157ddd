"""When the bot was not there: time in which nobody could press a button counts against nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from core import process_state
from core.clock import Clock
from core.db import Connection, Database
from core.moments import read_moment

log = logging.getLogger(__name__)

LOOK_SECONDS, NOTE_EVERY = 5.0, timedelta(seconds=10)
WORTH_COUNTING, WORTH_TELLING = timedelta(minutes=1), timedelta(minutes=5)
_KEY = "last_there"


class Deadlines(Protocol):
    """A feature in which people have to press something in time."""

    async def extend(self, conn: Connection, since: datetime, guild_id: int | None) -> None:
        """Move what ran out after `since` on by the time from then to now, and say so; in one guild, or in all."""
        ...


class Attendance:
    """Knows since when the bot was away: no process, no connection to Discord, no database."""

    def __init__(
        self, db: Database, clock: Clock, connected: Callable[[], bool], features: Sequence[Deadlines]
    ) -> None:
        self._db = db
        self._clock = clock
        self._connected = connected
        self._features = features
        self._lock = asyncio.Lock()
        self._there_at: datetime | None = None
        self._away_since: datetime | None = None

    async def run(self) -> None:
        while True:
            await self.there()
            await self._clock.sleep(LOOK_SECONDS)

    async def there(self, *, pressed: bool = False) -> bool:
        """Whether people are answered now (`pressed`: somebody has just pressed something).

        Before it is said for the first time after an absence, every deadline has been moved. Within one life of a
        process that was connected all along, a clock that jumps is no absence.
        """
        async with self._lock:
            if not pressed and not self._connected():
                self._away_since = self._away_since or self._there_at
                self._there_at = None
                return False
            try:
                await self._note(self._clock.now())
            except Exception:
                self._away_since = self._away_since or self._there_at
                self._there_at = None
                raise
            return True

    async def _note(self, now: datetime) -> None:
        if self._there_at is not None and timedelta(0) <= now - self._there_at < NOTE_EVERY:
            return
        async with self._db.transaction() as conn:
            if self._there_at is None:
                await self._return(conn, now)
            await process_state.put(conn, _KEY, now.isoformat())
        self._there_at, self._away_since = now, None

    async def _return(self, conn: Connection, now: datetime) -> None:
        kept = await process_state.get(conn, _KEY)
        since = self._away_since or read_moment(kept, now)
        if since is None or now - since < WORTH_COUNTING:
            return
        for feature in self._features:
            await feature.extend(conn, since, None)
        log.warning("absence_counted", extra={"since": since.isoformat(), "seconds": (now - since).total_seconds()})

    async def returned(self, conn: Connection, guild_id: int, since: datetime) -> None:
        """The bot was out of a guild from `since` until now."""
        for feature in self._features:
            await feature.extend(conn, since, guild_id)
