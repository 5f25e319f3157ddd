"""Time as an argument: the only file that asks the machine what time it is."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What a service needs to know about time."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` of this clock have passed."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SandboxClock:
    """A clock that started elsewhere, runs at another speed, and can be set while it runs."""

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        self._changed = asyncio.Event()
        self.set(start, speed)

    def set(self, start: datetime, speed: float) -> None:
        """Go on from `start`, `speed` sandbox seconds to a real one; sleepers look again."""
        if start.tzinfo is None or speed < 0:
            raise ValueError("a sandbox clock needs an aware start and a speed of 0 or more")
        self._start, self._speed, self._origin = start, speed, time.monotonic()
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self._speed)

    async def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=seconds)
        while (left := (until - self.now()).total_seconds()) > 0:
            changed = self._changed
            real = left / self._speed if self._speed else None
            try:
                async with asyncio.timeout(real):
                    await changed.wait()
            except TimeoutError:
                continue


def monotonic() -> float:
    """Real seconds for measuring spans; never for deciding what is due."""
    return time.monotonic()


def jittered(seconds: float) -> float:
    """`seconds` spread by a quarter either way, so that many clients do not come back at once."""
    return seconds * random.uniform(0.75, 1.25)
