"""What the socket says of itself to /health and /metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["connecting", "connected", "down"]


@dataclass(frozen=True, slots=True)
class SocketState:
    """The connection now.

    `since` is when `status` began, `attempts` counts all connection attempts, `failures` those in a row,
    `alarm` is set while the server rejects us for good (an operator may have to act). `counters` counts
    frames by event name; `malformed` those that could not be read, `unknown` those of events that we do not
    know, `dropped_chat` messages that the
    listener was too slow for, `lost` events that the listener refused again and again.
    """

    status: Status
    since: datetime
    last_frame_at: datetime | None
    attempts: int
    failures: int
    reason: str
    alarm: str | None
    malformed: int
    unknown: int
    dropped_chat: int
    lost: int
    queued: int
    counters: Mapping[str, int]


class NameCounter:
    """Counts by name, of at most `limit` different names; all further ones count as "other"."""

    def __init__(self, limit: int = 200) -> None:
        self._counts: Counter[str] = Counter()
        self._limit = limit

    def add(self, name: str) -> int:
        """Count one; returns how many of this name (or of "other") there were."""
        if name not in self._counts and len(self._counts) >= self._limit:
            name = "other"
        self._counts[name] += 1
        return self._counts[name]

    def snapshot(self) -> dict[str, int]:
        return dict(self._counts)
