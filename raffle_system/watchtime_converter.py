"""Chat-active minutes and their tickets: whole hours of the period pay, minutes over carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.db import Connection
from core.guilds import GuildSettings
from core.identity import name_key
from raffle_system import watchtime_store as store
from raffle_system.chat_activity import Viewer
from raffle_system.models import Period
from raffle_system.tickets import ledger_refusals


@dataclass(frozen=True, kw_only=True)
class Earner:
    discord_id: int
    earned: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What one run paid: `top` are at most 20 members who earned most of it."""

    members: int
    tickets: int
    top: Sequence[Earner]


async def credit(
    conn: Connection, settings: GuildSettings, period: Period, minute: datetime, viewers: Sequence[Viewer]
) -> int:
    """One minute to each viewer, once per (guild, viewer, minute) whatever is replayed; how many were new.

    Where the guild has a daily limit, a viewer who has reached it gets none; days are those of its time zone.
    """
    if not viewers:
        return 0
    day = minute.astimezone(ZoneInfo(settings.timezone)).date()
    return await store.credit_minute(
        conn, settings.guild_id, period.id, minute, day, settings.watch_minutes_per_day or None,
        [viewer.kick_user_id for viewer in viewers],
        [viewer.kick_name for viewer in viewers],
        [name_key(viewer.kick_name) for viewer in viewers],
        [viewer.active_until for viewer in viewers],
    )  # fmt: skip


async def convert(
    conn: Connection, settings: GuildSettings, period: Period, now: datetime, *, only: int | None = None
) -> Conversion:
    """Pay linked viewers for their whole hours, `only` one Kick account or all. One statement.

    A period that has ended pays those who were linked by then: the link of today opens only the running one.
    """
    linked_before = None if period.status == "active" else period.end_date
    rate = settings.watchtime_tickets_per_hour
    with ledger_refusals():
        rows = await store.convert(conn, settings.guild_id, period.id, rate, now, only, linked_before)
    top = [Earner(discord_id=row["discord_id"], earned=row["earned"], total=row["total"]) for row in rows]
    return Conversion(
        members=rows[0]["members"] if rows else 0, tickets=int(rows[0]["tickets"]) if rows else 0, top=top
    )


async def minutes_of(conn: Connection, period: Period, kick_user_id: int) -> tuple[int, int]:
    """(chat-active minutes, of which converted) of a viewer in the period."""
    return await store.minutes(conn, period.id, kick_user_id)


async def open_windows(conn: Connection, guild_id: int, now: datetime) -> list[Viewer]:
    """Windows that outlived the process which opened them."""
    return [Viewer(**row) for row in await store.open_windows(conn, guild_id, now)]


async def credited_until(conn: Connection, guild_id: int) -> datetime | None:
    """The last minute that anybody was credited for; None before the first."""
    return await store.credited_until(conn, guild_id)
