"""Any order of earning, linking, replaying, crashing and month ends: the books balance and nobody loses a ticket."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import identity
from core.db import Connection, Database
from core.errors import InsufficientTickets, UserError
from raffle_system import gift_payments, gifted_sub_tracker, periods, tickets, watchtime_converter
from raffle_system.chat_activity import Viewer
from raffle_system.models import Period
from tests.raffle.support import ADMIN, GUILD, MEMBER, MINUTE, SECOND, World, gifted

T = TypeVar("T")
Operation = Callable[[Connection], Awaitable[T]]

MEMBERS = st.integers(MEMBER, MEMBER + 2)
VIEWERS = st.integers(1, 4)
PROFILE = settings(
    max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class Crash(Exception):
    """The process died after its statements and before their commit."""


@dataclass
class Gift:
    """What the model remembers of a gift: who gave (None: anonymous), when it counts, whether it was paid."""

    giver: int | None
    subs: int
    period: int
    paid: bool = False


class Books:
    """The rules once more, as plainly as they can be said."""

    def __init__(self) -> None:
        self.period = 1
        self.minutes: Counter[tuple[int, int]] = Counter()
        self.hours_paid: Counter[tuple[int, int]] = Counter()
        self.balance: Counter[tuple[int, int]] = Counter()
        self.gifts: list[Gift] = []
        self.owner: dict[int, int] = {}
        self.linked_in: dict[int, int] = {}

    def convert(self, period: int) -> None:
        """Whole hours of everybody who is linked, and was when the period ended."""
        for viewer, member in self.owner.items():
            if self.linked_in[viewer] > period:
                continue
            due = self.minutes[period, viewer] // 60 - self.hours_paid[period, viewer]
            self.hours_paid[period, viewer] += due
            self.balance[period, member] += 10 * due

    def link(self, viewer: int, member: int) -> None:
        self.owner[viewer], self.linked_in[viewer] = member, self.period
        due = self.minutes[self.period, viewer] // 60 - self.hours_paid[self.period, viewer]
        self.hours_paid[self.period, viewer] += due
        self.balance[self.period, member] += 10 * due
        for gift in self.gifts:
            if gift.period == self.period and gift.giver == viewer:
                self.pay(gift)

    def unlink(self, member: int) -> None:
        self.owner = {viewer: who for viewer, who in self.owner.items() if who != member}

    def pay(self, gift: Gift) -> None:
        member = self.owner.get(gift.giver) if gift.giver is not None else None
        if member is not None and not gift.paid:
            gift.paid = True
            self.balance[gift.period, member] += 15 * gift.subs


class LedgerMachine(RuleBasedStateMachine):
    runner: asyncio.Runner
    db: Database
    guilds = count(GUILD)

    @initialize()
    def open(self) -> None:
        self.world = World(self.db, guild_id=next(self.guilds))
        self.books = Books()
        self.refs = count(1)
        self.replays: list[Operation[object]] = []
        self.runner.run(self.world.open())
        self.periods: dict[int, Period] = {1: self.runner.run(self.world.period())}
        self.last_minute: dict[int, datetime] = {}

    def commit(self, operation: Operation[T]) -> T:
        """Let the operation crash once, then do it: only the second time counts."""

        async def crash() -> None:
            async with self.db.transaction() as conn:
                await operation(conn)
                raise Crash

        async def work() -> T:
            async with self.db.transaction() as conn:
                return await operation(conn)

        with suppress(Crash, UserError):
            self.runner.run(crash())
        return self.runner.run(work())

    @rule(member=MEMBERS, amount=st.integers(1, 60))
    def give(self, member: int, amount: int) -> None:
        ref, now, period = f"give:{next(self.refs)}", self.world.clock.now(), self.periods[self.books.period]

        async def operation(conn: Connection) -> object:
            return await tickets.give(conn, period, member, amount, reason="", actor=ADMIN, ref=ref, now=now)

        assert self.commit(operation) is not None
        self.replays.append(operation)
        self.books.balance[self.books.period, member] += amount

    @rule(member=MEMBERS, amount=st.integers(1, 60))
    def remove(self, member: int, amount: int) -> None:
        ref, now, period = f"take:{next(self.refs)}", self.world.clock.now(), self.periods[self.books.period]
        held = self.books.balance[self.books.period, member]

        async def operation(conn: Connection) -> object:
            return await tickets.remove(conn, period, member, amount, reason="", actor=ADMIN, ref=ref, now=now)

        if held < amount:
            with pytest.raises(InsufficientTickets) as refused:
                self.commit(operation)
            assert refused.value.args_ == {"balance": held, "wanted": amount}
            return
        assert self.commit(operation) is not None
        self.replays.append(operation)
        self.books.balance[self.books.period, member] -= amount

    @rule(viewer=VIEWERS, member=MEMBERS)
    def link(self, viewer: int, member: int) -> None:
        free = viewer not in self.books.owner and member not in self.books.owner.values()
        world, name = self.world, f"Viewer_{viewer}"

        async def operation(conn: Connection) -> None:
            now = world.clock.now()
            await identity.bind(conn, world.guild_id, member, name, viewer, None, now)
            period = await periods.held_open(conn, world.guild_id)
            await watchtime_converter.convert(conn, world.settings, period, now, only=viewer)
            await gift_payments.pay_linked(conn, world.settings, period, member, viewer, name, now)

        if not free:
            with pytest.raises(UserError, match=r"link\."):
                self.commit(operation)
            return
        self.commit(operation)
        self.books.link(viewer, member)

    @rule(member=MEMBERS)
    def unlink(self, member: int) -> None:
        if member not in self.books.owner.values():
            with pytest.raises(UserError, match=r"link\.none"):
                self.runner.run(self.world.unlink(member))
            return
        self.runner.run(self.world.unlink(member))
        self.books.unlink(member)

    @rule(viewer=VIEWERS, minutes=st.sampled_from([1, 20, 59, 60, 61]))
    def chat(self, viewer: int, minutes: int) -> None:
        start = self.world.clock.now()
        self.credit(viewer, [start + MINUTE * n for n in range(minutes)])
        self.world.clock.advance(MINUTE * minutes)

    @precondition(lambda self: self.books.period > 1)
    @rule(viewer=VIEWERS)
    def chat_in_the_last_minute_of_the_ended_month(self, viewer: int) -> None:
        self.credit(viewer, [self.periods[self.books.period].start_date - MINUTE])

    def credit(self, viewer: int, minutes: list[datetime]) -> None:
        guild_id = self.world.guild_id
        fresh = [minute for minute in minutes if minute > self.last_minute.get(viewer, minute - MINUTE)]

        async def operation(conn: Connection) -> int:
            made = 0
            for minute in minutes:
                seen = Viewer(viewer, f"Viewer_{viewer}", minute)
                period = await periods.for_event(conn, guild_id, minute)
                made += await watchtime_converter.credit(conn, self.world.settings, period, minute, [seen])
            return made

        assert self.commit(operation) == len(fresh)
        self.replays.append(operation)
        for minute in fresh:
            self.books.minutes[self.period_of(minute), viewer] += 1
            self.last_minute[viewer] = minute

    def period_of(self, moment: datetime) -> int:
        return max(number for number, period in self.periods.items() if period.start_date <= moment)

    @rule(giver=st.none() | VIEWERS, subs=st.integers(1, 3), known=st.booleans(), late=st.booleans())
    def gift(self, giver: int | None, subs: int, known: bool, late: bool) -> None:
        """`known`: the gifter's Kick id is said; `late`: it was given in the month before."""
        world, number = self.world, self.books.period
        at = world.clock.now()
        if late and number > 1:
            number, at = number - 1, self.periods[number].start_date - SECOND
        gift = gifted(
            world.clock, f"VIEWER_{giver}" if giver else "Anonymous", [f"friend{n}" for n in range(subs)],
            correlation_id=f"c-{next(self.refs)}", received_at=at, anonymous=giver is None,
        )  # fmt: skip
        if known and giver is not None:
            gift = replace(gift, gifter_id=giver)

        async def operation(conn: Connection) -> object:
            return await gifted_sub_tracker.record(conn, world.settings, gift, gift.gifter_id, world.clock.now())

        assert self.commit(operation) is not None
        self.replays.append(operation)
        self.books.gifts.append(Gift(giver, subs, number))
        self.books.pay(self.books.gifts[-1])

    @precondition(lambda self: self.replays)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(self.replays))
        assert not self.commit(operation)

    @rule()
    def convert(self) -> None:
        job = self.world.schedule.jobs()[0]

        async def operation(conn: Connection) -> None:
            await job.run(conn, self.world.settings, self.world.clock.now())

        self.commit(operation)
        for number in range(1, self.books.period + 1):
            self.books.convert(number)
        for viewer in self.books.owner:
            key = (self.books.period, viewer)
            assert self.books.minutes[key] - 60 * self.books.hours_paid[key] < 60

    @precondition(lambda self: self.books.period < 3)
    @rule()
    def month_end(self) -> None:
        """The hourly conversion goes on all month long."""
        self.convert()
        self.world.clock.set(self.periods[self.books.period].end_date)
        self.runner.run(self.world.schedule.close_due_periods())
        self.books.convert(self.books.period)
        self.books.period += 1
        self.periods[self.books.period] = self.runner.run(self.world.period())

    @invariant()
    def the_books_agree(self) -> None:
        rows = self.runner.run(
            self.world.rows(
                "SELECT p.number, t.discord_id, t.total_tickets FROM raffle_tickets t JOIN raffle_periods p "
                "ON p.id = t.period_id WHERE t.guild_id = :g AND t.total_tickets > 0", g=self.world.guild_id,
            )
        )  # fmt: skip
        kept = {(row["number"], row["discord_id"]): row["total_tickets"] for row in rows}
        assert kept == {key: total for key, total in self.books.balance.items() if total}

    @invariant()
    def balances_are_the_ledgers_sums(self) -> None:
        async def differences() -> object:
            async with self.db.transaction() as conn:
                return await tickets.audit_differences(conn)

        assert self.runner.run(differences()) == []


@pytest.mark.thorough
def test_any_order_of_events_keeps_the_books(database_url: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(database_url)

        class Machine(LedgerMachine):
            pass

        Machine.runner, Machine.db = runner, database
        try:
            run_state_machine_as_test(Machine, settings=PROFILE)
        finally:
            runner.run(database.close())
