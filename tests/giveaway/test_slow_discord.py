"""Discord that answers late, in part, or not at all: nobody's giveaway waits for another server's members."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from cogs import _members
from cogs._members import GuildMembers, MemberLists
from core.errors import NotReady
from giveaway import checker as checker_module
from giveaway.facts import Person
from giveaway.models import Options
from tests.giveaway.support import GUILD, OTHER_GUILD, FakeClock, World, person


class FakeGuild:
    """A server as discord.py shows it, whose list of members is not complete."""

    def __init__(self, members: Collection[int] = ()) -> None:
        self.id, self.unavailable, self.chunked = GUILD, False, False
        self.there = dict.fromkeys(members)
        self.members: list[int] = []
        self.queries: list[list[int]] = []
        self.silent = False
        self._state = SimpleNamespace(_chunk_requests={GUILD: "never answered"}, chunk_guild=self._chunk)
        self.chunks = 0

    async def query_members(self, *, user_ids: list[int], limit: int, cache: bool) -> list[Any]:
        self.queries.append(user_ids)
        if self.silent:
            await asyncio.Event().wait()
        return [SimpleNamespace(id=user, roles=[], guild=self, created_at=None, joined_at=None, premium_since=None)
                for user in user_ids if user in self.there]  # fmt: skip

    async def _chunk(self, guild: FakeGuild, *, wait: bool) -> None:
        assert GUILD not in self._state._chunk_requests
        self.chunks += 1


def _edge(guild: FakeGuild) -> Any:
    bot = SimpleNamespace(intents=SimpleNamespace(members=True), get_guild=lambda _id: guild, guilds=[guild])
    return SimpleNamespace(bot=bot, connected=True)


async def test_a_few_members_are_asked_for_by_id_while_the_list_is_not_complete() -> None:
    guild = FakeGuild(members=(1, 3))
    members = GuildMembers(_edge(guild), FakeClock())
    assert sorted(await members.of_many(GUILD, [1, 2, 3])) == [1, 3]


async def test_many_members_are_asked_for_once_the_list_had_its_time() -> None:
    guild, clock = FakeGuild(members=range(150)), FakeClock()
    members = GuildMembers(_edge(guild), clock)
    with pytest.raises(NotReady):
        await members.of_many(GUILD, range(150))
    assert guild.queries == []
    clock.advance(seconds=30)
    assert len(await members.of_many(GUILD, range(150))) == 150
    assert [len(ids) for ids in guild.queries] == [100, 50]


async def test_an_answer_that_does_not_come_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_members, "ANSWER_SECONDS", 0.01)
    guild = FakeGuild()
    guild.silent = True
    with pytest.raises(NotReady, match="in vain"):
        await GuildMembers(_edge(guild), FakeClock()).of_many(GUILD, [1])


async def test_a_list_that_was_refused_is_asked_for_again_and_seldom_in_the_end() -> None:
    guild, clock = FakeGuild(), FakeClock()
    lists = MemberLists(_edge(guild), clock)
    for _ in range(20):
        await lists.ask_again()
        clock.advance(seconds=30)
    assert guild.chunks == 5
    guild.chunked = True
    assert await lists.ask_again() == 0


async def test_a_list_that_still_grows_is_left_alone() -> None:
    guild = FakeGuild()
    lists = MemberLists(_edge(guild), FakeClock())
    await lists.ask_again()
    guild.members.append(1)
    assert await lists.ask_again() == 0


class HalfSilent:
    """Members of one server never come."""

    own_id = 1

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Person]:
        if guild_id == OTHER_GUILD:
            await self.released.wait()
        return {user: person(user) for user in user_ids}


async def test_a_server_that_does_not_answer_keeps_no_other_from_ending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(checker_module, "DISCORD_SECONDS", 0.2)
    silent = HalfSilent()
    monkeypatch.setattr(world.members, "of_many", silent.of_many)
    stuck = await world.create_in(OTHER_GUILD)
    mine = await world.create()
    await world.enter(stuck, person(1))
    await world.enter(mine, person(1))
    world.clock.advance(days=2)
    await world.checker.check()
    assert [(await world.find(one)).status for one in (stuck, mine)] == ["ending", "frozen"]
    silent.released.set()
    await world.checker.check()
    assert (await world.find(stuck)).status == "frozen"


async def test_a_client_that_is_not_connected_is_no_fault(world: World, caplog: pytest.LogCaptureFixture) -> None:
    giveaway = await world.create()
    await world.enter(giveaway, person(1))
    world.clock.advance(days=2)
    world.members.fault = NotReady("Discord is not connected")
    with caplog.at_level(logging.INFO):
        await world.checker.check()
    assert world.checker.last_error is None
    assert [line.levelname for line in caplog.records if line.name.startswith("giveaway")] == ["INFO"]
    world.members.fault = None
    world.clock.advance(seconds=30)
    await world.checker.check()
    assert (await world.find(giveaway)).status == "frozen"


async def test_a_role_waits_for_discord_however_long(world: World) -> None:
    giveaway = await world.create(options=Options(winner_role_id=66))
    await world.enter(giveaway, person(1))
    await world.draw(giveaway)
    world.roles.fault = NotReady("Discord is not connected")
    for _ in range(20):
        await world.winner_roles.settle_due()
        world.clock.advance(minutes=10)
    world.roles.fault = None
    assert await world.winner_roles.settle_due() == 1
    assert world.roles.done == [("give", 1, 66)]
