"""Chat-active time: who has an open window in a minute. Pure memory, no clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from core.kick_events import ChatMessage, fold
from core.texts import visible

MINUTE = timedelta(minutes=1)
KNOWN_BOTS = frozenset({"botrix", "kickbot", "streamelements", "nightbot", "streamlabs", "moobot", "fossabot"})
FALLBACK_CHATTERS = 3
FALLBACK_SPAN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Viewer:
    """`slug` is the name in the viewer's address, where the chat told it."""

    kick_user_id: int
    kick_name: str
    active_until: datetime
    slug: str = field(default="", compare=False)


def floor_minute(when: datetime) -> datetime:
    return when.replace(second=0, microsecond=0)


def counts_as_activity(message: ChatMessage, bots: frozenset[str] = KNOWN_BOTS) -> bool:
    """Whether a message opens a window: a person's own words, not a command and not a bot's."""
    if message.user_id is None or message.kind not in ("message", "reply"):
        return False
    if "bot" in message.badges or fold(message.username) in bots or fold(message.slug) in bots:
        return False
    said = visible(message.content)
    return bool(said) and not said.startswith(("!", "/"))


@dataclass(slots=True)
class Span:
    """A stretch in which one viewer's windows overlapped: from the first message to the last."""

    kick_name: str
    first: datetime
    last: datetime
    slug: str = ""


class ChatActivity:
    """Who was chat-active when, of one chat, as long as it is not credited; 20,000 viewers cost a few MB."""

    def __init__(self, window: timedelta, bots: frozenset[str] = KNOWN_BOTS) -> None:
        self.window = window
        self._bots = bots
        self._open: dict[int, Span] = {}
        self._past: list[tuple[int, Span]] = []

    def saw(self, message: ChatMessage) -> None:
        """A message came: it counts from the moment when we received it."""
        if message.user_id is None or not counts_as_activity(message, self._bots):
            return
        at = message.received_at
        span = self._open.get(message.user_id)
        if span is not None and at - span.last < self.window:
            span.last = max(span.last, at)
            span.kick_name = message.username
            return
        if span is not None:
            self._past.append((message.user_id, span))
        self._open[message.user_id] = Span(message.username, at, at, message.slug)

    def restore(self, viewers: Iterable[Viewer]) -> None:
        """Windows that an earlier process opened."""
        for viewer in viewers:
            seen = viewer.active_until - self.window
            span = self._open.setdefault(viewer.kick_user_id, Span(viewer.kick_name, seen, seen))
            if span.first - seen < self.window:
                span.first = min(span.first, seen)
            else:
                self._past.append((viewer.kick_user_id, Span(viewer.kick_name, seen, seen)))

    def active_in(self, minute: datetime) -> list[Viewer]:
        """Everyone, once, whose window is open at the end of the minute that starts at `minute`."""
        end = minute + MINUTE
        opened_after = end - self.window
        active = {
            user_id: Viewer(user_id, span.kick_name, span.last + self.window, span.slug)
            for user_id, span in chain(self._past, self._open.items())
            if span.first < end and span.last > opened_after
        }  # a window that was made longer may join two stretches
        return list(active.values())

    def distinct_since(self, since: datetime) -> int:
        return sum(1 for span in self._open.values() if span.last >= since)

    def forget_before(self, moment: datetime) -> None:
        """Drop windows that closed before `moment`."""
        limit = moment - self.window
        self._open = {who: span for who, span in self._open.items() if span.last > limit}
        self._past = [entry for entry in self._past if entry[1].last > limit]

    def looks_live(self, now: datetime) -> bool:
        """The fallback where nothing else tells: three distinct chatters within five minutes."""
        return self.distinct_since(now - FALLBACK_SPAN) >= FALLBACK_CHATTERS


def minutes_between(done: datetime, now: datetime, most: int) -> Iterable[datetime]:
    """The whole minutes after `done` that have ended at `now`, oldest first, at most the newest `most`."""
    count = max(0, int((floor_minute(now) - done) / MINUTE) - 1)
    newest = floor_minute(now) - MINUTE
    return [newest - MINUTE * index for index in reversed(range(min(count, most)))]
