"""Chat-active time: who has an open window in a minute. Pure memory, no clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.kick_events import ChatMessage

MINUTE = timedelta(minutes=1)
KNOWN_BOTS = frozenset({"botrix", "kickbot", "streamelements", "nightbot", "streamlabs", "moobot", "fossabot"})
FALLBACK_CHATTERS = 3
FALLBACK_SPAN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Viewer:
    kick_user_id: int
    kick_name: str
    active_until: datetime


def floor_minute(when: datetime) -> datetime:
    return when.replace(second=0, microsecond=0)


def counts_as_activity(message: ChatMessage) -> bool:
    """Whether a message opens a window: a person's own words, not a command and not a bot's."""
    if message.user_id is None or message.kind not in ("message", "reply"):
        return False
    if "bot" in message.badges or message.slug in KNOWN_BOTS:
        return False
    return not message.content.lstrip().startswith(("!", "/"))


class ChatActivity:
    """The latest message of every viewer of one chat; 20,000 of them cost a few MB."""

    def __init__(self, window: timedelta) -> None:
        self.window = window
        self._last: dict[int, tuple[datetime, str]] = {}

    def saw(self, message: ChatMessage) -> None:
        """A message came: it counts from the moment when we received it."""
        if message.user_id is not None and counts_as_activity(message):
            self._last[message.user_id] = (message.received_at, message.username)

    def restore(self, viewers: Iterable[Viewer]) -> None:
        """Windows that an earlier process opened."""
        for viewer in viewers:
            self._last.setdefault(viewer.kick_user_id, (viewer.active_until - self.window, viewer.kick_name))

    def active_in(self, minute: datetime) -> list[Viewer]:
        """Everyone whose window is open at the end of the minute that starts at `minute`."""
        end = minute + MINUTE
        opened_after = end - self.window
        return [
            Viewer(user_id, name, seen + self.window)
            for user_id, (seen, name) in self._last.items()
            if opened_after < seen < end
        ]

    def distinct_since(self, since: datetime) -> int:
        return sum(1 for seen, _name in self._last.values() if seen >= since)

    def forget_before(self, moment: datetime) -> None:
        """Drop windows that closed before `moment`."""
        limit = moment - self.window
        self._last = {who: entry for who, entry in self._last.items() if entry[0] > limit}

    def looks_live(self, now: datetime) -> bool:
        """The fallback where nothing else tells: three distinct chatters within five minutes."""
        return self.distinct_since(now - FALLBACK_SPAN) >= FALLBACK_CHATTERS


def minutes_between(done: datetime, now: datetime, most: int) -> Iterable[datetime]:
    """The whole minutes after `done` that have ended at `now`, oldest first, at most the newest `most`."""
    count = max(0, int((floor_minute(now) - done) / MINUTE) - 1)
    newest = floor_minute(now) - MINUTE
    return [newest - MINUTE * index for index in reversed(range(min(count, most)))]
