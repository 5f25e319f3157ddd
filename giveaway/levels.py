"""The bot's own message counter: levels and messages per day, counted in memory and written in batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isqrt
from typing import Protocol

from core.clock import Clock
from core.db import Connection, Database
from giveaway import fact_store as store

FLUSH_SECONDS = 5.0
COUNT_EVERY = timedelta(seconds=60)
LEVEL_STEP = 10
FORGET_ABOVE = 50_000


class Activity(Protocol):
    """Where levels and message counts come from."""

    async def levels(self, conn: Connection, guild_id: int, user_ids: Collection[int]) -> Mapping[int, int]:
        """Levels; who is not in it has level 0."""
        ...

    async def messages(
        self, conn: Connection, guild_id: int, user_ids: Collection[int], days: int, now: datetime
    ) -> Mapping[int, int]:
        """Messages of the last `days` days (today and the days before it, UTC); who is not in it wrote none."""
        ...


def level_of(counted: int) -> int:
    """Level n takes 10 n^2 counted messages: 10, 40, 90 ... 1,000 for level 10, 25,000 for level 50."""
    return isqrt(counted // LEVEL_STEP)


@dataclass
class _Waiting:
    messages: int = 0
    counted: int = 0


class MessageCounter:
    """Counts every message per day; towards the level at most one a minute for a member, so that spam buys nothing."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._waiting: dict[tuple[int, int, date], _Waiting] = {}
        self._last: dict[tuple[int, int], datetime] = {}

    def heard(self, guild_id: int, user_id: int) -> None:
        """A member wrote a message just now."""
        now = self._clock.now()
        waiting = self._waiting.setdefault((guild_id, user_id, now.astimezone(UTC).date()), _Waiting())
        waiting.messages += 1
        last = self._last.get((guild_id, user_id))
        if last is None or now - last >= COUNT_EVERY:
            self._last[guild_id, user_id] = now
            waiting.counted += 1

    async def run(self) -> None:
        """Write what was counted, for ever; on the way out once more."""
        try:
            while True:
                await self._clock.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write the counts in one transaction; when that fails they wait for the next time."""
        self._forget()
        taken, self._waiting = self._waiting, {}
        if not taken:
            return
        rows = [(guild, user, day, w.messages, w.counted) for (guild, user, day), w in taken.items()]
        try:
            async with self._db.transaction() as conn:
                await store.add_messages(conn, rows)
        except BaseException:
            self._put_back(taken)
            raise

    def _put_back(self, taken: Mapping[tuple[int, int, date], _Waiting]) -> None:
        for key, counted in taken.items():
            waiting = self._waiting.setdefault(key, _Waiting())
            waiting.messages += counted.messages
            waiting.counted += counted.counted

    def _forget(self) -> None:
        if len(self._last) > FORGET_ABOVE:
            before = self._clock.now() - COUNT_EVERY
            self._last = {key: at for key, at in self._last.items() if at > before}


class CountedActivity:
    """`Activity` out of what `MessageCounter` wrote."""

    async def levels(self, conn: Connection, guild_id: int, user_ids: Collection[int]) -> Mapping[int, int]:
        counted = await store.counted_messages(conn, guild_id, user_ids)
        return {user: level_of(n) for user, n in counted.items()}

    async def messages(
        self, conn: Connection, guild_id: int, user_ids: Collection[int], days: int, now: datetime
    ) -> Mapping[int, int]:
        since = (now.astimezone(UTC) - timedelta(days=days - 1)).date()
        return await store.messages_since(conn, guild_id, user_ids, since)
