"""A small world for giveaways: a clock to set, members to name, a sender that remembers, texts that echo their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core import config
from core.attendance import Attendance
from core.beacon import QUICKNET, BeaconClient
from core.db import Connection, Database
from core.delivery import Outbox
from core.draws import DrawFinisher
from core.guilds import Guilds, GuildSettings
from core.letters import Gone, Letter, Server
from core.reserves import Look, looked_up
from core.texts import Reader, Texts
from giveaway import giveaway_system as system
from giveaway.absence import Absence
from giveaway.announcements import Change
from giveaway.checker import GiveawayChecker
from giveaway.ending import Ending
from giveaway.facts import Holding, Person, Tools
from giveaway.levels import CountedActivity
from giveaway.models import Draft, Entities, Entry, Giveaway, RoleEntity
from giveaway.publishing import GiveawayPost, GiveawayPublisher
from giveaway.winners import WinnerRoles

GUILD, OTHER_GUILD, CHANNEL, HOST, BOT, OWNER = 900, 901, 5_000, 77, 424242, 76
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VIP, BOOSTER, ADMIN = 11, 12, 13


class FakeClock:
    """Time that moves only when told."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **span: float) -> None:
        self._now += timedelta(**span)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a test of what is due does not sleep")


class EchoReader(Reader):
    """Says the key and its arguments, so that a test sees what was said in no language."""

    def __init__(self) -> None:
        self.locale, self.rtl = "en", False

    def __call__(self, key: str, **args: object) -> str:
        return key + "".join(f" {name}={value}" for name, value in args.items())

    def count(self, key: str, n: int, **args: object) -> str:
        return self(key, n=n, **args)


class EchoTexts(Texts):
    def __init__(self) -> None:
        self._readers = {"en": EchoReader()}


class FakeMembers:
    """Who is in the server; empty roles for everybody who is not named otherwise."""

    own_id = BOT

    def __init__(self) -> None:
        self.people: dict[int, Person] = {}
        self.gone: set[int] = set()
        self.deleted_ids: set[int] = set()
        self.fault: Exception | None = None

    def deleted(self, guild_id: int, ids: Collection[int]) -> set[int]:
        return self.deleted_ids & set(ids)

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Person]:
        if self.fault is not None:
            raise self.fault
        return {user: self.people.get(user) or person(user) for user in user_ids if user not in self.gone}


class FakeCredits:
    def __init__(self) -> None:
        self.held: dict[int, Holding] = {}

    async def of_many(self, conn: Connection, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Holding]:
        return {user: self.held[user] for user in user_ids if user in self.held}


