"""Deploys while gifts go on: processes take over from each other, orderly and killed, each gift is paid once."""

from __future__ import annotations

import asyncio
import itertools
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

from bench.support import Figure
from core.clock import monotonic
from core.db import migrate
from core.embedded_postgres import EmbeddedPostgres
from sandbox.app import HOST, Sandbox
from sandbox.bot_process import BotProcess
from sandbox.clock import TurnableClock
from sandbox.driver import Discord
from sandbox.kick.frames import viewer_id

HANDOVERS = 20
PATIENCE_SECONDS = 30.0
OVERLAP_SECONDS = 0.3
MEMBER = 4242
_PORT = re.compile(r"web_listening .*port=(\d+)")


@dataclass
class Relay:
    """`handovers` processes one after the other on one database; every second one is killed.

    `told` are the correlation ids of the gifts of viewer1, one each `every` seconds; `took` the seconds from each
    end of a process until the next one led.
    """

    folder: Path
    url: str
    sandbox: Sandbox
    handovers: int
    every: float
    launch: type[BotProcess] = BotProcess
    patience: float = 1.0
    told: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    async def run(self) -> list[str]:
        """The correlation ids that were paid, as often as they were."""
        old = self._process(0)
        await old.start()
        giving: asyncio.Task[None] | None = None
        try:
            await self._first_ready()
            giving = asyncio.create_task(self._keep_giving())
            for number in range(1, self.handovers + 1):
                old = await self._hand_over(old, number)
            await asyncio.sleep(2 * self.every)
            giving.cancel()
            await asyncio.gather(giving, return_exceptions=True)
            return await self._settled()
        finally:
            if giving is not None:
                giving.cancel()
            await old.stop()

    def _process(self, number: int) -> BotProcess:
        environment = self.sandbox.environment()
        for name in ("SANDBOX_CLOCK_START", "SANDBOX_CLOCK_SPEED", "SANDBOX_CLOCK_URL"):
            environment.pop(name)
        environment |= {"DATABASE_URL": self.url, "WEB_HOST": HOST, "PORT": "0"}
        return self.launch(self.folder / str(number), environment)

    async def _first_ready(self) -> None:
        async with Discord(f"{self.sandbox.url}/discord") as discord:
            await discord.wait_until_ready(PATIENCE_SECONDS * self.patience)
        await self._listening(1)
        await _link(self.url, PATIENCE_SECONDS * self.patience)

    async def _hand_over(self, old: BotProcess, number: int) -> BotProcess:
        """As a platform deploys: start the new one, wait for its /health, end the old one."""
        new = self._process(number)
        await new.start()
        await _answers(new, "standby", PATIENCE_SECONDS * self.patience)
        await self._listening(2)
        await asyncio.sleep(OVERLAP_SECONDS)
        began = monotonic()
        await (old.kill() if number % 2 else old.stop())
        await _answers(new, "leader", PATIENCE_SECONDS * self.patience)
        self.took.append(monotonic() - began)
        return new

    async def _listening(self, count: int) -> None:
        """Until so many processes listen to everything."""
        async with asyncio.timeout(PATIENCE_SECONDS * self.patience):
            while sum(len(each.channels) >= 5 for each in self.sandbox.kick.pusher.connections) < count:
                await asyncio.sleep(0.02)

    async def _keep_giving(self) -> None:
        for number in itertools.count():
            gift = await self.sandbox.kick.gift("viewer1", [f"lucky_{number}"])
            self.told.append(gift.correlation_id or "")
            await asyncio.sleep(self.every)

    async def _settled(self) -> list[str]:
        """What was paid, once there is as much as was told (or after some time)."""
        conn = await asyncpg.connect(self.url)
        try:
            for _ in range(int(100 * self.patience)):
                rows = await conn.fetch(
                    "SELECT source_ref FROM raffle_ticket_log WHERE source = 'gifted_sub' AND discord_id = $1", MEMBER
                )
                if len(rows) >= len(self.told):
                    break
                await asyncio.sleep(0.1)
            return [str(row["source_ref"]).rpartition(":")[2] for row in rows]
        finally:
            await conn.close()


async def _answers(process: BotProcess, role: str, seconds: float) -> None:
    """Until /health answers 200 in this role, or in the one that follows it."""
    roles = ("standby", "leader") if role == "standby" else ("leader",)
    async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
        while not (found := [match[1] for line in process.lines if (match := _PORT.search(line))]):
            await asyncio.sleep(0.02)
        while True:
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(f"http://{HOST}:{found[0]}/health") as answer:
                    if answer.status == 200 and (await answer.json())["role"] in roles:
                        return
            await asyncio.sleep(0.02)


async def _link(url: str, seconds: float) -> None:
    conn = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(seconds):
            while (guild := await conn.fetchval("SELECT guild_id FROM raffle_periods LIMIT 1")) is None:
                await asyncio.sleep(0.1)
        await conn.execute(
            "INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at) "
            "VALUES ($1, $2, 'viewer1', 'viewer1', $3, now())", guild, MEMBER, viewer_id("viewer1"),
        )  # fmt: skip
    finally:
        await conn.close()


async def handover() -> list[Figure]:
    """A gift each second through twenty hand-overs: those that were not paid, or more than once, number none."""
    sandbox = Sandbox(TurnableClock())
    await sandbox.start()
    try:
        with tempfile.TemporaryDirectory(prefix="drumroll-bench-") as folder:
            server = EmbeddedPostgres(Path(folder) / "postgres")
            url = await server.start()
            try:
                await migrate(url)
                relay = Relay(Path(folder), url, sandbox, HANDOVERS, 1.0)
                paid = await relay.run()
            finally:
                await server.stop()
    finally:
        await sandbox.stop()
    wrong = sum(paid.count(one) != 1 for one in relay.told) + len(set(paid) - set(relay.told))
    shown = f"{HANDOVERS} hand-overs, {len(relay.told)} gifts"
    return [
        Figure(name=f"{shown}: paid not once", figure=float(wrong), unit="gifts", limit=0),
        Figure(name=f"{shown}: the longest time without a leader", figure=max(relay.took), unit="s"),
    ]
