"""Presses of Enter through the real gateway: an even stream of 300 a second at the bot as it runs in production.

The stand-in, which sends the presses and takes the answers, shares the machine's cores with the bot and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from bench.process import _started
from bench.support import Figure
from core.db import migrate
from core.embedded_postgres import EmbeddedPostgres
from sandbox.app import Sandbox
from sandbox.discord.acting import click
from sandbox.discord.people import add_users
from sandbox.discord.world import Event
from sandbox.driver import Discord, Message

RATE, SECONDS, PEOPLE = 300, 10, 3000
ANSWER_SECONDS = 5.0


@asynccontextmanager
async def _stage() -> AsyncIterator[tuple[Sandbox, dict[str, str], Path]]:
    """The stand-ins, the variables that lead a bot to them and to a migrated database, and a folder."""
    with tempfile.TemporaryDirectory(prefix="drumroll-bench-") as folder:
        server, sandbox = EmbeddedPostgres(Path(folder) / "postgres"), Sandbox()
        url = await server.start()
        try:
            await migrate(url)
            await sandbox.start(0)
            yield sandbox, {**sandbox.environment(), "DATABASE_URL": url, "PORT": "0"}, Path(folder) / "bot"
        finally:
            await sandbox.stop()
            await server.stop()


class Stopwatch:
    """When each press was made, and how long its answer took (seconds)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._made: dict[str, float] = {}
        self.taken: list[float] = []
        self.failed = 0
        sandbox.discord.listeners.append(self._heard)

    def pressed(self, interaction: str, at: float) -> None:
        self._made[interaction] = at

    def _heard(self, event: Event) -> None:
        if event.name == "INTERACTION_ANSWERED" and (at := self._made.pop(str(event.data["id"]), None)) is not None:
            self.taken.append(monotonic() - at)
        elif event.name == "INTERACTION_FAILED" and self._made.pop(str(event.data["id"]), None) is not None:
            self.failed += 1

    @property
    def open(self) -> int:
        return len(self._made)


async def clicks() -> list[Figure]:
    """p99 counts from the moment at which the press was due, so that a stand-in that lags cannot hide a lag."""
    async with _stage() as (sandbox, environment, folder):
        guild = next(iter(sandbox.discord.guilds.values()))
        names = [user.username for user in add_users(sandbox.discord, guild, "fan", PEOPLE)]
        bot = await _started(folder, environment)
        try:
            async with Discord(f"{sandbox.url}/discord") as discord:
                giveaway = await _create(discord)
            watch = await _stream(sandbox, giveaway, names)
        finally:
            await bot.stop()
    taken = sorted(watch.taken)
    unanswered = watch.failed + watch.open
    return [
        Figure(name=f"clicks: {RATE}/s for {SECONDS} s, answered", figure=len(taken), unit="", limit=RATE * SECONDS,
               at_least=True),
        Figure(name="clicks: median", figure=taken[len(taken) // 2] * 1000, unit="ms"),
        Figure(name="clicks: p99", figure=taken[len(taken) * 99 // 100] * 1000, unit="ms", limit=500),
        Figure(name="clicks: not answered in time", figure=unanswered, unit="", limit=0.5),
    ]  # fmt: skip


async def _create(discord: Discord) -> Message:
    owner = discord.as_user("streamer")
    typed = {"channel": "giveaways", "prize": "Nitro", "duration": "1d", "roles": "VIP 5"}
    page = await (await owner.slash_in("general", "giveaway create", typed)).answer()
    await (await owner.click(page, "Start")).settled()
    return await discord.wait_for_message("giveaways", containing="Nitro")


async def _stream(sandbox: Sandbox, giveaway: Message, names: list[str]) -> Stopwatch:
    watch, began = Stopwatch(sandbox), monotonic()
    for number in range(RATE * SECONDS):
        due = began + number / RATE
        if (left := due - monotonic()) > 0:
            await asyncio.sleep(left)
        body = {"as": names[number % len(names)], "message": giveaway.id, "button": "Enter"}
        watch.pressed(click(sandbox.discord, body)["interaction"], due)
        await asyncio.sleep(0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            while watch.open:
                await asyncio.sleep(0.02)
    return watch