class FakeSender:
    """Remembers letters; `closed` members and channels can never be reached, `down` fails everything."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.closed: set[int] = set()
        self.refusal = "404 Not Found (error code: 10003): Unknown Channel"
        self.down = False
        self._ids = iter(range(70_000, 10**9))

    async def send(self, letter: Letter) -> int:
        if self.down:
            raise ConnectionError("Discord is down")
        if letter.user_id in self.closed or letter.channel_id in self.closed:
            raise Gone(self.refusal)
        self.letters.append(letter)
        return letter.edits or next(self._ids)

    async def find(self, letter: Letter, since: datetime) -> Sequence[int]:
        """Nothing that failed here was posted all the same."""
        return ()

    def server(self, guild_id: int) -> Server | None:
        return Server(name="Home", owner_id=OWNER)

    def of(self, ref: str) -> list[Letter]:
        return [letter for letter in self.letters if letter.message.ref == ref]


class FakeRoles:
    def __init__(self) -> None:
        self.done: list[tuple[str, int, int]] = []
        self.fault: Exception | None = None
        self.hangs: dict[int, asyncio.Event] = {}

    async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
        await self._act("give", user_id, role_id)

    async def take(self, guild_id: int, user_id: int, role_id: int) -> None:
        await self._act("take", user_id, role_id)

    async def _act(self, name: str, user_id: int, role_id: int) -> None:
        if user_id in self.hangs:
            await self.hangs.pop(user_id).wait()
        if self.fault is not None:
            raise self.fault
        self.done.append((name, user_id, role_id))


def person(user_id: int, *roles: int, created_days: float = 1000, joined_days: float = 500, **more: Any) -> Person:
    """A member whose account and membership are so many days old at `NOW`."""
    return Person(
        user_id=user_id, role_ids=frozenset(roles), created_at=NOW - timedelta(days=created_days),
        joined_at=NOW - timedelta(days=joined_days), **more,
    )  # fmt: skip


def draft(**changes: Any) -> Draft:
    values: dict[str, Any] = {
        "channel_id": CHANNEL, "host_id": HOST, "prize": "Nitro for a month", "duration": timedelta(days=1),
        "winners_count": 1, "description": "for everybody",
    }  # fmt: skip
    return Draft(**{**values, **changes})


def vip_entities(**changes: Any) -> Entities:
    roles = (
        RoleEntity(role_id=VIP, points=5),
        RoleEntity(role_id=BOOSTER, points=3),
        RoleEntity(role_id=ADMIN, points=10),
    )
    return Entities(**{"enabled": True, "roles": roles, **changes})


@dataclass(kw_only=True)
class World:
    """Everything wired as in the composition root, with stand-ins at the edges."""

    db: Database
    clock: FakeClock
    guilds: Guilds
    tools: Tools
    members: FakeMembers
    credits: FakeCredits
    sender: FakeSender = field(default_factory=FakeSender)
    roles: FakeRoles = field(default_factory=FakeRoles)

    def __post_init__(self) -> None:
        self.ending = Ending(self.db, self.tools, self.members)
        self.winner_roles = WinnerRoles(self.db, self.tools, self.roles)
        self.connected = True
        self.absence = Absence(self.tools)
        self.new_process()
        self.outbox = Outbox(self.db, self.clock, self.guilds, self.sender, {"giveaway": GiveawayPost(self.tools)})

    def new_process(self) -> None:
        """What a process keeps in memory begins anew."""
        self.attendance = Attendance(self.db, self.clock, lambda: self.connected, [self.absence])
        self.checker = GiveawayChecker(
            self.db, self.tools, self.members, self.ending, self.winner_roles, self.attendance
        )

    async def returned(self, conn: Connection, guild_id: int, since: datetime) -> None:
        """As the client does when it is invited again."""
        await self.attendance.returned(conn, guild_id, since)
        await self.absence.returned(conn, guild_id)

    @property
    def guild(self) -> GuildSettings:
        return self.guilds.get(GUILD)

    async def create(self, **changes: Any) -> Giveaway:
        return await self.create_in(GUILD, **changes)

    async def create_in(self, guild_id: int, **changes: Any) -> Giveaway:
        async with self.db.transaction() as conn:
            return await system.create_giveaway(conn, self.tools, self.guilds.get(guild_id), draft(**changes), HOST)

    async def enter(self, giveaway: Giveaway, *people: Person) -> list[Entry]:
        made = []
        for one in people:
            self.members.people[one.user_id] = one
            async with self.db.transaction() as conn:
                made.append(await system.add_entry(conn, self.tools, giveaway.guild_id, giveaway.giveaway_id, one))
        return made

    async def find(self, giveaway: Giveaway) -> Giveaway:
        async with self.db.transaction() as conn:
            return await system.find(conn, giveaway.guild_id, giveaway.giveaway_id)

    async def end(self, giveaway: Giveaway, actor: int | None = HOST) -> bool:
        async with self.db.transaction() as conn:
            return await system.end_giveaway(conn, self.tools, giveaway, actor)

    async def finish(self) -> int:
        """Finish the frozen draws (in `commit` mode, so that no beacon is needed)."""
        finisher = DrawFinisher(self.db, self.clock, _NO_BEACON, {"giveaway": GiveawayPublisher(self.tools)})
        return await finisher.finish_due()

    async def draw(self, giveaway: Giveaway, actor: int | None = HOST) -> Giveaway:
        """End, freeze and draw."""
        await self.end(giveaway, actor)
        await self.ending.freeze(giveaway.giveaway_id)
        await self.finish()
        return await self.find(giveaway)

    async def reroll(self, giveaway: Giveaway, reason: str = "", **which: Any) -> list[Change]:
        async def act(look: Look) -> list[Change]:
            async with self.db.transaction() as conn:
                return await system.reroll_giveaway(conn, self.tools, giveaway, HOST, look, reason, **which)

        return await looked_up(self.members, giveaway.guild_id, act)

    async def deliver(self) -> None:
        while await self.outbox.deliver_due():
            pass


class _NoBeacon(BeaconClient):
    def __init__(self) -> None:
        self.chain = QUICKNET


_NO_BEACON = _NoBeacon()


async def make_world(url: str) -> World:
    db, clock = Database(url), FakeClock()
    guilds = Guilds(db, clock, config.load({"DRAW_MODE": "commit"}), EchoTexts())
    await guilds.ensure(GUILD)
    await guilds.ensure(OTHER_GUILD)
    credits = FakeCredits()
    tools = Tools(clock=clock, guilds=guilds, chain=QUICKNET, activity=CountedActivity(), credits=credits)
    return World(db=db, clock=clock, guilds=guilds, tools=tools, members=FakeMembers(), credits=credits)
