"""Rate limits with Discord's headers: a window per route and major parameter, and a global one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_token")


@dataclass
class Window:
    limit: int
    period: float
    start: float = 0.0
    used: int = 0

    def take(self, now: float) -> bool:
        """Count one request at `now` (seconds); False when the window is full."""
        if now - self.start >= self.period:
            self.start, self.used = now, 0
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def reset_after(self, now: float) -> float:
        return max(0.0, round(self.start + self.period - now, 3))


@dataclass
class Verdict:
    allowed: bool
    headers: dict[str, str]
    retry_after: float = 0.0
    is_global: bool = False


@dataclass
class RateLimits:
    """`limit` requests per `period` seconds and bucket; `global_limit` a second over all but webhooks."""

    limit: int = 50
    period: float = 1.0
    global_limit: int = 50
    windows: dict[str, Window] = field(default_factory=dict)
    everything: Window = field(default_factory=lambda: Window(50, 1.0))

    def check(self, method: str, template: str, params: dict[str, str], now: float) -> Verdict:
        bucket = hashlib.blake2b(f"{method} {template}".encode(), digest_size=8).hexdigest()
        major = ":".join(params[name] for name in MAJOR if name in params)
        window = self._window(f"{bucket}:{major}", now)
        allowed = window.take(now)
        headers = {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.limit - window.used),
            "X-RateLimit-Reset": f"{window.start + window.period:.3f}",
            "X-RateLimit-Reset-After": f"{window.reset_after(now):.3f}",
            "X-RateLimit-Bucket": bucket,
        }
        if not allowed:
            return Verdict(False, headers, window.reset_after(now))
        return self._globally(template, headers, now)

    def _globally(self, template: str, headers: dict[str, str], now: float) -> Verdict:
        if template.startswith(("/interactions/", "/webhooks/")):
            return Verdict(True, headers)
        self.everything.limit = self.global_limit
        if self.everything.take(now):
            return Verdict(True, headers)
        return Verdict(False, headers, self.everything.reset_after(now), is_global=True)

    def _window(self, key: str, now: float) -> Window:
        if len(self.windows) > 5_000:
            self.windows = {k: w for k, w in self.windows.items() if now - w.start < w.period}
        window = self.windows.get(key)
        if window is None:
            window = self.windows[key] = Window(self.limit, self.period)
        return window
