"""The parts of /health: each says how one thing fares, none raises."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.db import Database
from core.jobs import Scheduler
from core.outbox import waiting
from core.supervisor import TaskState
from kick.listener import KickListener

PATIENCE_SECONDS = 2.0


def of_tasks(states: Mapping[str, TaskState]) -> dict[str, Any]:
    return {
        name: {
            "state": state.state,
            "since": state.since.isoformat() if state.since else None,
            "restarts": state.restarts,
            "last_error": state.last_error,
        }
        for name, state in states.items()
    }


def of_discord(up: bool, states: Mapping[str, TaskState]) -> dict[str, Any]:
    state = states.get("discord")
    return {"up": up, "last_error": state.last_error if state else None}


async def of_database(db: Database | None) -> dict[str, Any]:
    if db is None:
        return {"up": False, "error": "not connected yet"}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await db.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return {"up": False, "error": type(error).__name__}
    return {"up": True}


async def of_outbox(db: Database | None) -> dict[str, Any]:
    """How many messages wait, how many of them were tried, and since when the oldest waits."""
    if db is None:
        return {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await waiting(db)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return {"error": type(error).__name__}


def of_jobs(scheduler: Scheduler) -> dict[str, Any]:
    last = scheduler.last_tick
    return {"last_tick": last.isoformat() if last else None, "last_error": scheduler.last_error}


def of_kick(listener: KickListener, live: Mapping[str, Any]) -> dict[str, Any]:
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
        "live": dict(live),
        "problems": {**listener.problems, **_subscriptions(listener)},
    }


def _subscriptions(listener: KickListener) -> dict[str, str]:
    problem = listener.subscriptions.problem
    return {"subscriptions": problem} if problem else {}
