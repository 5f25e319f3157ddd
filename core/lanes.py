"""Work side by side: one piece at a time in a lane, and no lane waits for another."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.db import log_failure

K = TypeVar("K", bound=Hashable)

log = logging.getLogger(__name__)

MOST, MOST_OF_ONE = 200, 20


@dataclass(frozen=True)
class _Running:
    server: int
    task: asyncio.Task[bool]


class Lanes(Generic[K]):
    """At most `most` pieces at once, `most_of_one` of one server: a server whose answers hang holds up itself alone."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._running: dict[K, _Running] = {}

    @property
    def busy(self) -> list[K]:
        """The lanes that are at work."""
        return list(self._running)

    @property
    def room(self) -> int:
        return self._most - len(self._running)

    @property
    def full(self) -> list[int]:
        """The servers that have as many lanes at work as they may."""
        counts = Counter(running.server for running in self._running.values())
        return [server for server, count in counts.items() if count >= self._most_of_one]

    def start(self, lane: K, server: int, work: Callable[[], Awaitable[bool]]) -> asyncio.Task[bool]:
        """Begin a piece in a lane that is not busy; whether it came to its end.

        What it raises is logged: whoever starts the lanes comes back.
        """
        task = asyncio.create_task(_guarded(lane, work))
        self._running[lane] = _Running(server, task)
        task.add_done_callback(lambda _task: self._running.pop(lane, None))
        return task

    async def close(self) -> None:
        """Stop everything that is at work."""
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _guarded(lane: Hashable, work: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await work()
    except Exception as error:  # noqa: BLE001 - logged; the other lanes go on
        log_failure(log, "lane_failed", error, lane=str(lane))
        return False
