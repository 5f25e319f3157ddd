"""When to come back to a server that was lost: a pure policy over what was lost and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.clock import jittered


class LossKind(StrEnum):
    """Why a connection ended, as far as the next attempt is concerned."""

    TRANSIENT = "transient"
    CROWDED = "crowded"
    AT_ONCE = "at_once"
    REJECTED = "rejected"
    DEAF = "deaf"


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost connection or a failed attempt; `reason` is for people."""

    kind: LossKind
    reason: str


class LostError(Exception):
    """The connection is of no more use."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.reason)
        self.loss = loss


def classify(code: int | None) -> LossKind:
    """Pusher's close codes: 4000-4099 come back changed or not at all, 4100-4199 later, 4200-4299 at once."""
    if code is None:
        return LossKind.TRANSIENT
    if 4000 <= code <= 4099:
        return LossKind.REJECTED
    if 4100 <= code <= 4199:
        return LossKind.CROWDED
    return LossKind.AT_ONCE if 4200 <= code <= 4299 else LossKind.TRANSIENT


class Backoff:
    """Seconds to wait after each loss.

    Attempts start at least 0.5, 1, 2, 4, 8, then 9 seconds apart, spread by a quarter: fewer than ten a
    minute, and no more than about eleven seconds late when the server is well again. A rejected connection
    waits 1 to 10 minutes unless there is another address to try. Only `stable` seconds of being connected
    forget earlier failures.
    """

    FIRST, LONGEST = 0.5, 9.0
    CROWDED_LEAST = 1.0
    REJECTED_FIRST, REJECTED_LONGEST = 60.0, 600.0

    def __init__(self, stable: float = 60.0, spread: Callable[[float], float] = jittered) -> None:
        self._stable = stable
        self._spread = spread
        self.failures = 0
        self._rejections = 0

    def after(self, loss: Loss, *, attempt: float, connected: float, elsewhere: bool = False) -> float:
        """The wait in seconds after `loss`.

        `attempt` is how long ago the attempt began, `connected` how long it was subscribed (0 if never),
        both in seconds; `elsewhere` says that the next attempt goes to another address.
        """
        if connected >= self._stable:
            self.failures = self._rejections = 0
        self.failures += 1
        if loss.kind is LossKind.REJECTED and not elsewhere:
            return self._rejected()
        if loss.kind is LossKind.AT_ONCE and self.failures == 1:
            return self._spread(0.1)
        apart = min(self.LONGEST, self.FIRST * 2.0 ** min(self.failures - 1, 10))
        least = self.CROWDED_LEAST if loss.kind is LossKind.CROWDED else self._spread(self.FIRST)
        return max(least, self._spread(apart) - attempt)

    def _rejected(self) -> float:
        wait = min(self.REJECTED_LONGEST, self.REJECTED_FIRST * 2.0 ** min(self._rejections, 10))
        self._rejections += 1
        return max(self.REJECTED_FIRST, min(self.REJECTED_LONGEST, self._spread(wait)))
