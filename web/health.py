"""The parts of /health: each says how one thing fares; one that cannot be read leaves the others readable."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from core.clock import Clock
from core.db import Database, log_failure
from core.jobs import Scheduler
from core.outbox import waiting
from core.supervisor import TaskState
from kick.listener import KickListener

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0

Look = Callable[[], Awaitable[Mapping[str, Any]]]
States = Mapping[str, TaskState]


class Health:
    """What /health answers: the role, and every part, looked at by itself and for a short time."""

    def __init__(self, role: Callable[[], str], states: States) -> None:
        self._role = role
        self._unread: set[str] = set()
        self._looking: asyncio.Task[dict[str, Any]] | None = None
        self._looks: dict[str, Look] = {
            "discord": partial(of_discord, lambda: False, states), "database": of_no_database,
            "kick": nothing, "jobs": nothing, "outbox": nothing, "tasks": partial(of_tasks, states),
        }  # fmt: skip

    def watch(self, **looks: Look) -> None:
        """From now on these parts are there."""
        self._looks.update(looks)

    async def __call__(self) -> dict[str, Any]:
        """However many ask at once, each part is looked at once: strangers cannot make the database work by asking."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._shown(), name="health")
        return await asyncio.shield(self._looking)

    async def _shown(self) -> dict[str, Any]:
        role = self._role()
        parts = await asyncio.gather(*(self._read(name, look) for name, look in self._looks.items()))
        status = "ok" if role in ("leader", "standby") else role
        return {"status": status, "role": role, **dict(zip(self._looks, parts, strict=True))}

    async def _read(self, name: str, look: Look) -> dict[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found: dict[str, Any] = json.loads(json.dumps(dict(await look())))
        except Exception as error:  # noqa: BLE001 - one part that cannot be read leaves the others
            if name not in self._unread:
                log_failure(log, "health_unreadable", error, part=name)
            self._unread.add(name)
            return {"up": False, "error": type(error).__name__}
        self._unread.discard(name)
        return found


def _kind(error: str | None) -> str | None:
    """An error's name; what it says, addresses among it, stands in the log, where secrets are masked."""
    return error and error.partition("(")[0]


async def nothing() -> Mapping[str, Any]:
    return {}


async def of_no_database() -> Mapping[str, Any]:
    return {"up": False, "error": "not connected yet"}


async def of_tasks(states: States) -> Mapping[str, Any]:
    return {
        name: {
            "state": state.state,
            "since": state.since.isoformat() if state.since else None,
            "restarts": state.restarts,
            "last_error": _kind(state.last_error),
        }
        for name, state in states.items()
    }


async def of_discord(up: Callable[[], bool], states: States) -> Mapping[str, Any]:
    state = states.get("discord")
    return {"up": up(), "last_error": _kind(state.last_error) if state else None}


async def of_database(db: Database) -> Mapping[str, Any]:
    await db.ping()
    return {"up": True}


async def of_outbox(db: Database, clock: Clock) -> Mapping[str, Any]:
    """How messages fare: what waits and since when, what was tried, blocked and lately given up."""
    return await waiting(db, clock)


async def of_jobs(scheduler: Scheduler) -> Mapping[str, Any]:
    last = scheduler.last_tick
    return {"last_tick": last.isoformat() if last else None, "last_error": _kind(scheduler.last_error)}


async def of_kick(listener: KickListener, live: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The socket, who says what is live, and channels that could not be found."""
    socket = listener.socket
    if socket is None:
        return {"state": "not configured" if not listener.problems else "waiting", "problems": listener.problems}
    return {
        "state": socket.status,
        "since": socket.since.isoformat(),
        "last_frame_at": socket.last_frame_at.isoformat() if socket.last_frame_at else None,
        "attempts": socket.attempts,
        "reason": socket.reason,
        "alarm": socket.alarm,
        "live": live(),
        "problems": {**listener.problems, **_subscriptions(listener)},
    }


def _subscriptions(listener: KickListener) -> dict[str, str]:
    problem = listener.subscriptions.problem
    return {"subscriptions": problem} if problem else {}
