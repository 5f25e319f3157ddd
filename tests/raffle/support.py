"""A raffle to try things on: the real services and database, with a clock and a beacon that the test holds."""

from __future__ import annotations

import gettext
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from core import identity
from core.attendance import Attendance
from core.beacon import BeaconChain, BeaconClient, BeaconRound, BeaconUnavailable
from core.config import Config
from core.db import Connection, Database
from core.draws import DrawFinisher, Publisher
from core.guilds import Guilds, GuildSettings
from core.kick_events import ChatMessage, GiftedSubs
from core.messages import Message
from core.texts import Reader, Texts
from raffle_system import (
    draw,
    gift_payments,
    gifted_sub_tracker,
    ledger_store,
    periods,
    tickets,
    watchtime_converter,
)
from raffle_system.chat_activity import Viewer
from raffle_system.claims import ClaimDeadlines
from raffle_system.draw import DrawRequest, DrawStarted
from raffle_system.gift_payments import Award
from raffle_system.gift_telling import Gift
from raffle_system.models import Grant, Period
from raffle_system.scheduler import RaffleSchedule
from sandbox.beacon import Beacon

GUILD = 987_654_321_098_765_432
CHANNEL = 987_654_321_098_765_433
ADMIN = 987_654_321_098_765_434
MEMBER, OTHER, THIRD = (987_654_321_098_765_500 + n for n in range(3))
CHATROOM = 4_000_001
START = datetime(2025, 11, 3, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86_400))


