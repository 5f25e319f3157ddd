"""The wager feeds' poller: asks each feed when it is due, takes its answer into the accounts, pays and tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp

from core import guilds, outbox
from core.clock import Clock
from core.db import Connection, Database, Row, log_failure
from core.guilds import Guilds, GuildSettings
from core.messages import Message
from raffle_system import feed_store, periods, shuffle_link_store, store, wager_announcements, wager_store
from raffle_system.models import Period
from raffle_system.tickets import ledger_refusals
from raffle_system.wager_accounting import (
    LONGEST_RETRY_SECONDS,
    TELL_AFTER_FAILURES,
    is_collapse,
    is_trouble,
    retry_seconds,
)
from raffle_system.wager_sources import Answer, Feed, FeedTrouble, feeds_of, fetch
from raffle_system.wager_sources.decoders import Span
from raffle_system.watchtime_converter import Earner

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
LAST_CALL_SECONDS = 10.0
LATEST_LAST_CALL = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one request is for. `closing` periods have ended; `span` is what a windowed source is asked for."""

    period: Period
    span: Span
    closing: bool


@dataclass(frozen=True, kw_only=True)
class Paid:
    members: int
    tickets: int
    top: Sequence[Earner]


NOTHING = Paid(members=0, tickets=0, top=())


