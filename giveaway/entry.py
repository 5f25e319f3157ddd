"""Entering and leaving: judged by facts, stored by one statement, told with honest odds."""

from __future__ import annotations

from datetime import datetime

from core.db import Connection, Row
from core.errors import UserError
from core.moments import stored_in_json
from giveaway import entities, entry_store, facts, requirements, settings
from giveaway.facts import Person, Tools
from giveaway.models import ACTIVE, PAUSED, SCHEDULED, Boost, Entry, Giveaway, Settings
from giveaway.requirements import Judgement, NotEligible


async def can_user_enter(
    conn: Connection, tools: Tools, giveaway: Giveaway, guild: Settings, person: Person
) -> Judgement:  # fmt: skip
    """How the giveaway's conditions fall out for a member now."""
    now = tools.clock.now()
    known = await facts.complete(conn, tools, giveaway.guild_id, giveaway.requirements, {person.user_id: person}, now)
    return requirements.judge(giveaway.requirements, guild, known[person.user_id], now)


async def add_entry(conn: Connection, tools: Tools, guild_id: int, giveaway_id: int, person: Person) -> Entry:
    """Enter a member, safe against presses at the same moment; `joined` is False for one who is in already.

    Only the last statement writes, so that no transaction around it is needed.

    Errors: `giveaway.not_found` (also another guild's), `giveaway.paused`, `giveaway.not_started`, `giveaway.over`,
    `giveaway.cancelled`; `NotEligible` with every condition's outcome.
    """
    now = tools.clock.now()
    row = await entry_store.door(conn, guild_id, giveaway_id, now)
    if row is None:
        raise UserError("giveaway.not_found")
    giveaway = Giveaway.from_row(row)
    require_open(giveaway, now)
    judgement = await can_user_enter(conn, tools, giveaway, settings.from_row(row), person)
    if not judgement.allowed:
        inside = await entry_store.of_member(conn, giveaway_id, person.user_id)
        raise NotEligible(judgement, entered=inside is not None)
    points = entities.points_of(giveaway.entities, person.role_ids, _boosts(row), now)
    found = await entry_store.join(conn, guild_id, giveaway_id, person.user_id, points, now)
    if not found["open"]:
        raise UserError("giveaway.over")
    return await _entry(conn, tools, giveaway, found, points)


async def _entry(conn: Connection, tools: Tools, giveaway: Giveaway, found: Row, points: int) -> Entry:
    entries, tickets = int(found["entries"]), int(found["tickets"])
    if found["entered"]:
        entries, tickets = entries + 1, tickets + entities.tickets_for(points)
    elif found["held"] is not None:
        points = found["held"]
    tickets = max(tickets, entities.tickets_for(points))
    return Entry(
        joined=found["entered"], points=points, tickets=entities.tickets_for(points), entries=entries,
        total_tickets=tickets, chances=await tools.odds.of(conn, giveaway, entries, tickets, tools.clock.now()),
    )  # fmt: skip


def _boosts(row: Row) -> list[Boost]:
    """The door's boosts, which come as JSON."""
    return [
        Boost(
            boost_id=boost["boost_id"], role_id=boost["role_id"], factor=boost["factor"],
            starts_at=stored_in_json(boost["starts_at"]), until=stored_in_json(boost["until"]),
        )
        for boost in row["boosts"]
    ]  # fmt: skip


def require_open(giveaway: Giveaway, now: datetime) -> None:
    """Errors: why nobody can enter now."""
    if giveaway.status == ACTIVE and now < giveaway.end_time:
        return
    closed = {SCHEDULED: "giveaway.not_started", PAUSED: "giveaway.paused", "cancelled": "giveaway.cancelled"}
    raise UserError(closed.get(giveaway.status, "giveaway.over"))


async def leave(conn: Connection, tools: Tools, guild_id: int, giveaway_id: int, user_id: int) -> None:
    """Withdraw an entry while the giveaway is open. Errors: `giveaway.not_open`, `giveaway.not_in`."""
    found = await entry_store.leave(conn, guild_id, giveaway_id, user_id, tools.clock.now())
    if not found["open"]:
        raise UserError("giveaway.not_open")
    if not found["gone"]:
        raise UserError("giveaway.not_in")
