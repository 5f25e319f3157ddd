"""One part of /health that cannot be read is shown so, and leaves the others readable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from core.kick_events import KickChannelIds
from core.supervisor import TaskState
from raffle_system.chat_activity import ChatActivity
from raffle_system.followed import Followed
from raffle_system.kick_intake import KickIntake
from tests.raffle.support import World
from web import health
from web.health import Health

Look = Callable[[], Awaitable[Mapping[str, Any]]]


async def _raises() -> Mapping[str, Any]:
    raise OverflowError("date value out of range")


async def _hangs() -> Mapping[str, Any]:
    await asyncio.Event().wait()
    return {}


async def _says_what_json_cannot() -> Mapping[str, Any]:
    return {"for": timedelta(1)}


@pytest.mark.parametrize(
    ("look", "error"), [(_raises, "OverflowError"), (_hangs, "TimeoutError"), (_says_what_json_cannot, "TypeError")]
)
async def test_an_unreadable_part_leaves_the_others(
    look: Look, error: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.05)
    found = Health(lambda: "leader", {})
    found.watch(kick=look)
    for _ in range(3):
        shown = await found()
    assert shown["kick"] == {"up": False, "error": error}
    assert (shown["status"], shown["jobs"], shown["discord"]["up"]) == ("ok", {}, False)
    assert len(caplog.records) == 1, "said when it begins, not at every look"


async def test_however_many_ask_at_once_each_part_is_looked_at_once() -> None:
    looks = 0

    async def look() -> Mapping[str, Any]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return {"looks": looks}

    found = Health(lambda: "leader", {})
    found.watch(database=look)
    shown = await asyncio.gather(*(found() for _ in range(100)))
    assert (looks, {one["database"]["looks"] for one in shown}) == (1, {1})
    assert (await found())["database"] == {"looks": 2}


async def test_errors_are_named_and_what_they_say_stays_in_the_log() -> None:
    told = """ConnectionRefusedError(111, "Connect call failed ('10.0.0.7', 5432)")"""
    shown = await Health(lambda: "leader", {"jobs": TaskState(last_error=told)})()
    assert shown["tasks"]["jobs"]["last_error"] == "ConnectionRefusedError"


async def test_one_guilds_trouble_is_shown_beside_the_other_channels(raffle: World) -> None:
    intake = KickIntake(raffle.db, raffle.clock, raffle.guilds, "off")
    intake.follow({raffle.guild_id: KickChannelIds("good", 1, 2, 3)})
    intake._followed[2] = Followed(KickChannelIds("ill", 4, 5, 6), ChatActivity(timedelta(minutes=1), frozenset()))
    intake._followed[2].live.said["api"] = "no status"  # type: ignore[assignment]
    assert intake.live_by_slug() == {
        "good": {"live": False, "source": None, "set_aside": 0},
        "ill": {"live": None, "source": None, "error": "AttributeError"},
    }
