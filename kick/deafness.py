"""A connection that answers and tells nothing: live by those who know, and no event of the channel for too long.

Seen on Kick when its own page had moved to another provider: the old one went on answering pings.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import monotonic
from core.kick_events import KickChannelIds, LiveStatus
from kick.socket import KickSocket

WORD_HOLDS = timedelta(minutes=5)
QUIET = ((100, timedelta(minutes=10)), (10, timedelta(minutes=30)), (0, timedelta(hours=2)))
"""How long a stream with at least so many viewers may tell nothing; where their number is not said, as with 10."""
LONGEST = timedelta(hours=12)
REAL_SECONDS = 10.0
"""A clock that was set forward is no silence: this much has to pass besides."""


def patience(viewers: int | None) -> timedelta:
    return next(limit for least, limit in QUIET if (10 if viewers is None else viewers) >= least)


class Deafness:
    """Watches the channels of one socket and does something about those that are silent.

    Each try that does not help doubles the patience with the channel: streams without a word do exist.
    """

    def __init__(self, socket: KickSocket) -> None:
        self._socket = socket
        self._said: dict[KickChannelIds, dict[str, LiveStatus]] = {}
        self._tried: dict[KickChannelIds, tuple[int, datetime]] = {}

    def note(self, ids: KickChannelIds, status: LiveStatus) -> None:
        """What the API or the site says of a channel."""
        self._said.setdefault(ids, {})[status.source] = status

    def troubles(self) -> dict[KickChannelIds, dict[str, str]]:
        """The channels for which something was tried in vain, with what there is to tell of them."""
        return {ids: {"minutes": str(self._minutes(ids))} for ids in self._tried}

    async def look(self, channels: set[KickChannelIds], now: datetime) -> None:
        """Begin anew where nothing was told for too long: connect, or where others are heard, subscribe."""
        self._said = {ids: said for ids, said in self._said.items() if ids in channels}
        self._tried = {ids: tried for ids, tried in self._tried.items() if ids in channels and self._still(ids)}
        silent = [ids for ids in channels if self._is_silent(ids, now)]
        if not silent:
            return
        since = min(self._socket.heard_of(ids)[0] for ids in silent)
        for ids in silent:
            times, first = self._tried.get(ids, (0, self._socket.heard_of(ids)[0]))
            self._tried[ids] = (times + 1, first)
        if self._socket.published_since(since, {ids for ids in channels if ids not in silent}):
            await self._socket.subscribe_anew(silent)
        else:
            self._socket.renew("live, and nothing published")

    def _still(self, ids: KickChannelIds) -> bool:
        """Whether nothing was published since the silence began."""
        return not self._socket.published_since(self._tried[ids][1], {ids})

    def _minutes(self, ids: KickChannelIds) -> int:
        return patience(self._viewers(ids)) // timedelta(minutes=1)

    def _viewers(self, ids: KickChannelIds) -> int | None:
        said = self._said.get(ids, {})
        return next((said[source].viewers for source in ("api", "site") if source in said), None)

    def _is_silent(self, ids: KickChannelIds, now: datetime) -> bool:
        if self._socket.state.status != "connected":
            return False
        fresh = [one for one in self._said.get(ids, {}).values() if timedelta(0) <= now - one.at <= WORD_HOLDS]
        word = next((one for source in ("api", "site") for one in fresh if one.source == source), None)
        if word is None or not word.live:
            return False
        heard, measured = self._socket.heard_of(ids)
        limit = min(patience(word.viewers) * 2 ** self._tried.get(ids, (0, now))[0], LONGEST)
        began = max(heard, word.started_at or heard)
        return now - began >= limit and monotonic() - measured >= REAL_SECONDS