class FakeClock:
    """Stands still until the test moves it; whoever sleeps moves it too."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now

    def advance(self, step: timedelta) -> datetime:
        self._now += step
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class EchoReader(Reader):
    """Renders a text as its key and arguments, so that tests do not depend on wording."""

    def __init__(self) -> None:
        super().__init__("en", gettext.NullTranslations(), None)

    def __call__(self, key: str, **args: object) -> str:
        return f"{key} {args}" if args else key

    def count(self, key: str, n: int, **args: object) -> str:
        return f"{key}[{n}]"


class EchoTexts(Texts):
    def __init__(self) -> None:
        self._readers = {"en": EchoReader()}


class FakeBeacon(BeaconClient):
    """Real rounds of a chain of our own, out when the clock says so."""

    _key = Beacon(lambda: START, genesis=1_700_000_000, period=3, secret=b"tests")

    def __init__(self, clock: FakeClock) -> None:
        key = self._key
        super().__init__(BeaconChain(key.chain_hash, key.public_key, key.genesis, key.period))
        self._clock = clock
        self.down = False
        self.late = timedelta(0)
        self.asked: list[int] = []

    async def fetch(self, number: int) -> BeaconRound | None:
        self.asked.append(number)
        if self.down:
            raise BeaconUnavailable("down")
        if self._clock.now() < self.chain.time_of(number) + self.late:
            return None
        signature, randomness = self._key.sign(number)
        return BeaconRound(number, signature, randomness)


@dataclass(frozen=True)
class Present:
    """A member who is there, without roles."""

    role_ids: frozenset[int] = frozenset()


class Presence:
    """Everybody is in the server but the `gone`."""

    own_id = 424242

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.fault: Exception | None = None

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Present]:
        if self.fault is not None:
            raise self.fault
        return {user_id: Present() for user_id in user_ids if user_id not in self.gone}


def config(**changes: Any) -> Config:
    return replace(Config(announcement_channel_id=CHANNEL), **changes)


@dataclass
class World:
    """One guild with its running raffle."""

    db: Database
    clock: FakeClock = field(default_factory=FakeClock)
    config: Config = field(default_factory=config)
    guild_id: int = GUILD

    def __post_init__(self) -> None:
        self.guilds = Guilds(self.db, self.clock, self.config, EchoTexts())
        self.beacon = FakeBeacon(self.clock)
        self.schedule = RaffleSchedule(self.db, self.clock, self.guilds, self.beacon.chain)
        self.presence = Presence()
        self.attendance = Attendance(self.db, self.clock, lambda: True, [ClaimDeadlines(self.clock, self.guilds)])
        self._refs = 0

    async def open(self) -> World:
        await self.guilds.load()
        await self.guilds.ensure(self.guild_id)
        await self.schedule.open_first(self.guild_id)
        return self

    @property
    def settings(self) -> GuildSettings:
        return self.guilds.get(self.guild_id)

    async def set(self, name: str, value: Any) -> None:
        async with self.db.transaction() as conn:
            changed = await self.guilds.change(conn, self.guild_id, name, value, ADMIN)
        self.guilds.adopt(changed)

    async def period(self, number: int | None = None) -> Period:
        async with self.db.transaction() as conn:
            if number is not None:
                return await periods.by_number(conn, self.guild_id, number)
            return await periods.active(conn, self.guild_id)

    async def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        async with self.db.transaction() as conn:
            return [dict(row) for row in (await conn.execute(text(sql), parameters)).mappings()]

    async def execute(self, sql: str, **parameters: Any) -> None:
        async with self.db.transaction() as conn:
            await conn.execute(text(sql), parameters)

    async def scalar(self, sql: str, **parameters: Any) -> Any:
        rows = await self.rows(sql, **parameters)
        return next(iter(rows[0].values()))

    async def total(self, member: int = MEMBER, period: Period | None = None) -> int:
        """The member's tickets; checks on the way that the balances are the ledger's sums."""
        wanted = period or await self.period()
        async with self.db.transaction() as conn:
            assert await tickets.audit_differences(conn) == []
            return await ledger_store.total(conn, wanted.id, member)

    def ref(self) -> str:
        self._refs += 1
        return f"test:{self._refs}"

    async def give(self, member: int = MEMBER, amount: int = 10, *, period: Period | None = None) -> None:
        wanted = period or await self.period()
        async with self.db.transaction() as conn:
            await tickets.give(
                conn, wanted, member, amount, reason="test", actor=ADMIN, ref=self.ref(), now=self.clock.now()
            )

    async def remove(self, member: int = MEMBER, amount: int = 10) -> None:
        wanted = await self.period()
        async with self.db.transaction() as conn:
            await tickets.remove(
                conn, wanted, member, amount, reason="test", actor=ADMIN, ref=self.ref(), now=self.clock.now()
            )

    async def link(self, member: int, kick_name: str, kick_id: int | None) -> None:
        """Link and pay what waited for it, as a typed code does."""
        await self.link_only(member, kick_name, kick_id)
        async with self.db.transaction() as conn:
            current = await periods.active(conn, self.guild_id)
            await watchtime_converter.convert(conn, self.settings, current, self.clock.now(), only=kick_id)
            await gift_payments.pay_linked(conn, self.settings, current, member, kick_id, kick_name, self.clock.now())

    async def link_only(self, member: int, kick_name: str, kick_id: int | None) -> None:
        async with self.db.transaction() as conn:
            await identity.bind(conn, self.guild_id, member, kick_name, kick_id, None, self.clock.now())

    async def unlink(self, member: int) -> None:
        async with self.db.transaction() as conn:
            await identity.unlink(conn, self.clock, self.guild_id, member, member)

    async def watch(self, kick_id: int, minutes: int, name: str = "") -> None:
        """That many minutes of chat-active time, up to the clock's minute; the clock moves on by as much."""
        for _ in range(minutes):
            minute = self.clock.now().replace(second=0, microsecond=0)
            viewer = Viewer(kick_id, name or f"viewer{kick_id}", minute)
            async with self.db.transaction() as conn:
                period = await periods.for_event(conn, self.guild_id, minute)
                await watchtime_converter.credit(conn, self.settings, period, minute, [viewer])
            self.clock.advance(MINUTE)

    async def convert(self) -> int:
        """Convert the running period; the tickets that were paid."""
        async with self.db.transaction() as conn:
            period = await periods.active(conn, self.guild_id)
            return (await watchtime_converter.convert(conn, self.settings, period, self.clock.now())).tickets

    async def gift(self, gift: Gift, gifter_id: int | None = None, *, webhook_key: str | None = None) -> Award | None:
        known = gifter_id if gifter_id is not None or isinstance(gift, ChatMessage) else gift.gifter_id
        async with self.db.transaction() as conn:
            return await gifted_sub_tracker.record(
                conn, self.settings, gift, known, self.clock.now(), webhook_key=webhook_key
            )

    def request(self, **changes: Any) -> DrawRequest:
        return replace(DrawRequest(actor=ADMIN, channel_id=CHANNEL, prize="a prize", present=None), **changes)

    async def start_draw(self, period: Period | None = None, **changes: Any) -> DrawStarted:
        wanted = period or await self.period()
        async with self.db.transaction() as conn:
            return await self.start_draw_in(conn, wanted, **changes)

    async def start_draw_in(self, conn: Connection, period: Period, **changes: Any) -> DrawStarted:
        return await draw.start(
            conn, self.clock, self.settings, self.beacon.chain, self.guilds, period.id,
            self.request(**changes), self.schedule.last_call,
        )  # fmt: skip

    def finisher(self) -> DrawFinisher:
        publishers: dict[str, Publisher] = {"raffle": draw.RafflePublisher(self.clock, self.guilds)}
        return DrawFinisher(self.db, self.clock, self.beacon, publishers)

    async def finish(self) -> int:
        """Wait until every waiting round is out, and draw."""
        self.clock.advance(timedelta(seconds=15))
        return await self.finisher().finish_due()

    async def said(self) -> list[Message]:
        rows = await self.rows("SELECT payload FROM outbox WHERE guild_id = :g ORDER BY id", g=self.guild_id)
        return [Message.from_json(row["payload"]) for row in rows]

    def grant_of(self, period: Period, member: int, change: int, ref: str, source: str = "bonus") -> Grant:
        return Grant(
            guild_id=self.guild_id, period_id=period.id, discord_id=member, kick_name="", change=change,
            source=source, source_ref=ref, occurred_at=self.clock.now(),
        )  # fmt: skip


