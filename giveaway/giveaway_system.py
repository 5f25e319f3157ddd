"""The life of a giveaway: create, start, pause, edit, end, cancel. Entering is in `entry`, winners in `winners`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from core import draws, outbox
from core.db import Connection
from core.durations import LONGEST, SHORTEST
from core.errors import UserError
from core.guilds import GuildSettings
from core.texts import escape
from giveaway import announcements, entry_store, journal, presets, settings, store, wishes
from giveaway.entities import calculate_user_entities
from giveaway.entry import add_entry, can_user_enter, leave
from giveaway.facts import Tools
from giveaway.models import ACTIVE, CANCELLED, EDITABLE, PAUSED, SCHEDULED, Draft, Giveaway
from giveaway.recurrence import next_start
from giveaway.templates import draft_of
from giveaway.winners import claim, reroll_giveaway

__all__ = [
    "add_entry", "calculate_user_entities", "can_user_enter", "cancel", "claim", "create_giveaway",
    "edit", "end_giveaway", "find", "leave", "not_started", "pause", "reroll_giveaway", "resume", "start",
    "start_if_due",
]  # fmt: skip


async def find(conn: Connection, guild_id: int, giveaway_id: int, *, for_update: bool = False) -> Giveaway:
    """Errors: `giveaway.not_found`, also for another guild's."""
    row = await store.get(conn, giveaway_id, for_update=for_update)
    if row is None or row["guild_id"] != guild_id:
        raise UserError("giveaway.not_found")
    return Giveaway.from_row(row)


async def create_giveaway(conn: Connection, tools: Tools, guild: GuildSettings, draft: Draft, actor: int) -> Giveaway:
    """Store a wish; started at once where it names no later start.

    Errors: those of `wishes.checked`; `giveaway.too_many_active`.
    """
    now = tools.clock.now()
    draft = wishes.checked(draft, now)
    await store.lock_guild(conn, guild.guild_id)
    most = (await settings.load(conn, guild.guild_id)).max_active
    if await store.unfinished(conn, guild.guild_id) >= most:
        raise UserError("giveaway.too_many_active", most=most)
    begins = max(draft.start_time or now, now)
    row = await store.add(conn, guild.guild_id, draft, begins, None, now)
    if row is None:
        raise UserError("giveaway.not_found")
    if draft.recurrence is not None:
        await store.set_series(conn, row["giveaway_id"])
    giveaway = await find(conn, guild.guild_id, row["giveaway_id"])
    await journal.note(conn, tools, giveaway, "create", actor)
    return await start(conn, tools, guild, giveaway) if begins <= now else giveaway


async def start(
    conn: Connection, tools: Tools, guild: GuildSettings, giveaway: Giveaway, actor: int | None = None
) -> Giveaway:  # fmt: skip
    """Open a scheduled giveaway now: commit to a seed, show it, and plan the next of its series.

    `actor` is who did not wait for its time. Errors: `giveaway.not_scheduled`.
    """
    giveaway = await _locked(conn, giveaway, (SCHEDULED,), "giveaway.not_scheduled")
    now = tools.clock.now()
    commitment = await draws.open_draw(
        conn, tools.clock, draw_id=giveaway.draw_id, guild_id=guild.guild_id, mode=guild.draw_mode,
        giveaway_id=giveaway.giveaway_id,
    )  # fmt: skip
    await store.begin(conn, giveaway.giveaway_id, commitment, now + giveaway.duration, now)
    started = await find(conn, guild.guild_id, giveaway.giveaway_id)
    reader = tools.guilds.reader(guild.guild_id)
    boosts = await presets.boosts(conn, guild.guild_id, now)
    message = announcements.live(reader, started, 0, boosts, edits=False)
    await outbox.post(conn, tools.clock, guild.guild_id, started.channel_id, message)
    await journal.note(conn, tools, started, "start", actor)
    await _plan_next(conn, tools, guild, started)
    return started


async def _plan_next(conn: Connection, tools: Tools, guild: GuildSettings, giveaway: Giveaway) -> None:
    if giveaway.recurrence is None or giveaway.series_id is None:
        return
    now = tools.clock.now()
    first = await find(conn, guild.guild_id, giveaway.series_id)
    coming = next_start(first.start_time, giveaway.recurrence, ZoneInfo(guild.timezone), max(now, giveaway.start_time))
    await store.add(conn, guild.guild_id, draft_of(giveaway), coming, giveaway.series_id, now)