class ShuffleTracker:
    """One instance for all guilds and feeds. No request is made inside of a transaction."""

    def __init__(self, db: Database, clock: Clock, guilds_: Guilds, session: aiohttp.ClientSession) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds_
        self._session = session
        self._locks: dict[tuple[int, str], asyncio.Lock] = {}

    async def run(self) -> None:
        while True:
            await self.poll_due()
            await asyncio.sleep(TICK_SECONDS)

    async def poll_due(self) -> int:
        """Ask every feed whose time has come, all at once; how many were asked."""
        feeds = [feed for settings in self._guilds.all() for feed in feeds_of(settings)]
        if not feeds:
            return 0
        async with self._db.transaction() as conn:
            planned = await feed_store.next_polls(conn)
        now = self._clock.now()
        due = [feed for feed in feeds if _is_due(feed, planned.get((feed.guild_id, feed.key)), now)]
        results = await asyncio.gather(*(self.poll(feed) for feed in due), return_exceptions=True)
        for failed in results:
            if isinstance(failed, BaseException):
                raise failed
        return len(due)

    async def last_poll(self, guild_id: int) -> None:
        """A last look before the running period ends; never longer than LAST_CALL_SECONDS, whatever the feeds do."""
        feeds = feeds_of(self._guilds.get(guild_id))
        try:
            async with asyncio.timeout(LAST_CALL_SECONDS):
                results = await asyncio.gather(
                    *(self.poll(feed, last_call=True) for feed in feeds), return_exceptions=True
                )
        except TimeoutError:
            log.warning("last_wager_poll_too_slow", extra={"guild": guild_id})
            return
        for failed in results:
            if isinstance(failed, BaseException):
                log_failure(log, "last_wager_poll_failed", failed, guild=guild_id)

    async def poll(self, feed: Feed, *, last_call: bool = False) -> Paid:
        """One request to a feed and everything that follows from its answer."""
        async with self._locks.setdefault((feed.guild_id, feed.key), asyncio.Lock()):
            async with self._db.transaction() as conn:
                plan = await self._plan(conn, feed, last_call=last_call)
            if plan is None:
                return NOTHING
            patience = LAST_CALL_SECONDS * 0.8 if last_call else None
            try:
                answer = await self._fetched(feed, plan.span, patience)
            except FeedTrouble as trouble:
                async with self._db.transaction() as conn:
                    await self._failed(conn, feed, trouble)
                return NOTHING
            async with self._db.transaction() as conn:
                return await self._absorb(conn, feed, plan, answer)

    async def _fetched(self, feed: Feed, span: Span, patience: float | None) -> Answer:
        return await fetch(self._session, feed, span, *(() if patience is None else (patience,)))

    async def _plan(self, conn: Connection, feed: Feed, *, last_call: bool) -> Plan | None:
        """What to ask for now; None when no period can take an answer at this moment."""
        row = await feed_store.known(conn, feed.guild_id, feed.key, feed.digest)
        active = await store.active(conn, feed.guild_id)
        if active is None:
            return None
        now = self._clock.now()
        running = Period(**active)
        if feed.source.windowed and not last_call:
            ended = await self._unclosed(conn, feed, row)
            if ended is not None:
                return Plan(period=ended, span=_span(feed, ended, now), closing=True)
        over = now - running.end_date
        if over >= timedelta(0) and not (last_call and (feed.source.windowed or over <= LATEST_LAST_CALL)):
            return None
        span = _span(feed, running, now)
        return None if span.end <= span.start else Plan(period=running, span=span, closing=False)

    async def _unclosed(self, conn: Connection, feed: Feed, row: Row) -> Period | None:
        """A period whose last wagers a windowed source has not told yet: bets are counted when they are settled."""
        if row["baseline_at"] is None:
            return None
        for ended in await periods.lately_ended(conn, self._clock, feed.guild_id):
            known, told = ended.id <= (row["closed_period"] or 0), self._clock.now() - feed.source.lag >= ended.end_date
            if told and not known and row["baseline_at"] < ended.end_date:
                return ended
        return None

    async def _absorb(self, conn: Connection, feed: Feed, plan: Plan, answer: Answer) -> Paid:
        settings, now = self._guilds.get(feed.guild_id), self._clock.now()
        period = await self._period_of(conn, feed, plan)
        row = await feed_store.known(conn, feed.guild_id, feed.key, feed.digest)
        if period is None:
            await self._next(conn, feed, {"next_poll_at": None})
            return NOTHING
        place = {
            "guild_id": feed.guild_id, "period_id": period.id, "casino": feed.source.casino,
            "source_key": feed.key, "windowed": feed.source.windowed,
        }  # fmt: skip
        moved = row["address_digest"] != feed.digest
        moved = moved and not feed.source.windowed
        falls = await wager_store.compare(conn, place, answer.rows)
        if is_collapse(falls.fallen, falls.compared) and not (row["rebase"] or moved):
            await self._freeze(conn, feed, row, falls.compared, falls.fallen)
            return NOTHING
        await self._follow(conn, feed, answer)
        with ledger_refusals():
            rows = await wager_store.absorb(
                conn, place, answer.rows, rate=settings.shuffle_tickets_per_1000_usd,
                threshold=settings.ticket_notification_threshold, now=now, rebase=row["rebase"],
                baseline=row["baseline_at"] is None, moved=moved,
            )  # fmt: skip
        await self._answered(conn, feed, row, plan, answer)
        if not (row["rebase"] or moved):
            await self._fallen(conn, feed, row, falls)
        await self._unreadable(conn, feed, row, answer)
        paid = paid_of(rows)
        await self._tell(conn, settings, feed, paid, await wager_store.newly_waiting(conn, period.id, feed.key))
        return paid

    async def _period_of(self, conn: Connection, feed: Feed, plan: Plan) -> Period | None:
        """The period that takes the answer, held open; None when the answer came too late for the asked one."""
        if plan.closing:
            held = await store.by_id(conn, plan.period.id, for_update=True)
            return None if held["frozen_at"] is not None or held["status"] != "ended" else Period(**held)
        current = await periods.held_open(conn, feed.guild_id)
        if current.id != plan.period.id and feed.source.windowed:
            return None
        return current

    async def _answered(self, conn: Connection, feed: Feed, row: Row, plan: Plan, answer: Answer) -> None:
        now = self._clock.now()
        values: dict[str, object] = {
            "address_digest": feed.digest, "baseline_at": row["baseline_at"] or now, "last_ok_at": now,
            "last_tried_at": now, "failures": 0, "trouble": None, "told_at": None, "frozen_at": None,
            "rebase": False, "accounts": len(answer.rows), "bad_rows": answer.bad,
        }  # fmt: skip
        if plan.closing:
            values["closed_period"] = plan.period.id
        wait = feed.source.least_interval if plan.closing else feed.interval
        await self._next(conn, feed, {**values, "next_poll_at": now + timedelta(seconds=wait)})
        if row["told_at"] is not None or row["frozen_at"] is not None:
            await self._to_admins(conn, feed, wager_announcements.well_again)

    async def _follow(self, conn: Connection, feed: Feed, answer: Answer) -> None:
        """Where the casino gives ids, links follow their accounts; admins hear of names that went elsewhere."""
        if not feed.source.stable_id:
            return
        renamed, strangers = await shuffle_link_store.follow(
            conn, feed.guild_id, feed.source.casino, [row.account for row in answer.rows],
            [row.name_key for row in answer.rows], [row.username for row in answer.rows],
        )  # fmt: skip
        if renamed or strangers:
            await self._to_admins(conn, feed, wager_announcements.accounts, renamed, strangers)

    async def _fallen(self, conn: Connection, feed: Feed, row: Row, falls: wager_store.Falls) -> None:
        """Amounts that fell and stay below what they were: the admins hear of it once, until none is below."""
        if falls.staying and row["falls_told_at"] is None:
            await self._next(conn, feed, {"falls_told_at": self._clock.now()})
            await self._to_admins(conn, feed, wager_announcements.fallen, falls.staying)
        elif not falls.below and row["falls_told_at"] is not None:
            await self._next(conn, feed, {"falls_told_at": None})

    async def _unreadable(self, conn: Connection, feed: Feed, row: Row, answer: Answer) -> None:
        """A large share of rows that cannot be read is trouble, told once until it is over."""
        many = is_trouble(answer.bad, len(answer.rows))
        if many and row["bad_told_at"] is None:
            await self._to_admins(conn, feed, wager_announcements.unreadable, answer)
        told = (row["bad_told_at"] or self._clock.now()) if many else None
        await self._next(conn, feed, {"bad_told_at": told, "bad_example": answer.example[:100] or None})

    async def _next(self, conn: Connection, feed: Feed, values: dict[str, object]) -> None:
        await feed_store.change(conn, feed.guild_id, feed.key, values)

    async def _failed(self, conn: Connection, feed: Feed, trouble: FeedTrouble) -> None:
        """Back off; the admins hear of it once, when it has gone on for a while."""
        row = await feed_store.known(conn, feed.guild_id, feed.key, feed.digest)
        failures, now = row["failures"] + 1, self._clock.now()
        wait = retry_seconds(
            failures, feed.interval, feed.source.least_interval, trouble.retry_after, trouble.reason == "too_many"
        )
        log.warning(
            "wager_feed_trouble",
            extra={"guild": feed.guild_id, "feed": feed.key, "trouble": str(trouble), "failures": failures},
        )
        new_and_empty = trouble.reason == "empty" and row["baseline_at"] is None  # nobody wagered under the code yet
        tell = failures >= TELL_AFTER_FAILURES and row["told_at"] is None and not new_and_empty
        values: dict[str, object] = {
            "failures": failures, "trouble": trouble.reason, "last_tried_at": now,
            "next_poll_at": now + timedelta(seconds=wait), "told_at": now if tell else row["told_at"],
        }  # fmt: skip
        await self._next(conn, feed, values)
        if tell:
            await self._to_admins(conn, feed, wager_announcements.trouble, trouble, row["last_ok_at"])

    async def _freeze(self, conn: Connection, feed: Feed, row: Row, compared: int, fallen: int) -> None:
        now = self._clock.now()
        log.warning("wager_feed_frozen", extra={"feed": feed.key, "compared": compared, "fallen": fallen})
        wait = timedelta(seconds=feed.interval)
        values: dict[str, object] = {"last_tried_at": now, "next_poll_at": now + wait, "failures": 0, "trouble": None}
        await self._next(conn, feed, {**values, "frozen_at": row["frozen_at"] or now})
        if row["frozen_at"] is None:
            await self._to_admins(conn, feed, wager_announcements.frozen, fallen, compared)

    async def _tell(
        self, conn: Connection, settings: GuildSettings, feed: Feed, paid: Paid, waiting: Sequence[Row]
    ) -> None:
        reader = self._guilds.reader(settings.guild_id)
        message = wager_announcements.awards(reader, paid.top, paid.members, settings.ticket_notification_threshold)
        if message is not None:
            await outbox.post(conn, self._clock, settings.guild_id, settings.announcement_channel_id, message)
        if waiting:
            await self._to_admins(conn, feed, wager_announcements.waiting, waiting)

    async def _to_admins(
        self, conn: Connection, feed: Feed, render: wager_announcements.Render, *facts: object
    ) -> None:
        settings = self._guilds.get(feed.guild_id)
        message: Message = render(self._guilds.reader(feed.guild_id), feed.source.casino, *facts)
        await outbox.post(conn, self._clock, feed.guild_id, settings.admins_hear_in, message)

    async def thaw(self, conn: Connection, guild_id: int, actor: int) -> int:
        """An admin believes the fallen amounts: they become the new level, nothing is lost or paid for them."""
        thawed = await feed_store.thaw(conn, guild_id)
        if thawed:
            await guilds.audit(conn, guild_id, actor, "wagers_thawed", {"feeds": thawed}, self._clock.now())
        return thawed


def paid_of(rows: Sequence[Row]) -> Paid:
    top = [Earner(discord_id=row["discord_id"], earned=row["earned"], total=row["total"]) for row in rows]
    members = rows[0]["members"] if rows else 0
    return Paid(members=members, tickets=int(rows[0]["tickets"]) if rows else 0, top=top)


def _span(feed: Feed, period: Period, now: datetime) -> Span:
    return Span(period.start_date, min(now - feed.source.lag, period.end_date))


def _is_due(feed: Feed, planned: datetime | None, now: datetime) -> bool:
    """Also when the clock was set back: no feed is ever left alone for longer than its longest pause."""
    longest = timedelta(seconds=max(feed.interval, LONGEST_RETRY_SECONDS))
    return planned is None or now >= planned or planned - now > longest
