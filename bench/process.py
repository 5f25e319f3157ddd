"""The bot as a process: from its start to /ready on a migrated database, and its memory at rest."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import aiohttp

from bench.support import Figure
from core.db import migrate
from core.embedded_postgres import EmbeddedPostgres
from sandbox.app import HOST, Sandbox
from sandbox.bot_process import BotProcess

RUNS = 3
REST_SECONDS = 5.0
PAGE = 4096
POLL_SECONDS = 0.02
_PORT = re.compile(r"web_listening .*port=(\d+)")


@asynccontextmanager
async def _stage() -> AsyncIterator[tuple[dict[str, str], Path]]:
    """The variables that lead a bot to the stand-ins and to a migrated database, and a folder."""
    with tempfile.TemporaryDirectory(prefix="drumroll-bench-") as folder:
        server, sandbox = EmbeddedPostgres(Path(folder) / "postgres"), Sandbox()
        url = await server.start()
        try:
            await migrate(url)
            await sandbox.start(0)
            yield {**sandbox.environment(), "DATABASE_URL": url, "PORT": "0"}, Path(folder)
        finally:
            await sandbox.stop()
            await server.stop()


async def _started(folder: Path, environment: dict[str, str]) -> BotProcess:
    """A bot whose /ready answers 200. Raises RuntimeError with its log when it ends before."""
    bot = BotProcess(folder, environment)
    await bot.start()
    async with aiohttp.ClientSession() as session:
        while not await _is_ready(session, bot):
            if bot.returncode is not None:
                raise RuntimeError("\n".join(bot.lines))
            await asyncio.sleep(POLL_SECONDS)
    return bot


async def _is_ready(session: aiohttp.ClientSession, bot: BotProcess) -> bool:
    port = next((found.group(1) for line in bot.lines if (found := _PORT.search(line))), None)
    if port is None:
        return False
    async with session.get(f"http://{HOST}:{port}/ready") as answer:
        return answer.status == 200


async def start_to_ready() -> list[Figure]:
    """The middle of three starts; the first one, which registers the commands, is shown beside it."""
    taken = []
    async with _stage() as (environment, folder):
        for number in range(RUNS + 1):
            began = monotonic()
            bot = await _started(folder / f"bot{number}", environment)
            taken.append(monotonic() - began)
            await bot.stop()
    return [
        Figure(name="start to ready, commands to be registered", figure=taken[0], unit="s", limit=4),
        Figure(name="start to ready", figure=sorted(taken[1:])[RUNS // 2], unit="s", limit=4),
    ]


async def idle_memory() -> list[Figure]:
    """Resident memory of the process that leads, some seconds after it got ready."""
    async with _stage() as (environment, folder):
        bot = await _started(folder / "bot", environment)
        await asyncio.sleep(REST_SECONDS)
        pages = int(Path(f"/proc/{bot.pid}/statm").read_text().split()[1])
        await bot.stop()
    return [Figure(name="idle memory (RSS)", figure=pages * PAGE / 2**20, unit="MB", limit=150)]
