"""Root tasks, the one leader, and an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from core import supervisor as supervisor_module
from core.clock import SystemClock
from core.supervisor import LEADER_LOCK, Fatal, Leadership, Supervisor
from tests.patience import patient, until


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STANDBY_POLL_SECONDS", 0.01)
    monkeypatch.setattr(supervisor_module, "LOCK_CHECK_SECONDS", 0.01)
    monkeypatch.setattr(supervisor_module, "LONGEST_WAIT", 0.01)


async def forever() -> None:
    await asyncio.Event().wait()


class Failing:
    """Work that fails `times` times, then runs on."""

    def __init__(self, times: int, error: Exception) -> None:
        self.calls, self._times, self._error = 0, times, error

    async def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        await forever()


async def test_stopping_ends_every_task_with_code_0() -> None:
    ended: list[str] = []

    def work(name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            try:
                await forever()
            finally:
                ended.append(name)

        return run

    supervisor = Supervisor(SystemClock())
    for name in ("first", "second"):
        supervisor.start(name, work(name))
    await until(lambda: all(state.state == "running" for state in supervisor.states.values()))
    supervisor.stop()
    assert await supervisor.wait() == 0
    assert ended == ["second", "first"]


async def test_without_tasks_it_stops_too() -> None:
    supervisor = Supervisor(SystemClock())
    supervisor.stop()
    assert await supervisor.wait() == 0


async def test_a_task_with_restart_comes_back() -> None:
    supervisor = Supervisor(SystemClock())
    work = Failing(3, RuntimeError("no"))
    supervisor.start("work", work)
    await until(lambda: work.calls == 4)
    state = supervisor.states["work"]
    assert (state.state, state.restarts, state.last_error) == ("running", 3, "RuntimeError('no')")
    supervisor.stop()
    assert await supervisor.wait() == 0


async def test_a_restart_task_that_just_ends_comes_back_too() -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)

    supervisor = Supervisor(SystemClock())
    supervisor.start("work", work)
    await until(lambda: len(calls) >= 3)
    assert "ended" in str(supervisor.states["work"].last_error)
    supervisor.stop()
    assert await supervisor.wait() == 0


@pytest.mark.parametrize(
    ("error", "policy", "code"),
    [(RuntimeError("broken"), "fatal", 1), (Fatal("bad token", 2), "fatal", 2), (Fatal("bad token", 2), "restart", 2)],
)
async def test_the_end_of_a_fatal_task_ends_the_process(
    error: Exception, policy: supervisor_module.Policy, code: int
) -> None:
    supervisor = Supervisor(SystemClock())
    supervisor.start("other", forever)
    supervisor.start("work", Failing(99, error), policy)
    assert await supervisor.wait() == code
    assert supervisor.states["work"].state == "stopped"
    assert str(error) in str(supervisor.states["work"].last_error)


async def test_the_first_fatal_decides() -> None:
    supervisor = Supervisor(SystemClock())
    supervisor.start("one", Failing(9, Fatal("first", 3)))
    supervisor.start("two", Failing(9, Fatal("second", 4)))
    assert await supervisor.wait() == 3


@pytest.mark.thorough
async def test_a_task_that_will_not_stop_does_not_hold_up_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.05)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor = Supervisor(SystemClock())
    supervisor.start("stubborn", stubborn)
    await until(lambda: supervisor.states["stubborn"].state == "running")
    supervisor.stop()
    assert await supervisor.wait() == 0
    release.set()
    for task in supervisor._tasks:
        task.cancel()
    await asyncio.gather(*supervisor._tasks, return_exceptions=True)


# One leader.


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


HOLDERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = $1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def kill_holder(admin: asyncpg.Connection[asyncpg.Record]) -> None:
    for row in await admin.fetch(HOLDERS, LEADER_LOCK):
        await admin.execute("SELECT pg_terminate_backend($1)", row["pid"])


async def test_one_leads_and_the_other_takes_over_when_it_lets_go(database_url: str) -> None:
    one, two = Leadership(database_url), Leadership(database_url)
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(0.1)
    assert (one.leading, two.leading, waiting.done()) == (True, False, False)
    await one.release()
    await waiting
    assert (one.leading, two.leading) == (False, True)
    await two.release()
    await two.release()


async def test_of_five_at_once_one_leads(database_url: str) -> None:
    five = [Leadership(database_url) for _ in range(5)]
    tasks = [asyncio.create_task(one.acquire()) for one in five]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.1)
    assert [one.leading for one in five].count(True) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in five:
        await one.release()


async def test_a_lock_that_was_lost_is_taken_back(
    database_url: str, admin: asyncpg.Connection[asyncpg.Record], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "core.supervisor")
    one = Leadership(database_url)
    await one.acquire()
    holding = asyncio.create_task(one.hold())
    await kill_holder(admin)
    await until(lambda: "leader_lock_retaken" in [record.msg for record in caplog.records])
    assert (one.leading, holding.done()) == (True, False)
    assert len(await admin.fetch(HOLDERS, LEADER_LOCK)) == 1
    holding.cancel()
    await one.release()


async def test_ones_own_lost_session_is_no_other_process(database_url: str) -> None:
    """The server may still be ending it when the lock is asked for again."""
    one = Leadership(database_url)
    await one.acquire()
    lost, one._connection = one._connection, None
    holding = asyncio.create_task(one.hold())
    await until(lambda: one._connection)
    assert (one.leading, holding.done()) == (False, False)
    assert lost is not None
    await lost.close()
    await until(lambda: one.leading)
    holding.cancel()
    await one.release()


async def test_when_another_was_faster_it_is_fatal(
    database_url: str, admin: asyncpg.Connection[asyncpg.Record]
) -> None:
    one, two = Leadership(database_url), Leadership(database_url)
    await one.acquire()
    await kill_holder(admin)
    await two.acquire()
    with pytest.raises(Fatal, match="another process"):
        await asyncio.wait_for(one.hold(), patient(20))
    assert (one.leading, two.leading) == (False, True)
    await one.release()
    await two.release()


async def test_a_server_that_is_away_is_waited_for() -> None:
    one = Leadership("postgresql://u@127.0.0.1:1/db")
    waiting = asyncio.create_task(one.acquire())
    await asyncio.sleep(0.05)
    assert (waiting.done(), one.leading) == (False, False)
    waiting.cancel()
    await one.release()
