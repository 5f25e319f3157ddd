"""The freeze: everybody's eligibility and points of one moment, published before the randomness exists."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core import draws, fair_draw, outbox
from core.chances import win_rate
from core.db import Connection, Database
from core.draws import Freeze
from core.reserves import LEFT_SERVER
from giveaway import announcements, entities, entry_store, facts, journal, presets, requirements, settings, store
from giveaway.facts import Members, Person, Tools
from giveaway.models import ENDING, Boost, Giveaway, MemberFacts, Settings

FREEZES_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Roll:
    """Who takes part with how many points, and who is left out for what."""

    points: Mapping[int, int]
    excluded: Sequence[tuple[int, str]]

    @property
    def entrants(self) -> fair_draw.Entrants:
        rows = sorted(self.points.items())
        return fair_draw.Entrants([who for who, _ in rows], [entities.tickets_for(points) for _, points in rows])


@dataclass(frozen=True, kw_only=True)
class Moment:
    """All that the roll is called by."""

    giveaway: Giveaway
    settings: Settings
    boosts: Sequence[Boost]
    joined: Mapping[int, datetime]
    known: Mapping[int, MemberFacts]
    now: datetime

    def boosts_of(self, user_id: int) -> tuple[Boost, ...]:
        """Those of the moment of the entry: what was promised then holds, whatever became of the boost since."""
        if not self.boosts:
            return ()
        entered = self.joined[user_id]
        return tuple(boost for boost in self.boosts if boost.starts_at <= entered < boost.until)


def call_roll(moment: Moment, user_ids: Collection[int]) -> Roll:
    """Judge every entrant by the facts of the moment; who is not among them has left the server."""
    points: dict[int, int] = {}
    points_of_roles: dict[tuple[frozenset[int], tuple[Boost, ...]], int] = {}
    excluded: list[tuple[int, str]] = []
    giveaway = moment.giveaway
    for user_id in user_ids:
        found = moment.known.get(user_id)
        if found is None:
            excluded.append((user_id, LEFT_SERVER))
            continue
        if not requirements.allowed(giveaway.requirements, moment.settings, found, moment.now):
            judgement = requirements.judge(giveaway.requirements, moment.settings, found, moment.now)
            excluded.append((user_id, judgement.reason))
            continue
        boosts = moment.boosts_of(user_id)
        held = points_of_roles.get((found.role_ids, boosts))
        if held is None:
            held = entities.points_of(giveaway.entities, found.role_ids, boosts)
            points_of_roles[found.role_ids, boosts] = held
        points[user_id] = held
    return Roll(points=points, excluded=sorted(excluded))


def statistics(roll: Roll) -> dict[str, Any]:
    """The plan's figures of a giveaway that has closed."""
    entrants, bonus = len(roll.points), sum(roll.points.values())
    return {
        "total_entries": entrants, "total_bonus_entries": bonus, "total_tickets": entrants + bonus,
        "avg_entities_points": round(bonus / entrants, 2) if entrants else 0,
        "max_entities_points": max(roll.points.values(), default=0), "excluded": len(roll.excluded),
    }  # fmt: skip


class Ending:
    """Takes a giveaway from `ending` (closed for entry) to a frozen draw, or to its end where nobody is left."""

    def __init__(self, db: Database, tools: Tools, members: Members) -> None:
        self._db = db
        self._tools = tools
        self._members = members
        self._turns = asyncio.Semaphore(FREEZES_AT_ONCE)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        """Many giveaways may close at one moment; members who press buttons need connections too."""
        async with self._turns, self._db.transaction() as conn:
            yield conn

    async def freeze(self, giveaway_id: int) -> bool:
        """Freeze once, whoever asks and however often. Errors: whatever the members' edge raises; ask again then."""
        async with self._transaction() as conn:
            row = await store.get(conn, giveaway_id)
            if row is None or row["status"] != ENDING:
                return False
            user_ids = await entry_store.entrant_ids(conn, giveaway_id)
        people = await self._members.of_many(row["guild_id"], user_ids) if user_ids else {}
        async with self._transaction() as conn:
            row = await store.get(conn, giveaway_id, for_update=True)
            if row is None or row["status"] != ENDING:
                return False
            await self._freeze(conn, Giveaway.from_row(row), user_ids, people)
        return True

    async def _freeze(
        self, conn: Connection, giveaway: Giveaway, user_ids: Sequence[int], people: Mapping[int, Person]
    ) -> None:  # fmt: skip
        now = self._tools.clock.now()
        gone = self._members.deleted(giveaway.guild_id, requirements.role_ids(giveaway.requirements))
        giveaway = replace(giveaway, requirements=requirements.without(giveaway.requirements, gone))
        known = await facts.complete(conn, self._tools, giveaway.guild_id, giveaway.requirements, people, now)
        boosts = await presets.boosts_of(conn, giveaway.guild_id, giveaway.started_at or giveaway.start_time, now)
        boosts = boosts if giveaway.entities.enabled else ()
        moment = Moment(
            giveaway=giveaway, settings=await settings.load(conn, giveaway.guild_id), boosts=boosts,
            joined=await entry_store.joined_at(conn, giveaway.giveaway_id) if boosts else {}, known=known, now=now,
        )  # fmt: skip
        roll = await asyncio.to_thread(call_roll, moment, user_ids)
        await entry_store.settle(conn, giveaway.giveaway_id, roll.points, roll.excluded)
        rate = win_rate(
            Counter(entities.tickets_for(points) for points in roll.points.values()), giveaway.winners_count
        )
        await store.change(conn, giveaway.giveaway_id, {"stats": statistics(roll), "win_rate": rate})
        if roll.points:
            await self._to_draw(conn, giveaway, roll)
        else:
            await self._without_draw(conn, giveaway)

    async def _to_draw(self, conn: Connection, giveaway: Giveaway, roll: Roll) -> None:
        """With fewer eligible entrants than winners all of them win."""
        tools, entrants = self._tools, roll.entrants
        await store.set_frozen(conn, giveaway.giveaway_id, tools.clock.now())
        frozen = await draws.freeze_draw(
            conn, tools.clock, tools.chain, giveaway.draw_id,
            Freeze(
                title=f"Giveaway {giveaway.giveaway_id}", prize=giveaway.prize,
                winners=min(giveaway.winners_count, len(entrants)), entrants=entrants.text,
                entrant_count=len(entrants), total_tickets=entrants.total, excluded=roll.excluded,
                requested_by=giveaway.ended_by, channel_id=giveaway.channel_id,
            ),
        )  # fmt: skip
        reader = tools.guilds.reader(giveaway.guild_id)
        message = announcements.drawing(reader, giveaway, frozen, len(roll.excluded))
        await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
        detail = {"entrants_sha256": frozen.entrants_sha256, "entrants": len(entrants), "excluded": len(roll.excluded)}
        await journal.note(conn, tools, giveaway, "freeze", giveaway.ended_by, "", **detail)

    async def _without_draw(self, conn: Connection, giveaway: Giveaway) -> None:
        """Ended, nobody to win."""
        tools = self._tools
        await store.set_ended(conn, giveaway.giveaway_id)
        row = await store.get(conn, giveaway.giveaway_id)
        over = Giveaway.from_row(row) if row is not None else giveaway
        reader = tools.guilds.reader(giveaway.guild_id)
        for message in (announcements.ended(reader, over, ()), announcements.nobody(reader, over)):
            await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
        await journal.note(conn, tools, over, "nobody", giveaway.ended_by)
        await journal.tell_host(conn, tools, over, "giveaway.host_nobody")
