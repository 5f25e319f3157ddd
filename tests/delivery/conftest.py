"""An outbox whose edge speaks to the stand-in for Discord over real sockets; no gateway, no process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from discord.http import Route

from cogs._sender import DiscordSender
from cogs.client import DrumrollBot
from core import outbox
from core.db import Database
from core.delivery import Outbox
from core.messages import Message
from sandbox.discord import DiscordWorld
from tests.raffle.support import World
from tests.sandbox.discord.serving import Api, serving


class Client(discord.Client):
    """Logged in, and taken for ready without a gateway."""

    def is_ready(self) -> bool:
        return True


class Wire:
    """A world, an outbox that posts into it, and what is written there."""

    def __init__(self, world: World, api: Api, client: Client) -> None:
        self.world, self.api, self.discord = world, api, api.world
        self.sender = DiscordSender()
        self.sender.bot = cast(DrumrollBot, client)
        self.office = Outbox(world.db, world.clock, world.guilds, self.sender)

    def channel(self, name: str) -> int:
        return int(self.api.channel(name))

    async def post(self, channel: str, text: str, **more: Any) -> None:
        async with self.world.db.transaction() as conn:
            message = Message(content=text, **more)
            await outbox.post(conn, self.world.clock, self.world.guild_id, self.channel(channel), message)

    def written(self, channel: str) -> list[str]:
        return [one.content for one in self.discord.channels[self.api.channel(channel)].messages.values()]

    async def unsettled(self) -> set[str]:
        """The texts of the rows that wait, those under way too."""
        rows = await self.world.rows(
            "SELECT payload ->> 'content' AS text FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL"
        )
        return {row["text"] for row in rows}


@pytest.fixture
async def wire(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    around = DiscordWorld.default()
    db = Database(database_url)
    async with serving(around) as base:
        api, client = Api(around, base), Client(intents=discord.Intents.none())
        client.services = SimpleNamespace(db=db)  # type: ignore[attr-defined]
        monkeypatch.setattr(Route, "BASE", api.discord.api_base)
        await client.login(around.token)
        try:
            yield Wire(await World(db, guild_id=int(next(iter(around.guilds)))).open(), api, client)
        finally:
            await client.close()
            await api.session.close()
            await db.close()
