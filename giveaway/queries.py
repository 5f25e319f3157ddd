"""Looking: lists, details, entrants with real odds, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core import draws
from core.db import Connection, Row
from core.errors import UserError
from core.tables import as_csv
from core.texts import percent
from giveaway import entities, entry_store, presets, store, winners
from giveaway.facts import Tools
from giveaway.models import (
    ACTIVE,
    CANCELLED,
    ENDED,
    FROZEN,
    PAUSED,
    UNFINISHED,
    Boost,
    EntryLine,
    EntryPage,
    Giveaway,
    Winner,
)

PAGE, CHOICES = 10, 25
_AFTER_FREEZE = (FROZEN, ENDED)
ANY_STATUS = (*UNFINISHED, ENDED, CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A giveaway as an autocomplete offers it."""

    giveaway_id: int
    prize: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Info:
    """All that `info` shows; `boosts` run or come, `tiers` are (name, points)."""

    giveaway: Giveaway
    entries: int
    total_tickets: int
    boosts: tuple[Boost, ...]
    tiers: tuple[tuple[str, int], ...]
    winners: tuple[Winner, ...]


async def listing(
    conn: Connection, guild_id: int, kind: str, member: int, page: int = 0
) -> tuple[list[Giveaway], bool]:  # fmt: skip
    """A page of the guild's giveaways (kinds: `store.LIST_KINDS`), and whether there are more."""
    rows = await store.listed(conn, guild_id, kind, member, max(page, 0) * PAGE, PAGE)
    return [Giveaway.from_row(row) for row in rows[:PAGE]], len(rows) > PAGE


async def choices(conn: Connection, guild_id: int, typed: str, statuses: Sequence[str]) -> list[Choice]:
    """At most 25 giveaways in these statuses whose prize contains what was typed."""
    rows = await store.search(conn, guild_id, typed.strip(), statuses, CHOICES)
    return [Choice(giveaway_id=r["giveaway_id"], prize=r["prize"], status=r["status"]) for r in rows]


async def only_one_in(conn: Connection, guild_id: int, channel_id: int) -> Giveaway:
    """The channel's only running giveaway. Errors: `giveaway.none_here`, `giveaway.which_one`."""
    rows = await store.in_channel(conn, guild_id, channel_id)
    if len(rows) != 1:
        raise UserError("giveaway.which_one" if rows else "giveaway.none_here")
    return Giveaway.from_row(rows[0])


async def last_drawn_in(conn: Connection, guild_id: int, channel_id: int) -> Giveaway:
    """The channel's giveaway that was drawn last. Errors: `giveaway.none_drawn_here`."""
    row = await store.last_drawn_in(conn, guild_id, channel_id)
    if row is None:
        raise UserError("giveaway.none_drawn_here")
    return Giveaway.from_row(row)


async def guild_of(conn: Connection, giveaway_id: int) -> int | None:
    """Whose giveaway it is, for a press that comes from a direct message."""
    row = await store.get(conn, giveaway_id)
    return row["guild_id"] if row else None


async def of_message(conn: Connection, guild_id: int, message_id: int) -> Giveaway:
    """The giveaway whose message this is. Errors: `giveaway.not_a_giveaway`."""
    row = await store.by_message(conn, guild_id, message_id)
    if row is None:
        raise UserError("giveaway.not_a_giveaway")
    return Giveaway.from_row(row)


async def info(conn: Connection, tools: Tools, giveaway: Giveaway) -> Info:
    """Details of a giveaway as it stands."""
    entries, tickets = await totals(conn, giveaway)
    running = giveaway.status in (ACTIVE, PAUSED) and giveaway.entities.enabled
    boosts = await presets.boosts(conn, giveaway.guild_id, tools.clock.now()) if running else ()
    return Info(
        giveaway=giveaway, entries=entries, total_tickets=tickets, boosts=boosts,
        tiers=tuple(await presets.tiers(conn, giveaway.guild_id)) if giveaway.entities.enabled else (),
        winners=tuple(await winners.places(conn, giveaway.giveaway_id)),
    )  # fmt: skip


async def totals(conn: Connection, giveaway: Giveaway) -> tuple[int, int]:
    """(entrants, tickets): the frozen ones where it is drawn, else those of the moment."""
    if giveaway.status in _AFTER_FREEZE:
        return giveaway.stats.get("total_entries", 0), giveaway.stats.get("total_tickets", 0)
    return await entry_store.totals(conn, giveaway.giveaway_id)


def _line(row: Row) -> EntryLine:
    return EntryLine(
        user_id=row["user_id"], joined_at=row["joined_at"], points=row["points"],
        tickets=0 if row["excluded"] else entities.tickets_for(row["points"]), excluded=row["excluded"],
    )  # fmt: skip


async def entries_page(conn: Connection, giveaway: Giveaway, page: int = 0) -> EntryPage:
    """Entrants, most points first, the excluded last; `page` (from 0) is brought into range."""
    listed, _tickets = await entry_store.totals(conn, giveaway.giveaway_id)
    entrants, tickets = await totals(conn, giveaway)
    pages = max(-(-listed // PAGE), 1)
    page = min(max(page, 0), pages - 1)
    rows = await entry_store.page(conn, giveaway.giveaway_id, page * PAGE, PAGE)
    return EntryPage(
        lines=tuple(_line(row) for row in rows), page=page, pages=pages, entries=entrants, total_tickets=tickets
    )


async def own_entry(conn: Connection, giveaway: Giveaway, user_id: int) -> EntryLine | None:
    """A member's own entry, None for one who is not in."""
    row = await entry_store.of_member(conn, giveaway.giveaway_id, user_id)
    return _line(row) if row else None


async def entries_csv(conn: Connection, giveaway: Giveaway) -> bytes:
    """All entrants as CSV: user_id, joined_at (ISO, UTC), points, entries, odds of the first prize, excluded."""
    _entries, tickets = await totals(conn, giveaway)

    def cells(row: Row) -> Sequence[object]:
        line = _line(row)
        odds = percent(line.tickets, tickets)
        return line.user_id, line.joined_at, line.points, line.tickets, odds, line.excluded or ""

    columns = ("user_id", "joined_at", "points", "entries", "first_prize_odds", "excluded")
    return await as_csv(columns, entry_store.everybody(conn, giveaway.giveaway_id), cells)


async def record(conn: Connection, giveaway: Giveaway) -> bytes:
    """The draw's record as a JSON file. Errors: `draw.not_drawn`."""
    return await draws.record_of(conn, giveaway.draw_id)
