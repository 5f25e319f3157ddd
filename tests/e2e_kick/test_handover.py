"""A deploy leaves no gap: gifts go on while processes take over from each other, each is paid once."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from core.db import migrate
from sandbox.app import Sandbox
from sandbox.bot_process import BotProcess
from sandbox.clock import TurnableClock
from sandbox.driver import Discord
from sandbox.kick.frames import viewer_id

HANDOVERS = 6
PORT = re.compile(r"web_listening .*port=(\d+)")
GIFT_SECONDS = 0.5
OVERLAP_SECONDS = 0.3


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(TurnableClock())
    await made.start()
    yield made
    await made.stop()


def _process(folder: Path, sandbox: Sandbox, url: str) -> BotProcess:
    environment = sandbox.environment()
    for name in ("SANDBOX_CLOCK_START", "SANDBOX_CLOCK_SPEED", "SANDBOX_CLOCK_URL"):
        environment.pop(name)
    return BotProcess(folder, {**environment, "DATABASE_URL": url, "WEB_HOST": "127.0.0.1", "PORT": "0"})


async def _connections(sandbox: Sandbox, count: int) -> None:
    """Until so many processes listen to everything."""
    async with asyncio.timeout(30):
        while sum(len(each.channels) >= 5 for each in sandbox.kick.pusher.connections) < count:
            await asyncio.sleep(0.02)


async def _standing_by(process: BotProcess) -> None:
    """Until /health answers 200, which is what a platform waits for before it stops the old process."""
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while not (found := [match[1] for line in process.lines if (match := PORT.search(line))]):
            await asyncio.sleep(0.02)
        while True:
            async with session.get(f"http://127.0.0.1:{found[0]}/health") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.02)


async def _keep_giving(sandbox: Sandbox, told: list[str]) -> None:
    for number in itertools.count():
        gift = await sandbox.kick.gift("viewer1", [f"lucky_{number}"])
        told.append(gift.correlation_id or "")
        await asyncio.sleep(GIFT_SECONDS)


async def test_each_gift_is_paid_once_through_orderly_and_killed_handovers(
    tmp_path: Path, database_url: str, sandbox: Sandbox
) -> None:
    await migrate(database_url)
    old = _process(tmp_path / "0", sandbox, database_url)
    await old.start()
    told: list[str] = []
    giving: asyncio.Task[None] | None = None
    discord = Discord(f"{sandbox.url}/discord")
    try:
        await discord.wait_until_ready(30)
        await _connections(sandbox, 1)
        await _link(database_url)
        giving = asyncio.create_task(_keep_giving(sandbox, told))
        for number in range(1, HANDOVERS + 1):
            new = _process(tmp_path / str(number), sandbox, database_url)
            await new.start()
            await _standing_by(new)
            await _connections(sandbox, 2)
            await asyncio.sleep(OVERLAP_SECONDS)
            await (old.kill() if number % 2 else old.stop())
            old = new
        await asyncio.sleep(2 * GIFT_SECONDS)
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)
        paid = await _settled(database_url, len(told))
    finally:
        if giving is not None:
            giving.cancel()
        await old.stop()
        await discord.close()
    assert len(told) > HANDOVERS
    assert sorted(paid) == sorted(told)


async def _link(url: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(20):
            while (guild := await conn.fetchval("SELECT guild_id FROM raffle_periods LIMIT 1")) is None:
                await asyncio.sleep(0.1)
        await conn.execute(
            "INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at) "
            "VALUES ($1, 4242, 'viewer1', 'viewer1', $2, now())", guild, viewer_id("viewer1"),
        )  # fmt: skip
    finally:
        await conn.close()


async def _settled(url: str, count: int) -> list[str]:
    """The correlation ids that were paid, once there are so many (or after ten seconds)."""
    conn = await asyncpg.connect(url)
    try:
        for _ in range(100):
            rows = await conn.fetch(
                "SELECT source_ref FROM raffle_ticket_log WHERE source = 'gifted_sub' AND discord_id = 4242"
            )
            if len(rows) >= count:
                break
            await asyncio.sleep(0.1)
        return [str(row["source_ref"]).rpartition(":")[2] for row in rows]
    finally:
        await conn.close()
