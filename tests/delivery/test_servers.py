"""Servers that remove the bot and invite it again, as the client hears or misses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from cogs import client
from cogs.client import DrumrollBot
from core import outbox
from core.db import Connection, Database
from core.delivery import Outbox
from core.messages import Message
from tests.raffle.support import CHANNEL, GUILD, World

OTHER_GUILD = GUILD + 1


class Bot(DrumrollBot):
    """A client that never connected, in the servers that the test says."""

    here: list[Any]

    @property
    def guilds(self) -> Any:
        return self.here

    def get_guild(self, id: int, /) -> Any:
        return next((guild for guild in self.here if guild.id == id), None)

    def enter(self, *guild_ids: int) -> None:
        self.here = [SimpleNamespace(id=number, get_channel=lambda _id: None) for number in guild_ids]


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Bot]:
    db = Database(database_url)
    world = await World(db).open()
    sender = SimpleNamespace(server=lambda _guild: None)
    told: list[str] = []

    async def left(_conn: Connection, _guild_id: int) -> None:
        told.append("left")

    async def returned(_conn: Connection, _guild_id: int, *_since: object) -> None:
        told.append("returned")

    services: Any = SimpleNamespace(
        checker=SimpleNamespace(wake=lambda: None),
        absence=SimpleNamespace(left=left, returned=returned), attendance=SimpleNamespace(returned=returned), told=told,
        db=db, guilds=world.guilds, schedule=world.schedule, config=world.config,
        tools=SimpleNamespace(clock=world.clock, guilds=world.guilds), world=world,
        outbox=Outbox(db, world.clock, world.guilds, sender),
    )  # fmt: skip
    made = Bot(services)
    yield made
    await db.close()


def world_of(bot: Bot) -> World:
    found: World = bot.services.world  # type: ignore[attr-defined]
    return found


async def test_a_removal_that_was_missed_is_seen_at_the_next_start(bot: Bot) -> None:
    world = world_of(bot)
    bot.enter(GUILD, OTHER_GUILD)
    await bot._meet_guilds()
    assert {one.guild_id for one in world.guilds.all()} == {GUILD, OTHER_GUILD}
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, CHANNEL, Message(content="one"))
    bot.enter(OTHER_GUILD)
    await bot._meet_guilds()
    assert [one.guild_id for one in world.guilds.all()] == [OTHER_GUILD]
    await bot.services.outbox.deliver_due()
    assert (await outbox.waiting(world.db, world.clock, GUILD))["given_up"] == 1
    bot.enter(GUILD, OTHER_GUILD)
    await bot._meet_guilds()
    assert world.guilds.present(GUILD)
    assert bot.services.told == ["left", "returned", "returned"]  # type: ignore[attr-defined]


async def test_a_removal_is_stored_as_soon_as_the_database_answers(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(bot)
    monkeypatch.setattr(client, "AWAY_RETRY_SECONDS", 0)
    leave, tries = world.guilds.leave, iter([True, True, False])

    async def away_at_first(*args: Any) -> bool:
        if next(tries):
            raise ConnectionRefusedError
        return await leave(*args)

    monkeypatch.setattr(world.guilds, "leave", away_at_first)
    bot.enter()
    await bot.on_guild_remove(SimpleNamespace(id=GUILD))  # type: ignore[arg-type]
    assert not world.guilds.present(GUILD)
    bot.enter(GUILD)
    await bot.on_guild_join(bot.here[0])
    assert world.guilds.present(GUILD)
    await bot.on_guild_remove(SimpleNamespace(id=GUILD))  # type: ignore[arg-type]
    assert world.guilds.present(GUILD)  # it is back by then


async def test_roles_that_change_open_what_was_closed(bot: Bot) -> None:
    opened: list[int] = []

    async def note(guild_id: int) -> None:
        opened.append(guild_id)

    bot.services.outbox.server_opened = note  # type: ignore[method-assign]
    guild = SimpleNamespace(id=GUILD)
    before, after = SimpleNamespace(permissions=1, guild=guild), SimpleNamespace(permissions=2, guild=guild)
    await bot.on_guild_role_update(before, before)  # type: ignore[arg-type]
    await bot.on_guild_role_update(before, after)  # type: ignore[arg-type]
    assert opened == [GUILD]
