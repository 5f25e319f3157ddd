"""The stand-ins and one bot as a pair that lives together: state kept on disk, the bot brought back when it ends."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.app import HOST, Sandbox
from sandbox.bot_process import BotProcess
from sandbox.clock import TurnableClock
from sandbox.discord import DiscordWorld

SAVE_SECONDS = 5.0
RETURN_SECONDS = 1.0
USAGE_ERROR = 2
_PORT = re.compile(r"web_listening .*port=(\d+)")


class Demo:
    """`folder` keeps the stand-ins' world and the bot's database between runs."""

    def __init__(self, folder: Path, *, speed: float = 1.0, fresh: bool = False) -> None:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        self._file = folder / "world.json"
        saved = self._saved()
        self.kept = saved is not None
        start = datetime.now(UTC).replace(day=1, hour=18, minute=0, second=0, microsecond=0)
        if saved is not None:
            start = datetime.fromisoformat(saved["now"])
        self.clock = TurnableClock(start, speed)
        world = DiscordWorld.from_json(saved["discord"], now=self.clock.now) if saved else None
        self.sandbox = Sandbox(self.clock, world)
        self.sandbox.routes.append(self._add_routes)
        self.bot: BotProcess | None = None
        self.bot_port: int | None = None
        self.on_line: Callable[[str], None] = lambda line: None
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    def _saved(self) -> dict[str, Any] | None:
        if not self._file.exists():
            return None
        saved: dict[str, Any] = json.loads(self._file.read_text())
        return saved

    def save(self) -> None:
        """Write the world beside the old one, then put it in its place."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        state = {"now": self.clock.now().isoformat(), "discord": self.sandbox.discord.to_json()}
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.chmod(0o600)
        new.write_text(json.dumps(state))
        new.replace(self._file)

    async def start(self, port: int) -> None:
        """Listen on loopback and start the bot. Raises OSError when the port is taken."""
        await self.sandbox.start(port)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3))
        await self._start_bot()
        self._tasks = [asyncio.create_task(self._keep_saving()), asyncio.create_task(self._keep_bot())]

    async def stop(self) -> None:
        """Stop everything; no process is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.bot is not None:
            await self.bot.stop()
        if self._session is not None:
            await self._session.close()
        self.save()
        await self.sandbox.stop()

    async def _start_bot(self) -> None:
        self.bot_port = None
        environment = {**self.sandbox.environment(), "WEB_HOST": HOST, "PORT": "0"}
        self.bot = BotProcess(self.folder / "bot", environment, self._read)
        await self.bot.start()

    def _read(self, line: str) -> None:
        if found := _PORT.search(line):
            self.bot_port = int(found.group(1))
        self.on_line(line)

    async def _keep_bot(self) -> None:
        """Bring the bot back when it ends, as a platform would."""
        while self.bot is not None:
            code = await self.bot.wait()
            self.on_line(f"the bot ended with code {code}; it is started again")
            await asyncio.sleep(RETURN_SECONDS)
            await self._start_bot()

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self.save()

    def last_words(self, count: int) -> list[str]:
        """The bot's newest log lines."""
        return self.bot.lines[-count:] if self.bot else []

    def _add_routes(self, app: web.Application) -> None:
        app.router.add_get("/bot/state", self._serve_state)
        app.router.add_post("/bot/restart", self._serve_restart)
        app.router.add_post("/bot/kill", self._serve_kill)

    async def health(self) -> dict[str, Any] | None:
        """What the bot's /health says; None where nobody answers."""
        if self.bot_port is None or self._session is None:
            return None
        with suppress(aiohttp.ClientError, TimeoutError, ValueError):
            async with self._session.get(f"http://{HOST}:{self.bot_port}/health") as answer:
                found: dict[str, Any] = await answer.json()
                return found
        return None

    async def _serve_state(self, _request: web.Request) -> web.Response:
        running = self.bot is not None and self.bot.returncode is None
        return web.json_response({"running": running, "health": await self.health(), "lines": self.last_words(30)})

    async def _serve_restart(self, _request: web.Request) -> web.Response:
        if self.bot is not None:
            await self.bot.stop()
        return web.json_response({"done": True})

    async def _serve_kill(self, _request: web.Request) -> web.Response:
        if self.bot is not None:
            await self.bot.kill()
        return web.json_response({"done": True})
