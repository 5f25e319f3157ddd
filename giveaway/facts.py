"""Facts about members from where they are known: Discord's edge, the ledger, the message counter, past wins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core import reserves
from core.beacon import BeaconChain
from core.clock import Clock
from core.db import Connection
from core.guilds import Guilds
from giveaway import fact_store as store
from giveaway import requirements as rules
from giveaway.levels import Activity
from giveaway.models import MemberFacts, Requirements
from giveaway.odds import Odds


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What Discord knows of a member. Times are aware; `joined_at` is None where Discord does not tell."""

    user_id: int
    role_ids: frozenset[int]
    created_at: datetime
    joined_at: datetime | None
    boosting: bool = False


class Members(reserves.Members, Protocol):
    """The edge that knows who is in a server, and what they bring along."""

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Person]: ...

    def deleted(self, guild_id: int, ids: Collection[int]) -> set[int]:
        """Those of the roles and channels that the server has no more. Errors: `NotReady` while nobody can tell."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """A member's raffle tickets: `credits` of all raffles together, `tickets` of the running one."""

    credits: int = 0
    tickets: int = 0


class Credits(Protocol):
    """Where raffle tickets come from."""

    async def of_many(self, conn: Connection, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Holding]:
        """Holdings; who is not in it has nothing."""
        ...


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the giveaways' services are given by the composition root."""

    clock: Clock
    guilds: Guilds
    chain: BeaconChain
    activity: Activity
    credits: Credits
    odds: Odds = field(default_factory=Odds)


@dataclass(kw_only=True)
class _Known:
    asked: bool
    levels: Mapping[int, int]
    holdings: Mapping[int, Holding]
    linked: Collection[int]
    messages: Mapping[int, Mapping[int, int]]
    last_wins: Mapping[int, datetime]


async def complete(
    conn: Connection, tools: Tools, guild_id: int, wanted: Requirements, people: Mapping[int, Person], now: datetime
) -> dict[int, MemberFacts]:  # fmt: skip
    """Everybody's facts; only those that the requirements ask for are looked up, each with one statement."""
    known = await _known(conn, tools, guild_id, wanted, people.keys(), now)
    return {user: _facts(person, known) for user, person in people.items()}


async def _known(
    conn: Connection, tools: Tools, guild_id: int, wanted: Requirements, users: Collection[int], now: datetime
) -> _Known:  # fmt: skip
    kinds = {rule.kind for rule in wanted.rules}
    known = _Known(asked=not kinds <= _OF_THE_PERSON, levels={}, holdings={}, linked=(), messages={}, last_wins={})
    if rules.LEVEL in kinds:
        known.levels = await tools.activity.levels(conn, guild_id, users)
    if kinds & {rules.CREDITS, rules.TICKETS}:
        known.holdings = await tools.credits.of_many(conn, guild_id, users)
    if rules.LINKED in kinds:
        known.linked = await store.linked(conn, guild_id, users)
    if rules.NO_WIN in kinds:
        known.last_wins = await store.last_wins(conn, guild_id, users)
    known.messages = {
        rule.days: await tools.activity.messages(conn, guild_id, users, rule.days, now)
        for rule in wanted.rules
        if rule.kind == rules.MESSAGES
    }
    return known


def _facts(person: Person, known: _Known) -> MemberFacts:
    user = person.user_id
    if not known.asked:
        return MemberFacts(user, person.role_ids, person.created_at, person.joined_at, person.boosting)
    holding = known.holdings.get(user, _NOTHING)
    return MemberFacts(
        user_id=user, role_ids=person.role_ids, created_at=person.created_at, joined_at=person.joined_at,
        boosting=person.boosting, level=known.levels.get(user, 0), credits=holding.credits, tickets=holding.tickets,
        linked=user in known.linked, last_win=known.last_wins.get(user),
        messages={days: counts.get(user, 0) for days, counts in known.messages.items()},
    )  # fmt: skip


_NOTHING = Holding()
_OF_THE_PERSON = {
    rules.ANY_ROLE, rules.ALL_ROLES, rules.NO_ROLE, rules.ACCOUNT_AGE, rules.SERVER_AGE, rules.BOOSTING, rules.INVITED,
}  # fmt: skip
