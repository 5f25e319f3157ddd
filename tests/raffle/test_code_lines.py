"""Codes in the chat: found in a flood of lines that only look like codes, at the price of a few questions."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core import identity
from core.db import Connection, Database
from core.kick_events import KickChannelIds, LiveStatus
from raffle_system.kick_intake import KickIntake
from tests.raffle.support import CHATROOM, MEMBER, OTHER, World, chat, gifted


class CountingDatabase(Database):
    """How many transactions were begun."""

    begun = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        self.begun += 1
        async with super().transaction() as conn:
            yield conn


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[CountingDatabase]:
    database = CountingDatabase(database_url)
    yield database
    await database.close()


def _wrong() -> list[str]:
    return ["".join(letters) + "222" for letters in itertools.islice(itertools.product("QRSTUVWXYZ", repeat=3), 1000)]


async def test_a_flood_of_wrong_codes_costs_nobody_else_anything(world: World, db: CountingDatabase) -> None:
    intake = KickIntake(db, world.clock, world.guilds, "off")
    intake.follow({world.guild_id: KickChannelIds("s", 1, CHATROOM, 9)})
    await world.link(OTHER, "giver", 5)
    async with db.transaction() as conn:
        code = (await identity.new_code(conn, world.clock, world.guild_id, MEMBER, None)).code
    before = db.begun
    for user, content in enumerate(_wrong(), 100):
        await intake.on_event(chat(world.clock, content, user_id=user))
    for content in _wrong()[:50]:
        await intake.on_event(chat(world.clock, content, user_id=77))
    await intake.on_event(LiveStatus(1, CHATROOM, True, "socket", None, world.clock.now()))
    assert intake.live_of(world.guild_id) == (True, "socket")
    assert db.begun == before, "a line of chat asks the database nothing"
    await intake.on_event(gifted(world.clock))
    assert await world.total(OTHER) == 15
    await intake.on_event(chat(world.clock, code, user_id=71))
    before = db.begun
    while len(intake.codes):
        await intake.codes.look_up()
    assert db.begun - before == 4
    async with db.transaction() as conn:
        link = await identity.link_of(conn, world.guild_id, MEMBER)
    assert link is not None
    assert link.kick_user_id == 71
    assert intake.counters["wrong code"] == 1003
    assert intake.counters["code not looked up"] == 47


async def test_a_code_outlives_a_look_up_that_failed(world: World, db: CountingDatabase) -> None:
    intake = KickIntake(db, world.clock, world.guilds, "off")
    intake.follow({world.guild_id: KickChannelIds("s", 1, CHATROOM, 9)})
    async with db.transaction() as conn:
        code = (await identity.new_code(conn, world.clock, world.guild_id, MEMBER, None)).code
    await intake.on_event(chat(world.clock, code, user_id=71))
    await world.execute("ALTER TABLE link_codes RENAME TO gone")
    with pytest.raises(Exception, match="link_codes"):
        await intake.codes.look_up()
    await world.execute("ALTER TABLE gone RENAME TO link_codes")
    await intake.codes.look_up()
    async with db.transaction() as conn:
        assert await identity.link_of(conn, world.guild_id, MEMBER) is not None
