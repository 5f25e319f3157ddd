"""The app's event subscriptions: what is wanted is there once, what is surplus is deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from core.clock import Clock
from core.db import is_away
from core.kick_events import KickSubscription
from kick.api import ApiFailed, KickApi
from kick.webhooks import WANTED_EVENTS

log = logging.getLogger(__name__)

CHECK_EVERY = timedelta(hours=1)
TRY_AGAIN = timedelta(minutes=1)
SETTLING_SECONDS = 5.0
NOT_LISTED = "Kick made the subscription and does not list it"

Key = tuple[int, str]
Problems = Mapping[int, Mapping[str, str]]
Remember = Callable[[Sequence[KickSubscription]], Awaitable[None]]
Tell = Callable[[Problems], Awaitable[None]]


def differences(
    have: Sequence[KickSubscription], broadcasters: Iterable[int], events: Sequence[str] = WANTED_EVENTS
) -> tuple[Mapping[int, tuple[str, ...]], tuple[str, ...]]:
    """(events to ask for by broadcaster, ids to delete): of doubles the oldest stays, events we do not read go.

    Subscriptions of broadcasters that nobody follows here are surplus too: the app serves this bot alone.
    """
    wanted = {(one, event) for one in broadcasters for event in events}
    kept: set[tuple[int, str]] = set()
    surplus: list[str] = []
    for one in have:
        key = (one.broadcaster_user_id, one.event)
        if key in wanted and key not in kept:
            kept.add(key)
        else:
            surplus.append(one.id)
    missing: dict[int, tuple[str, ...]] = {}
    for broadcaster in sorted({one for one, _event in wanted - kept}):
        missing[broadcaster] = tuple(event for event in events if (broadcaster, event) in wanted - kept)
    return missing, tuple(surplus)


class Subscriptions:
    """Checks hourly, and at once when the followed broadcasters change.

    `remember` keeps which ones are ours; `tell` hears after every check what each broadcaster lacks, event by event,
    and why. What Kick says it made has to stand in its next list: people saw answers of 200 that made nothing.
    """

    def __init__(
        self, api: KickApi, clock: Clock, enabled: Callable[[], bool], remember: Remember, tell: Tell
    ) -> None:  # fmt: skip
        self._api = api
        self._clock = clock
        self._enabled = enabled
        self._remember = remember
        self._tell = tell
        self._for: frozenset[int] = frozenset()
        self._next: datetime | None = None
        self._asked: dict[Key, tuple[datetime, str]] = {}
        self._busy = asyncio.Lock()
        self.problem: str | None = None

    async def keep(self, broadcasters: frozenset[int]) -> None:
        """Make them so, if it is time; a failure is kept in `problem` and tried again in a minute."""
        now = self._clock.now()
        if not broadcasters or not self._enabled():
            return
        if broadcasters == self._for and self._next is not None and now < self._next:
            return
        self._for, self._next = broadcasters, now + TRY_AGAIN
        try:
            async with self._busy:
                settled, problems = await self._reconcile(broadcasters, now)
            await self._tell(problems)
        except ApiFailed as error:
            self.problem = str(error)
            log.warning("kick_subscriptions_unchecked", extra={"error": str(error)})
            return
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("kick_subscriptions_not_kept", extra={"error": repr(error)})
            return
        self.problem = "; ".join(f"{event}: {why}" for whys in problems.values() for event, why in whys.items()) or None
        if settled:
            self._next = now + CHECK_EVERY

    async def settled(self) -> None:
        """Return when no subscription is being made: a delivery may be faster than our own note of its id."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLING_SECONDS), self._busy:
                return

    async def _reconcile(self, broadcasters: frozenset[int], now: datetime) -> tuple[bool, Problems]:
        """(whether all is as it should be, what is missing and why)."""
        have = await self._api.subscriptions()
        await self._remember(have)
        missing, surplus = differences(have, broadcasters)
        lacking = {(one, event) for one, events in missing.items() for event in events}
        self._asked = {key: asked for key, asked in self._asked.items() if key in lacking}
        problems: dict[int, dict[str, str]] = {}
        asked = False
        for one, events in missing.items():
            again = [event for event in events if self._may_ask((one, event), now)]
            problems[one] = {event: self._asked[one, event][1] for event in events if (one, event) in self._asked}
            if again:
                asked = True
                problems[one] |= await self._ask(one, again, now)
        if surplus:
            await self._api.unsubscribe(surplus)
        if asked or surplus:
            log.info("kick_subscriptions_changed", extra={"asked": dict(missing), "deleted": len(surplus)})
        problems = {one: whys for one, whys in problems.items() if whys}
        if problems:
            log.warning("kick_subscriptions_missing", extra={"missing": problems})
        return not missing, problems

    def _may_ask(self, key: Key, now: datetime) -> bool:
        """Once an hour for each: Kick takes the same subscription as often as it is asked for."""
        return key not in self._asked or now - self._asked[key][0] >= CHECK_EVERY

    async def _ask(self, broadcaster: int, events: Sequence[str], now: datetime) -> dict[str, str]:
        """Subscribe; why not, by event. What was made is a problem only if the next list lacks it."""
        made, refused = await self._api.subscribe(broadcaster, events)
        await self._remember(made)
        for event in events:
            self._asked[broadcaster, event] = now, refused.get(event, NOT_LISTED)
        return refused