async def start_if_due(conn: Connection, tools: Tools, giveaway_id: int) -> Giveaway | None:
    """Start a scheduled giveaway whose time has come; None when it is not (or no longer) due."""
    row = await store.get(conn, giveaway_id, for_update=True)
    if row is None or row["status"] != SCHEDULED or row["start_time"] > tools.clock.now():
        return None
    guild = tools.guilds.find(row["guild_id"])
    return None if guild is None else await start(conn, tools, guild, Giveaway.from_row(row))


async def pause(conn: Connection, tools: Tools, giveaway: Giveaway, actor: int, reason: str = "") -> Giveaway:
    """Time stands still and nobody enters. Errors: `giveaway.not_active`."""
    reason = wishes.checked_reason(reason)
    giveaway = await _running(conn, tools, giveaway, (ACTIVE,))
    await store.set_paused(conn, giveaway.giveaway_id, tools.clock.now())
    return await _changed(conn, tools, giveaway, "pause", actor, reason)


async def resume(conn: Connection, tools: Tools, giveaway: Giveaway, actor: int, reason: str = "") -> Giveaway:
    """As much time is left as at the pause. Errors: `giveaway.not_paused`."""
    reason = wishes.checked_reason(reason)
    giveaway = await _locked(conn, giveaway, (PAUSED,), "giveaway.not_paused")
    await store.set_resumed(conn, giveaway.giveaway_id, tools.clock.now())
    return await _changed(conn, tools, giveaway, "resume", actor, reason)


async def edit(
    conn: Connection, tools: Tools, giveaway: Giveaway, draft: Draft, actor: int, *, end_time: datetime | None = None
) -> Giveaway:  # fmt: skip
    """Change everything but the channel, the host and the series; `end_time` (not while paused) moves the end.

    What is changed in a giveaway of a series, the end aside, holds for the next one too, which is planned already.
    Start from `templates.draft_of(giveaway)`. Errors: as `create_giveaway`; `giveaway.not_active`,
    `giveaway.edit_paused_end`.
    """
    now = tools.clock.now()
    seen, giveaway = giveaway, await _running(conn, tools, giveaway, EDITABLE)
    _same_as_shown(seen, giveaway)
    draft = wishes.checked(replace(draft, start_time=None), now)
    values = store.columns_of(draft)
    for name in ("channel_id", "host_id", "recurrence", "duration"):
        del values[name]
    if end_time is not None:
        values |= _moved(giveaway, end_time, now)
    elif giveaway.status == SCHEDULED:
        values |= {"duration": draft.duration, "end_time": giveaway.start_time + draft.duration}
    await store.change(conn, giveaway.giveaway_id, values)
    before = store.columns_of(draft_of(giveaway))
    lasting = {name: value for name, value in values.items() if before.get(name, value) != value}
    if giveaway.status != SCHEDULED and lasting:
        for coming in await _coming(conn, giveaway):
            await store.change(conn, coming.giveaway_id, lasting)
            await journal.note(conn, tools, coming, "edit", actor, changed=sorted(lasting))
    return await _changed(conn, tools, giveaway, "edit", actor, changed=sorted(values))


def _moved(giveaway: Giveaway, end: datetime, now: datetime) -> dict[str, object]:
    """A new end, for a giveaway that has begun or not. Errors: `duration.*`, `giveaway.edit_paused_end`."""
    if giveaway.status == PAUSED:
        raise UserError("giveaway.edit_paused_end")
    begins = giveaway.start_time if giveaway.status == SCHEDULED else now
    if end - begins < SHORTEST:
        raise UserError("duration.too_short")
    if end - begins > LONGEST:
        raise UserError("duration.too_long")
    return {"end_time": end} if giveaway.status == ACTIVE else {"end_time": end, "duration": end - begins}


async def end_giveaway(
    conn: Connection, tools: Tools, giveaway: Giveaway, actor: int | None, reason: str = ""
) -> bool:  # fmt: skip
    """Close the entry, early by hand or on time by the timer (actor None); `Ending.freeze` goes on from there.

    False when it was closed already (by somebody faster) or, for the timer, is not due. Errors:
    `giveaway.not_active` by hand for one that never began or was cancelled.
    """
    reason = wishes.checked_reason(reason)
    giveaway = await find(conn, giveaway.guild_id, giveaway.giveaway_id, for_update=True)
    now = tools.clock.now()
    if giveaway.status not in (ACTIVE, PAUSED):
        if actor is not None and giveaway.status in (SCHEDULED, CANCELLED):
            raise UserError("giveaway.not_active")
        return False
    if actor is None and (giveaway.status == PAUSED or giveaway.end_time > now):
        return False
    await store.set_ending(conn, giveaway.giveaway_id, actor, now)
    await journal.note(conn, tools, giveaway, "end", actor, reason)
    return True


