"""How long this run is ready to wait, and the one way in which its tests wait.

A test waits for an effect. A limit on that only says when to give up, so it is generous, and grows with the machine:
one factor, measured once when a run starts, and handed to its workers in the environment.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload

T = TypeVar("T")

VARIABLE = "DRUMROLL_PATIENCE"
# What `_work` takes on a quiet 2-core machine; the workers then compete for it, hence the margin.
REFERENCE_SECONDS, MARGIN, CI_MARGIN, MOST = 0.2, 3.0, 6.0, 30.0
LOOK_AGAIN_SECONDS = 0.02


def _work() -> float:
    """Seconds for a bit of what the suite does most: start Python, import, calculate."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import asyncio, json; sum(range(3_000_000))"], check=True)
    return time.perf_counter() - began


def measure() -> float:
    """The factor for this machine as busy as it is now: at least MARGIN."""
    margin = CI_MARGIN if os.environ.get("CI") else MARGIN
    slowest = max(_work() for _ in range(3))
    return min(max(slowest / REFERENCE_SECONDS, 1.0) * margin, MOST)


def begin() -> float:
    """The factor of this run, measured by whoever asks first."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = f"{measure():.2f}"
    return float(os.environ[VARIABLE])


FACTOR = begin()


def patient(seconds: float) -> float:
    """`seconds` of a quiet machine, here."""
    return seconds * FACTOR


def in_time(seconds: float = 10.0) -> AbstractAsyncContextManager[asyncio.Timeout]:
    """`asyncio.timeout` for what takes at most `seconds` on a quiet machine."""
    return asyncio.timeout(patient(seconds))


@overload
async def until(look: Callable[[], Awaitable[T]], seconds: float = 10.0) -> T: ...
@overload
async def until(look: Callable[[], T], seconds: float = 10.0) -> T: ...
async def until(look: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first answer that is true; AssertionError with the last one when none comes in time."""
    end = asyncio.get_running_loop().time() + patient(seconds)
    while True:
        found = look()
        answer = await found if inspect.isawaitable(found) else found
        if answer:
            return answer
        assert asyncio.get_running_loop().time() < end, f"after {patient(seconds):g} s still {answer!r}"
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
