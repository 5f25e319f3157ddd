"""Around a period's end: a changed end, reminders, what will happen when, and the ledger as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core import guilds, outbox
from core.clock import Clock
from core.db import Connection
from core.errors import UserError
from core.guilds import Guilds, GuildSettings
from core.jobs import last_multiple
from core.messages import BLUE, GOLD, Embed, Message
from core.stores import jobs
from core.tables import as_csv
from core.texts import Reader, moment
from raffle_system import draw, entrants, feed_store, month_store, periods, prize_store, store
from raffle_system.announcements import new_period, period_name
from raffle_system.entrants import Present
from raffle_system.models import ARCHIVED, Period
from raffle_system.month import next_boundary
from raffle_system.periods import LastCall

REMINDERS = (timedelta(days=1), timedelta(hours=1))


@dataclass(frozen=True, kw_only=True)
class Coming:
    """What will happen by itself: `key` completes `schedule.`, `name` says of what."""

    key: str
    at: datetime
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Calendar:
    period: Period
    coming: Sequence[Coming]
    undrawn: Sequence[Period]


async def set_aside(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, period_id: int, last_call: LastCall,
    actor: int, channel_id: int,
) -> Period:  # fmt: skip
    """End the running period without a draw; audited, and told where members look, else in `channel_id`.

    Errors: `reset.already` when it runs no more: a second press ends nothing.
    """
    period = await periods.active(conn, settings.guild_id, for_update=True)
    if period.id != period_id:
        raise UserError("reset.already")
    everybody = await entrants.entering(conn, settings, period, None)
    stats = await entrants.stats(conn, period, everybody)
    ended, opened = await periods.end_now(conn, clock, settings, period, last_call, status=ARCHIVED)
    detail = {"period": ended.number, "participants": stats.participants, "tickets": stats.total}
    await guilds.audit(conn, settings.guild_id, actor, "reset", detail, clock.now())
    last = await draw.last_draw(conn, settings.guild_id)
    message = new_period(guilds_.reader(settings.guild_id), settings, ended, opened, last, waits=False)
    await outbox.post(conn, clock, settings.guild_id, settings.announcement_channel_id or channel_id, message)
    return ended


async def change_end(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, shown: Period, end: datetime, actor: int
) -> Period:  # fmt: skip
    """Move the running period's end; audited and announced.

    `shown` is the period that the admin saw. Errors: `end.not_running`, `end.past`, `end.moved_meanwhile`.
    """
    period = await periods.by_id(conn, shown.id, for_update=True)
    if period.guild_id != settings.guild_id or period.status != "active":
        raise UserError("end.not_running")
    if period.end_date != shown.end_date:
        raise UserError("end.moved_meanwhile", when=moment(period.end_date))
    now = clock.now()
    if end <= max(now, period.start_date):
        raise UserError("end.past")
    await month_store.set_end(conn, period.id, end)
    detail = {"period": period.number, "from": period.end_date.isoformat(), "to": end.isoformat()}
    await guilds.audit(conn, settings.guild_id, actor, "period_end", detail, now)
    changed = await periods.by_id(conn, period.id)
    message = _end_changed(guilds_.reader(settings.guild_id), settings, period, changed)
    await outbox.post(conn, clock, settings.guild_id, settings.announcement_channel_id, message)
    return changed


def _end_changed(reader: Reader, settings: GuildSettings, before: Period, after: Period) -> Message:
    name = period_name(after, ZoneInfo(settings.timezone), reader.locale)
    text = reader(
        "end.changed", period=name, before=moment(before.end_date), after=moment(after.end_date),
        relative=moment(after.end_date, "R"),
    )  # fmt: skip
    return Message(embeds=(Embed(title=reader("end.title"), description=text, colour=GOLD),))


def reminder_due(period: Period, now: datetime) -> timedelta | None:
    """The reminder that belongs to this moment: the last whose time has come. None before the first and after the end.

    A reminder whose time lies before the period's start is none.
    """
    if now >= period.end_date:
        return None
    passed = [before for before in REMINDERS if period.start_date < period.end_date - before <= now]
    return min(passed, default=None)


async def remind(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, present: Present
) -> bool:  # fmt: skip
    """Remind once of an end that is near; after a sleep only of the nearest."""
    row = await store.active(conn, settings.guild_id)
    if row is None or not settings.remind_before_end:
        return False
    period, now = Period(**row), clock.now()
    before = reminder_due(period, now)
    if before is None:
        return False
    job = f"reminder-{int(before.total_seconds())}"
    if not await jobs.claim(conn, settings.guild_id, job, period.end_date - before, now):
        return False
    stats = await entrants.stats(conn, period, await entrants.entering(conn, settings, period, present))
    reader = guilds_.reader(settings.guild_id)
    text = reader(
        "reminder.text", period=period_name(period, ZoneInfo(settings.timezone), reader.locale),
        when=moment(period.end_date), relative=moment(period.end_date, "R"),
        participants=reader.count("count.participants", stats.participants),
        tickets=reader.count("count.tickets", stats.total),
    )  # fmt: skip
    message = Message(embeds=(Embed(title=reader("reminder.title"), description=text, colour=BLUE),))
    await outbox.post(conn, clock, settings.guild_id, settings.announcement_channel_id, message)
    return True


async def calendar(conn: Connection, clock: Clock, settings: GuildSettings, present: Present) -> Calendar:
    """What will happen when, in order of time."""
    period, now = await periods.active(conn, settings.guild_id), clock.now()
    step = settings.watchtime_conversion_interval
    coming = [Coming(key="conversion", at=last_multiple(now, step) + timedelta(seconds=step))]
    for row in await feed_store.all_of(conn, settings.guild_id):
        coming.append(Coming(key="poll", at=max(row["next_poll_at"] or now, now), name=row["source_key"]))
    if settings.remind_before_end:
        coming += [Coming(key="reminder", at=at) for at in (period.end_date - b for b in REMINDERS) if at > now]
    key = "end_and_draw" if settings.auto_draw_on_reset else "end"
    coming.append(Coming(key=key, at=period.end_date))
    zone = ZoneInfo(settings.timezone)
    following = next_boundary(period.end_date, zone, settings.reset_day_of_month, settings.reset_hour)
    coming.append(Coming(key="next_end", at=following))
    coming += [
        Coming(key="claim", at=row["claim_until"], name=f"<@{row['discord_id']}>")
        for row in await prize_store.open_claims(conn, settings.guild_id)
    ]
    return Calendar(
        period=period, coming=sorted(coming, key=lambda one: one.at),
        undrawn=await entrants.undrawn(conn, settings, present),
    )  # fmt: skip


async def export(conn: Connection, period: Period) -> bytes:
    """The period's ledger as CSV (UTF-8 with a mark, for spreadsheets), oldest row first."""
    columns = month_store.LEDGER_COLUMNS
    rows = month_store.ledger(conn, period.id)
    return b"\xef\xbb\xbf" + await as_csv(columns, rows, lambda row: [row[name] for name in columns])
