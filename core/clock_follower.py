"""A sandbox clock that is turned from outside."""

from __future__ import annotations

import aiohttp

from core.clock import SandboxClock
from core.fair_draw import parse_utc

PATIENCE = aiohttp.ClientTimeout(total=40)


async def follow(clock: SandboxClock, url: str) -> None:
    """Set the clock whenever the one behind `url` was turned; each answer waits for the next turn."""
    version = -1
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        while True:
            async with session.get(url, params={"after": str(version)}) as answer:
                turned = await answer.json()
            if turned["version"] != version:
                version = turned["version"]
                clock.set(parse_utc(turned["now"]), float(turned["speed"]))
