"""The sandbox's clock: it can run faster, jump, and tells the bot whenever it was turned."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

LONG_POLL_SECONDS = 25.0
FASTEST = 100_000.0


class TurnableClock:
    """Sandbox time; it only ever goes forward. `version` counts the turns."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._start = (start or datetime.now(UTC)).astimezone(UTC)
        self._origin = time.monotonic()
        self.speed = speed
        self.version = 1
        self._turned = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self.speed)

    def turn(self, *, speed: float | None = None, forward: timedelta = timedelta(0)) -> None:
        """Run at another speed, jump forward, or both."""
        if forward < timedelta(0) or (speed is not None and not 0 < speed <= FASTEST):
            raise ValueError("the clock goes forward, at a speed above 0")
        self._start = self.now() + forward
        self._origin = time.monotonic()
        self.speed = self.speed if speed is None else speed
        self.version += 1
        self._turned.set()
        self._turned = asyncio.Event()

    def to_month_end(self, before: timedelta = timedelta(minutes=1)) -> None:
        """Jump to shortly before the next month begins (UTC)."""
        now = self.now()
        first = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        self.turn(forward=max(first - before - now, timedelta(0)))

    async def wait(self, seconds: float) -> None:
        """Sleep until that much sandbox time has passed, at whatever speed."""
        until = self.now() + timedelta(seconds=seconds)
        while (left := (until - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left / self.speed, 0.2))

    def state(self) -> dict[str, Any]:
        now = self.now().replace(tzinfo=None).isoformat() + "Z"
        return {"version": self.version, "now": now, "speed": self.speed}

    async def serve(self, request: web.Request) -> web.Response:
        """`?after=VERSION` waits until the clock is turned once more, at most for a while."""
        if request.query.get("after") == str(self.version):
            turned = self._turned
            try:
                await asyncio.wait_for(turned.wait(), LONG_POLL_SECONDS)
            except TimeoutError:
                return web.json_response(self.state())
        return web.json_response(self.state())

    async def serve_turn(self, request: web.Request) -> web.Response:
        """POST {"speed": x, "forward": seconds} or {"to": "month_end"}."""
        body = await request.json()
        try:
            if body.get("to") == "month_end":
                self.to_month_end()
            speed = body.get("speed")
            self.turn(
                speed=None if speed is None else float(speed), forward=timedelta(seconds=float(body.get("forward", 0)))
            )
        except (ValueError, TypeError, OverflowError) as error:
            return web.json_response({"error": str(error)}, status=409)
        return web.json_response(self.state())
