"""The outbox where Discord is slow, full or closed in some places: real sockets to the stand-in, or a turned clock."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import discord
from aiohttp import web
from discord.http import Route
from sqlalchemy import text

from bench.support import GUILD, NOW, Figure, database
from cogs._sender import DiscordSender
from cogs.client import DrumrollBot
from core import outbox
from core.clock import SystemClock
from core.config import Config
from core.db import Database
from core.delivery import REFUSED_SPAN, Outbox
from core.guilds import Guilds
from core.letters import Blocked, Letter
from core.messages import Message
from core.stores import outbox as store
from core.texts import Texts
from sandbox.discord import DiscordWorld, add_routes
from sandbox.discord.faults import Fault

LONG, EVER = 600.0, 10_000
CLOSED, WAITING = 1_000, 100_000


async def outbox_lanes() -> list[Figure]:
    logging.disable(logging.WARNING)
    async with database() as db:
        figures = await _beside_the_slow(db)
    async with database() as db:
        refused = await _refusals(db)
        await _fill(db)
        return [*figures, refused, await _poll(db)]


class _Client(discord.Client):
    def is_ready(self) -> bool:
        return True


@asynccontextmanager
async def _stage(db: Database) -> AsyncIterator[tuple[DiscordWorld, Outbox, SystemClock]]:
    world, clock = DiscordWorld.default(), SystemClock()
    app = web.Application()
    add_routes(app, world)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    Route.BASE, before = f"http://127.0.0.1:{runner.addresses[0][1]}/discord/api/v10", Route.BASE
    client, sender = _Client(intents=discord.Intents.none()), DiscordSender()
    client.services = SimpleNamespace(db=db)  # type: ignore[attr-defined]
    sender.bot = cast(DrumrollBot, client)
    guilds = Guilds(db, clock, Config(), Texts())
    try:
        await client.login(world.token)
        yield world, Outbox(db, clock, guilds, sender), clock
    finally:
        await client.close()
        await runner.cleanup()
        Route.BASE = before


async def _beside_the_slow(db: Database) -> list[Figure]:
    """One channel that does not answer, one at its limit, one message whose every edit is refused."""
    async with _stage(db) as (world, office, clock):
        channels = {one.name: int(one.id) for one in world.channels.values()}

        async def post(channel: str, words: str, **more: Any) -> float:
            async with db.transaction() as conn:
                await outbox.post(conn, clock, GUILD, channels[channel], Message(content=words, **more))
            return monotonic()

        async def seen(channel: str, words: str, since: float) -> float:
            while all(one.content != words for one in world.channels[str(channels[channel])].messages.values()):
                await asyncio.sleep(0.002)
            return monotonic() - since

        await post("giveaways", "card", ref="card/1")
        await office.deliver_due()
        for kind, pattern in (
            ("slow", f"POST */channels/{channels['general']}/*"),
            ("429", f"POST */channels/{channels['raffle']}/*"),
            ("500", f"PATCH */channels/{channels['giveaways']}/*"),
        ):
            world.faults.add(Fault(kind, pattern, EVER, LONG))
        task = asyncio.create_task(office.run())
        await seen("general", "slow", await post("general", "slow"))
        await post("raffle", "limited")
        await post("giveaways", "card, ended", ref="card/1", edits=True)
        elsewhere = [
            await seen("announcements", f"n{index}", await post("announcements", f"n{index}")) for index in range(3)
        ]
        result = await seen("giveaways", "result", await post("giveaways", "result"))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return [
        Figure(name="outbox: another channel's message, one hangs", figure=max(elsewhere), unit="s", limit=1),
        Figure(name="outbox: a result, its message's edits refused", figure=result, unit="s", limit=5),
    ]


class _Turned:
    """A clock that the bench turns."""

    at = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class _Closed:
    """A Discord in which every channel is closed to the bot."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.refused: deque[datetime] = deque()

    async def send(self, letter: Letter) -> int:
        self.refused.append(self._now())
        raise Blocked("50013")

    async def find(self, letter: Letter, since: datetime) -> Sequence[int]:
        return ()

    def server(self, guild_id: int) -> None:
        return None


async def _refusals(db: Database) -> Figure:
    """Six hours of 1,000 closed channels, after each was found closed: the most refusals in any ten minutes."""
    clock = _Turned()
    discord_ = _Closed(clock.now)
    guilds = Guilds(db, clock, Config(), Texts())
    office = Outbox(db, clock, guilds, discord_)
    async with db.transaction() as conn:
        for channel in range(CLOSED):
            await outbox.post(conn, clock, GUILD + channel, GUILD + channel, Message(content="x"))
    while clock.at < NOW + timedelta(hours=6):
        tried = -1
        while tried < (tried := len(discord_.refused)):
            await office.deliver_due()
        clock.at += timedelta(minutes=1)
    later = [moment for moment in discord_.refused if moment > NOW + REFUSED_SPAN]
    most = max(sum(1 for other in later if moment <= other < moment + REFUSED_SPAN) for moment in set(later))
    return Figure(name="outbox: refusals in 10 min, 1,000 closed channels", figure=most, unit="", limit=500)


async def _fill(db: Database) -> None:
    """100,000 messages that wait behind the closed channels."""
    async with db.transaction() as conn:
        for channel in range(CLOSED):
            message = Message(content="x").to_json()
            await store.add_many(
                conn, GUILD + channel, GUILD + channel, [message] * (WAITING // CLOSED),
                [None] * (WAITING // CLOSED), [False] * (WAITING // CLOSED), NOW,
            )  # fmt: skip
    async with db.transaction() as conn:
        await conn.execute(text("ANALYZE outbox"))


async def _poll(db: Database) -> Figure:
    """The look for what is due, with nothing due among 100,000 rows."""
    best = float("inf")
    for _ in range(20):
        began = monotonic()
        async with db.transaction() as conn:
            await store.take(conn, NOW, 50)
        best = min(best, monotonic() - began)
    return Figure(name="outbox: poll, 100,000 rows wait", figure=best * 1000, unit="ms", limit=5)
