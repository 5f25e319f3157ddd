"""The app's event subscriptions: what is wanted is there once, what is surplus is deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from core.clock import Clock
from kick.api import ApiFailed, KickApi, Subscription
from kick.webhooks import WANTED_EVENTS

log = logging.getLogger(__name__)

CHECK_EVERY = timedelta(hours=1)
TRY_AGAIN = timedelta(minutes=1)


def differences(
    have: Sequence[Subscription], broadcasters: Iterable[int], events: Sequence[str] = WANTED_EVENTS
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
    """Checks hourly, and at once when the followed broadcasters change."""

    def __init__(self, api: KickApi, clock: Clock, enabled: Callable[[], bool]) -> None:
        self._api = api
        self._clock = clock
        self._enabled = enabled
        self._for: frozenset[int] = frozenset()
        self._next: datetime | None = None
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
            refused = await self._reconcile(broadcasters)
        except ApiFailed as error:
            self.problem = str(error)
            log.warning("kick_subscriptions_unchecked", extra={"error": str(error)})
            return
        self.problem = f"refused: {refused}" if refused else None
        self._next = now + CHECK_EVERY

    async def _reconcile(self, broadcasters: frozenset[int]) -> dict[str, str]:
        missing, surplus = differences(await self._api.subscriptions(), broadcasters)
        refused: dict[str, str] = {}
        for broadcaster, events in missing.items():
            refused |= await self._api.subscribe(broadcaster, events)
        if surplus:
            await self._api.unsubscribe(surplus)
        if missing or surplus:
            log.info("kick_subscriptions_changed", extra={"asked": dict(missing), "deleted": len(surplus)})
        if refused:
            log.warning("kick_subscriptions_refused", extra={"refused": refused})
        return refused
