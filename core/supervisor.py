"""Who owns every task: root tasks with a policy, one leader among the replicas, an orderly stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from core import dsn
from core.clock import Clock, jittered, monotonic
from core.db import is_away, log_failure

log = logging.getLogger(__name__)

LEADER_LOCK = 0x44524D00
_HOLDER = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1 AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)
STANDBY_POLL_SECONDS = 0.5
LOCK_CHECK_SECONDS = 1.0
STOP_SECONDS = 8.0
STEADY_SECONDS = 60.0
LONGEST_WAIT, LONGEST_WAIT_AWAY = 30.0, 4.0

Work = Callable[[], Awaitable[None]]
Policy = Literal["fatal", "restart"]


class Fatal(Exception):
    """The process must end; `code` is its exit code and the text one line for the operator."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class TaskState:
    """How a root task fares, for /health."""

    state: Literal["waiting", "running", "backing off", "stopped"] = "waiting"
    since: datetime | None = None
    restarts: int = 0
    last_error: str | None = None


class Supervisor:
    """Runs root tasks until `stop` is called or a fatal one ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._fatal: asyncio.Future[Fatal] = asyncio.get_running_loop().create_future()
        self.states: dict[str, TaskState] = {}

    def start(self, name: str, work: Work, policy: Policy = "restart") -> None:
        """Own a task: `restart` comes back with back-off, the end of a `fatal` one ends the process."""
        self.states[name] = TaskState()
        self._tasks.append(asyncio.create_task(self._own(name, work, policy), name=name))

    def stop(self) -> None:
        self._stopping.set()

    async def wait(self) -> int:
        """Return the exit code once stopped; every task has ended then, within STOP_SECONDS."""
        await self._stopping.wait()
        await self._cancel_all()
        if not self._fatal.done():
            return 0
        fatal = self._fatal.result()
        log.error("fatal", extra={"error": str(fatal)})
        return fatal.code

    async def _cancel_all(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        _done, pending = await asyncio.wait(self._tasks, timeout=STOP_SECONDS) if self._tasks else ((), ())
        for task in pending:
            log.error("task_did_not_stop", extra={"task": task.get_name()})

    async def _own(self, name: str, work: Work, policy: Policy) -> None:
        state = self.states[name]
        attempt = 0
        while True:
            started = monotonic()
            self._note(state, "running")
            try:
                await work()
                error: Exception = RuntimeError(f"{name} ended")
            except Fatal as fatal:
                return self._give_up(state, fatal)
            except Exception as caught:  # noqa: BLE001 - logged; this is the owner of the task
                log_failure(log, "task_failed", caught, task=name)
                error = caught
            if policy == "fatal":
                return self._give_up(state, Fatal(f"{name}: {error!r}"))
            attempt = 0 if monotonic() - started > STEADY_SECONDS else attempt + 1
            state.restarts += 1
            state.last_error = repr(error)
            self._note(state, "backing off")
            # A server out of reach comes back by itself, and people wait for it: no long wait on top.
            longest = LONGEST_WAIT_AWAY if is_away(error) else LONGEST_WAIT
            await asyncio.sleep(jittered(min(0.5 * 2**attempt, longest)))

    def _give_up(self, state: TaskState, fatal: Fatal) -> None:
        state.last_error = str(fatal)
        self._note(state, "stopped")
        if not self._fatal.done():
            self._fatal.set_result(fatal)
        self._stopping.set()

    def _note(self, state: TaskState, value: Literal["waiting", "running", "backing off", "stopped"]) -> None:
        state.state = value
        state.since = self._clock.now()


class Leadership:
    """The advisory lock of the one process that leads, held on a connection of its own.

    When PostgreSQL goes away the lock goes with it. Nothing can be stored then either, so the process keeps its
    tasks and takes the lock back as soon as the server answers; if another replica was faster, that is fatal.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        # The server's process that held the lock: a lost one may take a moment to end, and to let go.
        self._holder: int | None = None
        self.leading = False

    async def acquire(self) -> None:
        """Return once this process leads; until then it stands by."""
        waited = False
        while not await self._try():
            if not waited:
                log.info("standing_by")
                waited = True
            await asyncio.sleep(STANDBY_POLL_SECONDS)
        self.leading = True
        log.info("leading")

    async def hold(self) -> None:
        """Watch the lock for ever. Errors: `Fatal` when another process leads."""
        while True:
            await asyncio.sleep(LOCK_CHECK_SECONDS)
            if await self._alive():
                continue
            self.leading = False
            log.warning("leader_lock_lost")
            await self._retake()
            self.leading = True
            log.info("leader_lock_retaken")

    async def release(self) -> None:
        """Let the next process lead at once."""
        self.leading = False
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_UNREACHABLE):
                async with asyncio.timeout(2):
                    await connection.close()

    async def _retake(self) -> None:
        while True:
            got = await self._try()
            if got:
                return
            if self._connection is not None and await self._another_holds(self._connection):
                raise Fatal("another process took the lead while PostgreSQL was away")
            await asyncio.sleep(STANDBY_POLL_SECONDS)

    async def _alive(self) -> bool:
        if self._connection is None or self._connection.is_closed():
            return False
        try:
            async with asyncio.timeout(10):
                await dsn.require_writable(self._connection)
        except _UNREACHABLE:
            return False
        return True

    async def _another_holds(self, connection: asyncpg.Connection[asyncpg.Record]) -> bool:
        with suppress(*_UNREACHABLE):
            async with asyncio.timeout(5):
                holder = await connection.fetchval(_HOLDER, LEADER_LOCK)
                return holder is not None and holder != self._holder
        return False

    async def _try(self) -> bool:
        """Ask once for the lock; a connection that PostgreSQL refused leaves `_connection` None."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = None
                self._connection = await dsn.connect(self._url, timeout=5)
            async with asyncio.timeout(5):
                [(got, pid)] = await self._connection.fetch(
                    "SELECT pg_try_advisory_lock($1), pg_backend_pid()", LEADER_LOCK
                )
        except _UNREACHABLE as error:
            log.warning("leader_lock_unreachable", extra={"error": repr(error)})
            if self._connection is not None:
                self._connection.terminate()
                self._connection = None
            return False
        if got:
            self._holder = pid
        return bool(got)
