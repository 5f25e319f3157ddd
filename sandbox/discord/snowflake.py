"""Discord's ids: milliseconds since 2015 in the high bits, a counter in the low 22."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000


def at(moment: datetime, serial: int = 0) -> str:
    """The id that something made at `moment` carries; `serial` (0..2^22-1) tells equals apart."""
    milliseconds = int(moment.timestamp() * 1000) - EPOCH_MS
    return str((max(0, milliseconds) << 22) + serial)


def moment_of(snowflake: str) -> datetime:
    return datetime.fromtimestamp(((int(snowflake) >> 22) + EPOCH_MS) / 1000, UTC)


class Snowflakes:
    """Ids that only ever grow, whatever the clock does."""

    def __init__(self, now: Callable[[], datetime], last: int = 0) -> None:
        self.now = now
        self.last = last

    def next(self) -> str:
        self.last = max(int(at(self.now())), self.last + 1)
        return str(self.last)
