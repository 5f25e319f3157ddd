"""The chance of any prize, in giveaways of several winners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from core.chances import Chances, counted_beside
from core.db import Connection
from giveaway import entities, entry_store
from giveaway.models import Giveaway

FEW, FRESH = 20, timedelta(seconds=10)


class Odds:
    """How entries are spread is looked up at most every ten seconds: a press costs no more with 100,000 entrants.

    In a short list at every press, where each entrant changes much.
    """

    def __init__(self) -> None:
        self._spread: dict[int, tuple[datetime, Mapping[int, int]]] = {}

    async def of(self, conn: Connection, giveaway: Giveaway, entries: int, tickets: int, now: datetime) -> Chances:
        """Of a giveaway with so many entrants and tickets together."""
        if giveaway.winners_count == 1:
            return Chances({tickets: 1}, 1)
        if not giveaway.entities.enabled:
            return Chances({1: entries}, giveaway.winners_count)
        holders = await self._of_points(conn, giveaway.giveaway_id, entries, now)
        return await counted_beside(holders, giveaway.winners_count)

    async def _of_points(self, conn: Connection, giveaway_id: int, entries: int, now: datetime) -> Mapping[int, int]:
        known = self._spread.get(giveaway_id)
        if known is not None and entries > FEW and now - known[0] < FRESH:
            return known[1]
        points = await entry_store.spread(conn, giveaway_id)
        holders = {entities.tickets_for(held): members for held, members in points.items()}
        self._spread = {number: kept for number, kept in self._spread.items() if now - kept[0] < FRESH}
        self._spread[giveaway_id] = now, holders
        return holders