async def cancel(
    conn: Connection, tools: Tools, giveaway: Giveaway, actor: int | None, reason: str = "", *, series: bool = False
) -> Giveaway:  # fmt: skip
    """Nobody wins. Cancelling a scheduled giveaway of a series ends the series; `series` does it for a running one.

    Errors: `giveaway.not_active` when it has ended or is being drawn.
    """
    reason = wishes.checked_reason(reason)
    seen, giveaway = giveaway, await _locked(conn, giveaway, EDITABLE, "giveaway.not_active")
    _same_as_shown(seen, giveaway)
    if series and giveaway.status != SCHEDULED and giveaway.series_id is not None:
        await _cancel_coming(conn, tools, giveaway, actor, reason)
    await store.set_cancelled(conn, giveaway.giveaway_id, actor, reason, tools.clock.now())
    now_cancelled = await find(conn, giveaway.guild_id, giveaway.giveaway_id)
    if giveaway.status != SCHEDULED:
        message = announcements.cancelled(tools.guilds.reader(giveaway.guild_id), now_cancelled)
        await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
    await journal.note(conn, tools, now_cancelled, "cancel", actor, reason)
    return now_cancelled


async def not_started(conn: Connection, tools: Tools, giveaway: Giveaway, why: str) -> bool:
    """Its message can never stand, so that nobody can enter: over, and with it its series. False where it stands.

    The host hears why, once.
    """
    current = await find(conn, giveaway.guild_id, giveaway.giveaway_id, for_update=True)
    if current.status not in EDITABLE or current.message_id is not None:
        return False
    reason = wishes.clipped_reason(f"not started: {why}")
    if current.series_id is not None:
        await _cancel_coming(conn, tools, current, None, reason)
    await store.set_cancelled(conn, current.giveaway_id, None, reason, tools.clock.now())
    await journal.note(conn, tools, current, "cancel", None, reason)
    key = "giveaway.host_not_started" if current.series_id is None else "giveaway.host_series_stopped"
    await journal.tell_host(conn, tools, current, key, reason=escape(wishes.clipped_reason(why)))
    return True


async def _cancel_coming(conn: Connection, tools: Tools, giveaway: Giveaway, actor: int | None, reason: str) -> None:
    for coming in await _coming(conn, giveaway):
        await cancel(conn, tools, coming, actor, reason)


async def _coming(conn: Connection, giveaway: Giveaway) -> list[Giveaway]:
    """What is planned already of a giveaway's series."""
    if giveaway.series_id is None:
        return []
    ids = await store.of_guild_unfinished(conn, giveaway.guild_id, [SCHEDULED])
    planned = [await find(conn, giveaway.guild_id, one, for_update=True) for one in ids]
    return [one for one in planned if one.series_id == giveaway.series_id]


async def _locked(conn: Connection, giveaway: Giveaway, statuses: tuple[str, ...], key: str) -> Giveaway:
    current = await find(conn, giveaway.guild_id, giveaway.giveaway_id, for_update=True)
    if current.status not in statuses:
        raise UserError(key)
    return current


def _same_as_shown(shown: Giveaway, current: Giveaway) -> None:
    """An act is about what its caller saw. Errors: `giveaway.changed_meanwhile`."""
    same = replace(
        shown, message_id=current.message_id, stats=current.stats, message_lost_at=current.message_lost_at
    )  # fmt: skip
    if same != current:
        raise UserError("giveaway.changed_meanwhile", number=str(current.giveaway_id))


async def _running(conn: Connection, tools: Tools, giveaway: Giveaway, statuses: tuple[str, ...]) -> Giveaway:
    """Locked, in one of the statuses, and not over by the clock."""
    current = await _locked(conn, giveaway, statuses, "giveaway.not_active")
    if current.status == ACTIVE and current.end_time <= tools.clock.now():
        raise UserError("giveaway.over")
    return current


async def _changed(
    conn: Connection, tools: Tools, giveaway: Giveaway, action: str, actor: int, reason: str = "", **detail: object
) -> Giveaway:  # fmt: skip
    """Show the new state on the message, and remember who changed it."""
    current = await find(conn, giveaway.guild_id, giveaway.giveaway_id)
    if current.status != SCHEDULED:
        entries, _tickets = await entry_store.totals(conn, current.giveaway_id)
        boosts = await presets.boosts(conn, current.guild_id, tools.clock.now())
        message = announcements.live(tools.guilds.reader(current.guild_id), current, entries, boosts)
        await outbox.post(conn, tools.clock, current.guild_id, current.channel_id, message)
    await journal.note(conn, tools, current, action, actor, reason, **detail)
    return current
