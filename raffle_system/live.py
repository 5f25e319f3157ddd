"""Whether the stream is live: which source decides, in the order of their trust."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.kick_events import Hosting, LiveSource, LiveStatus

ORDER: tuple[LiveSource, ...] = ("webhook", "api", "socket", "site")
POLLED: frozenset[LiveSource] = frozenset({"api", "site"})
POLL_HOLDS = timedelta(minutes=5)


@dataclass
class LiveState:
    """What each source said last of one channel."""

    said: dict[LiveSource, LiveStatus] = field(default_factory=dict)
    hosting: bool = False

    def hear(self, event: LiveStatus | Hosting) -> None:
        if isinstance(event, Hosting):
            self.hosting = event.outgoing
            return
        self.said[event.source] = event
        if event.live:
            self.hosting = False

    def forget_socket(self) -> None:
        """The socket was away: it may have missed the end of the stream."""
        self.said.pop("socket", None)

    def decide(self, now: datetime, *, chat_says: bool | None) -> tuple[bool, LiveSource | None]:
        """(live, the source that decided); `chat_says` is the fallback, None where it is off."""
        for source in ORDER:
            status = self.said.get(source)
            if status is not None and (source not in POLLED or now - status.at <= POLL_HOLDS):
                return status.live and not self.hosting, source
        if chat_says is None:
            return False, None
        return chat_says and not self.hosting, "chat"
