"""Acts: what somebody asked for changes things once, and the answer is true even where a COMMIT's answer was lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from core.clock import Clock
from core.db import Connection, Database, UnknownOutcome, is_away, was_deadlock
from core.stores import acts as store

log = logging.getLogger(__name__)

# How long a server that was lost may take to come back; Discord waits a quarter of an hour for an answer.
PATIENCE_SECONDS, RETRY_SECONDS = 30.0, 0.25

T = TypeVar("T")
Outcome = dict[str, Any]
Work = Callable[[Connection], Awaitable[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Act:
    """`key` names the request for ever (the interaction's or message's id with the act's name)."""

    key: str
    name: str
    guild_id: int | None
    actor: int | None


class Acts:
    """Does each act in one transaction that also stores its key and outcome."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def do(self, act: Act, work: Work) -> Outcome:
        """The outcome of `work`, or the stored one where the request was carried out before.

        `work` changes the database alone: it may run twice, in transactions of which at most one stands. Errors:
        those of `work` and of an unreachable server, nothing being changed then; `UnknownOutcome` where COMMIT's
        answer was lost and the server did not come back in time.
        """
        try:
            return await self._undisturbed(act, work)
        except UnknownOutcome as error:
            log.warning("act_outcome_unknown", extra={"act": act.name, "key": act.key})
            # Under the same key: whichever of the two transactions stands, the other one sees it.
            return await _again(lambda: self._undisturbed(act, work), error)

    async def _undisturbed(self, act: Act, work: Work) -> Outcome:
        """Of two that wait for each other PostgreSQL undoes one: it changed nothing, and the other goes on."""
        try:
            return await self._once(act, work)
        except Exception as error:
            if not was_deadlock(error):
                raise
            log.warning("act_deadlocked", extra={"act": act.name, "key": act.key})
        return await self._once(act, work)

    async def _once(self, act: Act, work: Work) -> Outcome:
        async with self._db.transaction() as conn:
            if not await store.begin(conn, act.key, act.name, act.guild_id, act.actor, self._clock.now()):
                return await store.result_of(conn, act.key)
            outcome = await work(conn)
            await store.finish(conn, act.key, outcome)
        return outcome

    async def repeat(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """For single statements that may be done twice, such as an entry: done again where their answer was lost.

        Errors: those of `work`; the server's own where it was never reached; `UnknownOutcome` where it stays away.
        """
        reached = False

        async def once() -> T:
            nonlocal reached
            async with self._db.statements() as conn:
                reached = True
                return await work(conn)

        try:
            return await once()
        except Exception as error:
            if not (reached and is_away(error)):
                raise
            lost = UnknownOutcome("the connection was lost during a statement")
            lost.__cause__ = error
        return await _again(once, lost)


async def _again(once: Callable[[], Awaitable[T]], lost: UnknownOutcome) -> T:
    """The result as soon as the server is back; `lost` where it stays away. One that is only slow was never lost."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await once()
                except Exception as error:
                    if not is_away(error):
                        raise
                await asyncio.sleep(RETRY_SECONDS)
    except TimeoutError:
        raise lost from None
