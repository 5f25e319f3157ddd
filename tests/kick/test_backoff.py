"""How long to wait, without waiting."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from kick.backoff import Backoff, Loss, LossKind, classify


def exactly(seconds: float) -> float:
    return seconds


def shortest(seconds: float) -> float:
    return seconds * 0.75


def longest(seconds: float) -> float:
    return seconds * 1.25


def loss(kind: LossKind) -> Loss:
    return Loss(kind, "test")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (4000, LossKind.REJECTED),
        (4001, LossKind.REJECTED),
        (4099, LossKind.REJECTED),
        (4100, LossKind.CROWDED),
        (4199, LossKind.CROWDED),
        (4200, LossKind.AT_ONCE),
        (4299, LossKind.AT_ONCE),
        (4301, LossKind.TRANSIENT),
        (1006, LossKind.TRANSIENT),
        (None, LossKind.TRANSIENT),
    ],
)
def test_close_codes(code: int | None, kind: LossKind) -> None:
    assert classify(code) is kind


def test_waits_grow_to_nine_seconds() -> None:
    backoff = Backoff(spread=exactly)
    waits = [backoff.after(loss(LossKind.TRANSIENT), attempt=0, connected=0) for _ in range(7)]
    assert waits == [0.5, 1, 2, 4, 8, 9, 9]


def test_time_spent_on_the_attempt_counts_as_waiting() -> None:
    backoff = Backoff(spread=exactly)
    for _ in range(6):
        backoff.after(loss(LossKind.TRANSIENT), attempt=0, connected=0)
    assert backoff.after(loss(LossKind.TRANSIENT), attempt=6, connected=0) == 3
    assert backoff.after(loss(LossKind.TRANSIENT), attempt=10, connected=0) == 0.5


def test_only_a_stable_connection_forgets_failures() -> None:
    backoff = Backoff(spread=exactly)
    for _ in range(6):
        backoff.after(loss(LossKind.TRANSIENT), attempt=0, connected=0)
    assert backoff.after(loss(LossKind.TRANSIENT), attempt=0, connected=59) == 9
    assert backoff.after(loss(LossKind.TRANSIENT), attempt=0, connected=60) == 0.5


def test_reconnect_at_once_only_after_a_stable_time() -> None:
    backoff = Backoff(spread=exactly)
    waits = [backoff.after(loss(LossKind.AT_ONCE), attempt=0, connected=0) for _ in range(6)]
    assert waits == [0.1, 1, 2, 4, 8, 9]


def test_a_crowded_server_gets_a_second_at_least() -> None:
    backoff = Backoff(spread=shortest)
    assert backoff.after(loss(LossKind.CROWDED), attempt=100, connected=100) == 1.0


def test_a_rejection_waits_minutes_unless_there_is_somewhere_else() -> None:
    backoff = Backoff(spread=exactly)
    rejected = loss(LossKind.REJECTED)
    waits = [backoff.after(rejected, attempt=0, connected=0) for _ in range(6)]
    assert waits == [60, 120, 240, 480, 600, 600]
    assert backoff.after(rejected, attempt=0, connected=0, elsewhere=True) <= 9


@pytest.mark.parametrize("spread", [shortest, exactly, longest])
@pytest.mark.parametrize("kind", [LossKind.TRANSIENT, LossKind.AT_ONCE, LossKind.CROWDED])
@pytest.mark.parametrize("attempt", [0.0, 0.2, 3.0, 10.0])
def test_a_failing_server_is_spared_and_a_healed_one_found_soon(
    spread: Callable[[float], float], kind: LossKind, attempt: float
) -> None:
    backoff, now, starts = Backoff(spread=spread), 0.0, []
    for _ in range(60):
        starts.append(now)
        now += attempt + backoff.after(loss(kind), attempt=attempt, connected=0)
    later = starts[5:]
    most = max(sum(start <= other < start + 60 for other in later) for start in later[:20])
    assert most < 10
    assert max(b - a for a, b in pairwise(starts)) < 13
