"""Whether the stream is live: the newest word decides, whoever says it; of equally new ones the official one."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.db import Connection
from core.kick_events import Hosting, LiveSource, LiveStatus
from core.moments import happened
from raffle_system import live_store as store

log = logging.getLogger(__name__)

TRUST: tuple[LiveSource, ...] = ("site", "socket", "api", "webhook")
FRESH = timedelta(minutes=10)
KEEP_EVERY = timedelta(minutes=1)
DECIDED = "decided"

Decision = tuple[bool, LiveSource | None]


@dataclass
class LiveState:
    """What each source said last of one channel.

    `inherited` is what an earlier process had decided; it counts until its moment passes or a source speaks, and for
    the minutes before `restored_at`, whoever speaks. `kept_at` is when our own decision was kept last. `set_aside`
    counts kept words that cannot be true: of a date at which nothing can have happened.
    """

    said: dict[LiveSource, LiveStatus] = field(default_factory=dict)
    hosting_since: datetime | None = None
    inherited: tuple[bool, LiveSource, datetime] | None = None
    decided: Decision = (False, None)
    set_aside: int = 0
    restored_at: datetime | None = None
    kept_at: datetime | None = None

    @property
    def hosting(self) -> bool:
        return self.hosting_since is not None

    def hear(self, event: LiveStatus | Hosting) -> None:
        """Take what a source says, unless it said something newer before: webhooks come late."""
        if isinstance(event, Hosting):
            self.hosting_since = event.at if event.outgoing else None
            return
        known = self.said.get(event.source)
        if known is not None and known.at > event.at:
            return
        self.said[event.source] = event
        if event.live and self._starts_anew(event):
            self.hosting_since = None

    def _starts_anew(self, event: LiveStatus) -> bool:
        """A stream that began after the hosting ends it; one that only goes on does not."""
        if self.hosting_since is None:
            return False
        return event.source == "socket" or (event.started_at is not None and event.started_at > self.hosting_since)

    def forget_socket(self) -> None:
        """The socket was away: it may have missed the end of the stream."""
        self.said.pop("socket", None)

    def decide(self, now: datetime, *, chat_says: bool | None) -> Decision:
        """(live, the source that decided); `chat_says` is the fallback, None where it is off."""
        words = [status for status in self.said.values() if self._holds(status, now)]
        if words:
            newest = max(words, key=lambda status: (status.at, TRUST.index(status.source)))
            return newest.live and not self.hosting, newest.source
        if chat_says:
            return not self.hosting, "chat"
        if self.inherited is not None and now <= self.inherited[2]:
            return self.inherited[0] and not self.hosting, self.inherited[1]
        return False, None if chat_says is None else "chat"

    def was_live(self, minute: datetime, is_live: bool) -> bool:
        """Of a minute that ends at `minute`: as an earlier process saw it, as far as its word reaches; else as now."""
        if self.inherited is None or self.restored_at is None or minute > min(self.inherited[2], self.restored_at):
            return is_live
        return self.inherited[0]

    def _holds(self, status: LiveStatus, now: datetime) -> bool:
        """The socket speaks when something changes, and is forgotten when it was away; other words have an age."""
        return status.source == "socket" or is_fresh(status.at, now)


def is_fresh(at: datetime, now: datetime) -> bool:
    """Whether what was said then, of a state, still says something; clocks may differ a little."""
    return abs(now - at) <= FRESH


async def keep_webhook(conn: Connection, guild_id: int, status: LiveStatus) -> None:
    """Webhooks are told once: the next process has to know, too."""
    await store.keep(conn, guild_id, "webhook", status.live, status.started_at, status.at, "webhook")


def is_worth_keeping(state: LiveState, decision: Decision, now: datetime) -> bool:
    """Whenever it changes, and once a minute, so that the next process knows how old it is."""
    return decision != state.decided or state.kept_at is None or abs(now - state.kept_at) >= KEEP_EVERY


async def keep_decision(conn: Connection, guild_id: int, live: bool, source: LiveSource, now: datetime) -> None:
    """For the process that comes after, until its own sources have spoken."""
    await store.keep(conn, guild_id, DECIDED, live, None, now, source)


async def restore(conn: Connection, guild_id: int, state: LiveState, now: datetime) -> None:
    """What earlier processes kept."""
    state.restored_at = now
    for row in await store.all_of(conn, guild_id):
        if not happened(row["at"], now):
            state.set_aside += 1
            log.warning("kick_live_set_aside", extra={"guild": guild_id, "source": row["source"], "at": row["at"]})
        elif row["source"] == DECIDED:
            state.inherited = (row["live"], row["said_by"], row["at"] + FRESH)
        elif is_fresh(row["at"], now):
            started = row["started_at"] if row["started_at"] and happened(row["started_at"], now) else None
            state.hear(LiveStatus(None, None, row["live"], "webhook", started, row["at"]))


async def kept_decision(conn: Connection, guild_id: int, now: datetime) -> tuple[bool, datetime] | None:
    """(live, since when) as an earlier process had decided last; None where none ever did."""
    kept = await store.all_of(conn, guild_id)
    rows = [row for row in kept if row["source"] == DECIDED and happened(row["at"], now)]
    return (rows[0]["live"], rows[0]["at"]) if rows else None
