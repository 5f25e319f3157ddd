"""Clocks: the machine's, and one that can be set while somebody sleeps by it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import SandboxClock, SystemClock, jittered, monotonic
from tests.patience import patient

START = datetime(2025, 11, 1, tzinfo=UTC)


class Machine:
    """The monotonic seconds that a sandbox clock counts by."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr("core.clock.time.monotonic", made.monotonic)
    return made


def test_the_machines_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
    assert monotonic() <= monotonic()


async def test_sleeping_by_the_machines_clock_returns() -> None:
    await SystemClock().sleep(0)


def test_a_sandbox_clock_runs_at_its_speed(machine: Machine) -> None:
    clock = SandboxClock(START, 60)
    machine.seconds += 2
    assert clock.now() == START + timedelta(minutes=2)
    clock.set(START, 0)
    machine.seconds += 5
    assert (clock.now(), clock.speed) == (START, 0)


@pytest.mark.parametrize(("start", "speed"), [(START.replace(tzinfo=None), 1), (START, -1)], ids=["naive", "backwards"])
def test_a_sandbox_clock_refuses_nonsense(start: datetime, speed: float) -> None:
    with pytest.raises(ValueError, match="sandbox clock"):
        SandboxClock(start, speed)


async def test_a_sleeper_wakes_when_the_clock_jumps(machine: Machine) -> None:
    clock = SandboxClock(START, 0)
    sleeper = asyncio.create_task(clock.sleep(3600))
    for _ in range(5):
        await asyncio.sleep(0)
    clock.set(START + timedelta(minutes=59), 0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not sleeper.done()
    clock.set(START + timedelta(minutes=60), 0)
    await sleeper


async def test_a_fast_clock_sleeps_briefly() -> None:
    await asyncio.wait_for(SandboxClock(START, 100_000).sleep(1000), patient(5))


def test_jitter_spreads_by_a_quarter() -> None:
    spread = [jittered(100) for _ in range(500)]
    assert min(spread) >= 75
    assert max(spread) <= 125
    assert max(spread) - min(spread) > 25
