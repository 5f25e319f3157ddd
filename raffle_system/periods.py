"""Periods: one active raffle per guild, each starting exactly where the last one ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core import draws
from core.clock import Clock
from core.db import Connection, Row
from core.errors import UserError
from core.guilds import GuildSettings
from raffle_system import store
from raffle_system.models import ARCHIVED, PastDraw, Period, Winner
from raffle_system.month import current_boundary, next_boundary

log = logging.getLogger(__name__)

LATE_MINUTES = timedelta(days=2)

LastCall = Callable[[Connection, GuildSettings, Period], Awaitable[object]]


def _period(row: Row) -> Period:
    return Period(**row)


def _next_end(settings: GuildSettings, after: datetime) -> datetime:
    zone = ZoneInfo(settings.timezone)
    return next_boundary(after, zone, settings.reset_day_of_month, settings.reset_hour)


async def active(conn: Connection, guild_id: int, *, for_update: bool = False) -> Period:
    """The guild's running raffle. Errors: `raffle.not_open_yet` before the first one was opened."""
    row = await store.active(conn, guild_id, for_update=for_update)
    if row is None:
        raise UserError("raffle.not_open_yet")
    return _period(row)


async def held_open(conn: Connection, guild_id: int) -> Period:
    """The running raffle, which is not frozen before this transaction ends. Errors: `raffle.not_open_yet`."""
    found = await held_open_if_any(conn, guild_id)
    if found is None:
        raise UserError("raffle.not_open_yet")
    return found


async def held_open_if_any(conn: Connection, guild_id: int) -> Period | None:
    """`held_open`; None before the first raffle was opened."""
    row = await store.active(conn, guild_id, held_open=True)
    if row is None:  # it ended while we waited for it: the next statement sees its successor
        row = await store.active(conn, guild_id, held_open=True)
    return _period(row) if row is not None else None


async def by_number(conn: Connection, guild_id: int, number: int) -> Period:
    """Errors: `raffle.no_such_period`."""
    row = await store.by_number(conn, guild_id, number)
    if row is None:
        raise UserError("raffle.no_such_period", number=str(number))
    return _period(row)


async def by_id(conn: Connection, period_id: int, *, for_update: bool = False) -> Period:
    return _period(await store.by_id(conn, period_id, for_update=for_update))


async def open_first(conn: Connection, clock: Clock, settings: GuildSettings) -> Period | None:
    """Open the guild's first raffle, which covers the whole current month; None when there was one already."""
    now = clock.now()
    if await store.newest(conn, settings.guild_id) is not None:
        return None
    zone = ZoneInfo(settings.timezone)
    start = current_boundary(now, zone, settings.reset_day_of_month, settings.reset_hour)
    return await _open(conn, clock, settings, 1, start)


async def _open(conn: Connection, clock: Clock, settings: GuildSettings, number: int, start: datetime) -> Period:
    row = await store.add(conn, settings.guild_id, number, start, _next_end(settings, start), clock.now())
    period = _period(row)
    await draws.open_draw(
        conn, clock, draw_id=period.draw_id, guild_id=settings.guild_id, mode=settings.draw_mode,
        period_id=period.id,
    )  # fmt: skip
    log.info("period_opened", extra={"guild": settings.guild_id, "number": number})
    return period


async def end_now(
    conn: Connection, clock: Clock, settings: GuildSettings, period: Period, last_call: LastCall,
    *, status: str = "ended",
) -> tuple[Period, Period]:  # fmt: skip
    """End the active period at this moment and open the next one; (ended, opened)."""
    end = max(clock.now(), period.start_date + timedelta(microseconds=1))
    return await _roll(conn, clock, settings, period, last_call, end, status)


async def end_if_due(
    conn: Connection, clock: Clock, settings: GuildSettings, last_call: LastCall
) -> tuple[Period, Period] | None:  # fmt: skip
    """Close the active period when its end has passed, however late; (ended, opened) or None.

    Call again until None: after a sleep of two months there are two to close.
    """
    row = await store.active(conn, settings.guild_id, for_update=True)
    if row is None or clock.now() < row["end_date"]:
        return None
    period = _period(row)
    return await _roll(conn, clock, settings, period, last_call, period.end_date, "ended")


async def _roll(
    conn: Connection, clock: Clock, settings: GuildSettings, period: Period, last_call: LastCall,
    end: datetime, status: str,
) -> tuple[Period, Period]:  # fmt: skip
    await last_call(conn, settings, period)
    await store.end(conn, period.id, status, end, clock.now())
    ended = await by_id(conn, period.id)
    opened = await _open(conn, clock, settings, period.number + 1, end)
    log.info("period_ended", extra={"guild": settings.guild_id, "number": ended.number})
    return ended, opened


async def for_event(conn: Connection, guild_id: int, when: datetime) -> Period:
    """The period of an event: the one that contains its time while that is open for it, else the current one.

    It stays open for this transaction: who pays into it is not cut off by a draw.
    """
    row = await store.containing(conn, guild_id, when)
    if row is not None and row["frozen_at"] is None and row["status"] != ARCHIVED:
        return _period(row)
    current = await held_open(conn, guild_id)
    log.warning(
        "event_moved_to_current_period",
        extra={"guild": guild_id, "event_at": when.isoformat(), "period": current.number},
    )
    return current


async def lately_ended(conn: Connection, clock: Clock, guild_id: int) -> list[Period]:
    """Periods that ended within two days and are not frozen: their last minutes may have come after the last call."""
    return [_period(row) for row in await store.ended_since(conn, guild_id, clock.now() - LATE_MINUTES)]


async def undrawn(conn: Connection, guild_id: int) -> list[Period]:
    """Ended periods that wait for `raffle draw`, oldest first."""
    return [_period(row) for row in await store.undrawn(conn, guild_id)]


async def last_drawn(conn: Connection, guild_id: int) -> Period | None:
    row = await store.last_drawn(conn, guild_id)
    return _period(row) if row else None


async def history(conn: Connection, guild_id: int, limit: int) -> list[PastDraw]:
    """The latest draws, newest first."""
    return [
        PastDraw(**{**row, "winners": [Winner(**winner) for winner in row["winners"]]})
        for row in await store.history(conn, guild_id, limit)
    ]