def gifted(clock: FakeClock, gifter: str = "giver", giftees: Sequence[str] = ("anna_1",), **changes: Any) -> GiftedSubs:
    """A gift as the socket tells it now; `changes` are fields of it."""
    plain = GiftedSubs(
        chatroom_id=CHATROOM, channel_id=None, correlation_id="c-1", gifter_name=gifter, gifter_id=None,
        giftees=tuple(giftees), gifted_total=len(giftees), gifter_total=None, chunk_index=None, total_chunks=None,
        anonymous=False, received_at=clock.now(),
    )  # fmt: skip
    return replace(plain, **changes)


def by_webhook(
    clock: FakeClock, gifter: str = "giver", giftees: Sequence[str] = ("anna_1",), **changes: Any
) -> GiftedSubs:
    """The same gift as the official webhook tells it."""
    return gifted(
        clock, gifter, giftees, **{
            "chatroom_id": None, "correlation_id": None, "gifted_total": None, "transport": "webhook",
            "created_at": clock.now(), "gifter_id": 71, "broadcaster_user_id": 9, **changes,
        },
    )  # fmt: skip


def chat(clock: FakeClock, content: str = "hello", user_id: int | None = 71, **changes: Any) -> ChatMessage:
    plain = ChatMessage(
        chatroom_id=CHATROOM, message_id="m-1", user_id=user_id, username=f"viewer{user_id}",
        slug=f"viewer{user_id}", content=content, badges=frozenset(), kind="message", gift_count=None,
        created_at=clock.now(), received_at=clock.now(),
    )  # fmt: skip
    return replace(plain, **changes)
