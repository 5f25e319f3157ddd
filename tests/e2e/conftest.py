"""A fresh small internet per test, and bots that are stopped whatever happens."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.app import Sandbox
from sandbox.clock import TurnableClock
from sandbox.driver import Discord
from tests.e2e.support import Bot, Stage
from tests.patience import FACTOR

# Ahead of any real clock: discord.py takes interactions for expired that are older than 15 minutes by its own.
# (Its interactions are dated by the real clock all the same, and with them the cooldowns of slash commands.)
START = datetime(2041, 11, 10, 18, 0, 20, tzinfo=UTC)
# What the bot waits for by its own clock (a beacon round, the next look) comes sooner.
SPEED = 5.0

StartBot = Callable[..., Awaitable[Bot]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(TurnableClock(START))
    made.clock.turn(speed=SPEED)
    made.discord.answer_seconds *= FACTOR
    await made.start(0)
    yield made
    await made.stop()


@pytest.fixture
async def discord(sandbox: Sandbox) -> AsyncIterator[Discord]:
    async with Discord(f"{sandbox.url}/discord", patience=FACTOR) as driver:
        yield driver


@pytest.fixture
def stage(sandbox: Sandbox, discord: Discord) -> Stage:
    return Stage(sandbox, discord)


@pytest.fixture
async def start_bot(
    request: pytest.FixtureRequest, sandbox: Sandbox, database_url: str, tmp_path: Path
) -> AsyncIterator[StartBot]:
    """Start a bot against the sandbox and the test's database; `ready=False` does not wait for it.

    Keyword arguments in capitals are its variables; None takes one away.
    """
    started: list[Bot] = []

    async def start(*, ready: bool = True, name: str = "bot", **variables: str | None) -> Bot:
        environment = {**sandbox.environment(), "DATABASE_URL": database_url, **variables}
        bot = Bot(tmp_path / name, {key: value for key, value in environment.items() if value is not None}, name)
        started.append(bot)
        await bot.start()
        if ready:
            await bot.ready()
        return bot

    yield start
    for bot in started:
        await bot.stop()
    for bot in started:
        sys.stdout.write("\n".join([f"==== the end of {bot.name}'s log ====", *bot.log[-80:], ""]))


@pytest.fixture
async def bot(start_bot: StartBot, stage: Stage) -> Bot:
    """One bot that leads, is online in Discord and listens to Kick."""
    started = await start_bot()
    await stage.kick_is_heard()
    return started
