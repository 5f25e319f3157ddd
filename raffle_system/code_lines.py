"""Link codes typed in the chat, looked up together: a flood of lines that look like codes stands in nobody's way."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from itertools import islice

from core import identity
from core.clock import Clock
from core.db import Database, is_away
from raffle_system.linking import Linking

log = logging.getLogger(__name__)

BATCH = 500
MOST_WAITING = 20_000
MOST_OF_ONE = 3
AWAY_SECONDS = 1.0

Line = tuple[int, int, str]


class CodeLines:
    """What was typed and not looked up yet: at most three codes of one account, and 20,000 altogether.

    `counters` tells how many were wrong, and how many were too many to be looked up.
    """

    def __init__(self, db: Database, clock: Clock, linking: Linking, counters: Counter[str]) -> None:
        self._db = db
        self._clock = clock
        self._linking = linking
        self._counters = counters
        self._lines: dict[Line, str] = {}
        self._of_one: Counter[tuple[int, int]] = Counter()
        self._typed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._lines)

    def typed(self, guild_id: int, code: str, kick_user_id: int, kick_name: str) -> None:
        """Somebody typed what looks like a code; never waits."""
        line = (guild_id, kick_user_id, code)
        if line in self._lines:
            return
        if self._of_one[guild_id, kick_user_id] >= MOST_OF_ONE or len(self._lines) >= MOST_WAITING:
            self._counters["code not looked up"] += 1
            return
        self._lines[line] = kick_name
        self._of_one[guild_id, kick_user_id] += 1
        self._typed.set()

    async def run(self) -> None:
        """Look up what was typed, for ever."""
        while True:
            await self._typed.wait()
            try:
                await self.look_up()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("kick_codes_wait_for_database", extra={"error": repr(error)})
                await asyncio.sleep(AWAY_SECONDS)

    async def look_up(self) -> None:
        """Link those who typed a code that is good; one question for all that wait, up to 500."""
        batch = list(islice(self._lines.items(), BATCH))
        async with self._db.transaction() as conn:
            typed = [(guild_id, code) for (guild_id, _user, code), _name in batch]
            good = await identity.good_codes(conn, typed, self._clock.now())
        for (guild_id, user_id, code), name in batch:
            if (guild_id, code) in good:
                await self._link(guild_id, code, user_id, name)
            self._done((guild_id, user_id, code))
        wrong = sum((guild_id, code) not in good for (guild_id, _user, code), _name in batch)
        if wrong:
            self._counters["wrong code"] += wrong
            log.info("kick_codes_wrong", extra={"codes": wrong})

    async def _link(self, guild_id: int, code: str, kick_user_id: int, kick_name: str) -> None:
        try:
            async with self._db.transaction() as conn:
                await self._linking.by_code(conn, guild_id, code, kick_user_id, kick_name)
        except Exception as error:
            if is_away(error):
                raise
            log.exception("kick_code_failed", extra={"guild": guild_id, "kick_user": kick_user_id})

    def _done(self, line: Line) -> None:
        del self._lines[line]
        self._of_one[line[:2]] -= 1
        if not self._of_one[line[:2]]:
            del self._of_one[line[:2]]
        if not self._lines:
            self._typed.clear()
