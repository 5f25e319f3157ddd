"""What the stories stand on: one bot as a process, its pages, and people who do one thing after another."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.app import HOST, Sandbox
from sandbox.bot_process import ROOT, variable_names
from sandbox.driver import Discord, Message
from tests.e2e.forked import ForkedBot
from tests.patience import patient, until

CODE = re.compile(r"[A-Z]{3}[2-9]{3}")
READY_SECONDS = 30.0
_PORT = re.compile(r"web_listening .*port=(\d+)")


class Bot:
    """`python bot.py run`, and what it answers on its port."""

    def __init__(self, folder: Path, environment: Mapping[str, str], name: str = "bot") -> None:
        self.name = name
        self.process = ForkedBot(folder, {"WEB_HOST": HOST, "PORT": "0", **environment})

    @property
    def log(self) -> list[str]:
        return self.process.lines

    def said(self, word: str) -> list[str]:
        """The log lines that contain `word`."""
        return [line for line in self.log if word in line]

    async def start(self) -> None:
        await self.process.start()

    async def port(self) -> int:
        """Where the bot of this life listens."""

        async def look() -> int:
            assert self.process.returncode is None, f"ended with code {self.process.returncode}"
            found = next((m for line in reversed(self.log) if (m := _PORT.search(line))), None)
            return int(found.group(1)) if found else 0

        return await until(look)

    async def get(self, path: str) -> tuple[int, bytes]:
        """(status, body) of one of the bot's pages; (0, b"") where nobody answers."""
        url = f"http://{HOST}:{await self.port()}{path}"
        try:
            timeout = aiohttp.ClientTimeout(total=patient(10))
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
                return answer.status, await answer.read()
        except aiohttp.ClientConnectionError:
            return 0, b""

    async def health(self) -> dict[str, Any]:
        _status, body = await self.get("/health")
        found: dict[str, Any] = json.loads(body) if body else {}
        return found

    async def ready(self, seconds: float = READY_SECONDS) -> None:
        """Until /ready answers 200; AssertionError when the process ends first."""

        async def look() -> bool:
            assert self.process.returncode is None, f"ended with code {self.process.returncode}"
            return (await self.get("/ready"))[0] == 200

        await until(look, seconds)

    async def kill(self) -> None:
        """kill -9; the next life says its port anew."""
        await self.process.kill()
        self.log.append("---- killed ----")

    async def again(self) -> None:
        """The next life of the same process, with the lines of the last one behind it."""
        lines = [line for line in self.log if not _PORT.search(line)]
        self.process.lines[:] = lines
        await self.start()
        await self.ready()

    async def stop(self) -> int:
        return await self.process.stop()


async def run_bot(folder: Path, environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """`python bot.py ...` to its end: (exit code, everything it said). BotProcess starts only `run`."""
    folder.mkdir(parents=True, exist_ok=True)
    clean = dict.fromkeys(variable_names(), "")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "bot.py"), *arguments, cwd=folder, env={**os.environ, **clean, **environment},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), patient(30))
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def verify(folder: Path, record: bytes) -> tuple[int, str]:
    """As a stranger: only the published file and the program that checks it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "record.json"
    path.write_bytes(record)
    return await run_bot(folder, {}, "verify", str(path))


class Stage:
    """A sandbox with its people, and what they often do."""

    def __init__(self, sandbox: Sandbox, discord: Discord) -> None:
        self.sandbox = sandbox
        self.discord = discord
        self.clock = sandbox.clock
        self.kick = sandbox.kick

    def id_of(self, name: str) -> str:
        return next(user.id for user in self.sandbox.discord.users.values() if user.username == name)

    def mention(self, name: str) -> str:
        return f"<@{self.id_of(name)}>"

    async def kick_is_heard(self) -> None:
        async def look() -> bool:
            return bool(self.kick.state()["subscribed"])

        await until(look)

    async def link(self, name: str) -> Message:
        """`name` asks for a code, types it in the Kick chat, and reads that the link is made."""
        answer = await (await self.discord.as_user(name).slash("link kick", channel="raffle")).answer()
        assert answer.ephemeral
        found = CODE.search(answer.text)
        assert found is not None, answer.text
        await self.kick.chat(name, found.group())
        return await self.discord.wait_for_message("raffle", containing=f"Kick account **{name}**")

    async def give(self, name: str, amount: int, reason: str = "", by: str = "streamer") -> Message:
        """A bonus from an admin, by slash command."""
        admin = self.discord.as_user(by)
        return await (
            await admin.slash("raffle give", channel="raffle", user=name, amount=amount, reason=reason)
        ).answer()

    async def tickets(self, name: str) -> Message:
        """What `name` reads about the own tickets; who is told to be patient asks again."""
        while True:
            page = await (await self.discord.as_user(name).slash("tickets", channel="raffle")).answer()
            if "Not so fast" not in page.text:
                return page
            await asyncio.sleep(1)

    async def ask_draw(self, by: str = "streamer", prize: str = "$500 Cash") -> Message:
        """`/raffle draw` up to the question."""
        return await (await self.discord.as_user(by).slash("raffle draw", channel="raffle", prize=prize)).answer()

    async def draw(self, by: str = "streamer", prize: str = "$500 Cash") -> Message:
        """`/raffle draw`, confirmed; the message with the entrants in the announcement channel."""
        question = await self.ask_draw(by, prize)
        await self.discord.as_user(by).click(question, "Draw now")
        return await self.discord.wait_for_message("announcements", containing="the entrants are final")

    async def winner(self) -> Message:
        return await self.discord.wait_for_message("announcements", containing="RAFFLE WINNER", timeout=30)

    async def announced(self, containing: str, channel: str = "announcements") -> list[Message]:
        """All messages of the bot in a channel with that text."""
        found = await self.discord.messages(channel)
        return [one for one in found if one.author == "drumroll" and containing in one.text]
