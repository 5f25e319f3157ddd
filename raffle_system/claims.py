"""Claiming: winners press a button within a time; when it runs out, the next reserve takes the place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from core import draws, guilds, outbox, reserves
from core.attendance import WORTH_TELLING, Attendance
from core.clock import Clock
from core.db import Connection, Database, Row
from core.draws import Replacement
from core.errors import NotReady, UserError
from core.guilds import Guilds, GuildSettings
from core.messages import Message
from core.reserves import Look, Members, looked_up
from raffle_system import periods, prize_store, store
from raffle_system import winner_announcements as announcements
from raffle_system.models import Period

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


def until(settings: GuildSettings, now: datetime) -> datetime | None:
    """When a claim that begins now runs out; None where nobody has to claim."""
    return reserves.claim_until(settings.claim_hours, now)


async def claim(conn: Connection, clock: Clock, guilds_: Guilds, period_id: int, discord_id: int) -> Row:
    """A winner claims the prize, once; the guild hears of it.

    Errors: `claim.not_yours`, `claim.passed_on`, `claim.over`, `claim.done`.
    """
    row = await prize_store.winner_of(conn, period_id, discord_id)
    if row is None:
        raise UserError(await _refusal(conn, period_id, discord_id))
    if row["claimed_at"] is not None:
        raise UserError("claim.done")
    now = clock.now()
    if row["expired_at"] is not None or (row["claim_until"] is not None and row["claim_until"] <= now):
        raise UserError("claim.over")
    await prize_store.mark_claimed(conn, period_id, row["position"], now)
    settings = guilds_.get(row["guild_id"])
    message = announcements.claimed(guilds_.reader(settings.guild_id), row)
    await outbox.post(conn, clock, settings.guild_id, settings.announcement_channel_id, message)
    return row


async def _refusal(conn: Connection, period_id: int, discord_id: int) -> str:
    if not await prize_store.winners(conn, period_id):
        return "claim.not_yours"
    draw_id = (await periods.by_id(conn, period_id)).draw_id
    return "claim.passed_on" if await draws.was_picked(conn, draw_id, discord_id) else "claim.not_yours"


async def hold(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, *, period_id: int, position: int,
    discord_id: int, kick_name: str, ticket: int, prize: str,
) -> datetime | None:  # fmt: skip
    """Give a winning place to a member, who hears by direct message if it must be claimed; until when."""
    deadline = until(settings, clock.now())
    await prize_store.put_winner(
        conn, period_id=period_id, position=position, guild_id=settings.guild_id, discord_id=discord_id,
        kick_name=kick_name, ticket=ticket, prize=prize, claim_until=deadline,
    )  # fmt: skip
    if deadline is not None:
        reader = guilds_.reader(settings.guild_id, discord_id)
        told = announcements.please_claim(reader, period_id, prize, deadline)
        await outbox.post_to_member(conn, clock, settings.guild_id, discord_id, told)
    return deadline


class ClaimDeadlines:
    """Gives winners the time back in which the bot was away."""

    def __init__(self, clock: Clock, guilds_: Guilds) -> None:
        self._clock = clock
        self._guilds = guilds_

    async def extend(self, conn: Connection, since: datetime, guild_id: int | None) -> None:
        now = self._clock.now()
        for row in await prize_store.extend_claims(conn, since, now, guild_id):
            if now - since >= WORTH_TELLING:
                settings = self._guilds.get(row["guild_id"])
                message = announcements.claims_extended(self._guilds.reader(settings.guild_id), row)
                await outbox.post(conn, self._clock, settings.guild_id, settings.announcement_channel_id, message)


class Claims:
    """Lets claims run out, however late it looks."""

    def __init__(
        self, db: Database, clock: Clock, guilds_: Guilds, members: Members, attendance: Attendance
    ) -> None:  # fmt: skip
        self._attendance = attendance
        self._db = db
        self._clock = clock
        self._guilds = guilds_
        self._members = members

    async def run(self) -> None:
        """For ever; by itself, because members may have to be asked for."""
        while True:
            await self.expire_due()
            await self._clock.sleep(POLL_SECONDS)

    async def expire_due(self) -> None:
        """Pass on every prize that was not claimed in time, the servers side by side."""
        if not await self._attendance.there():
            return
        async with self._db.transaction() as conn:
            rows = await prize_store.overdue(conn, self._clock.now())
        by_guild: dict[int, list[Row]] = {}
        for row in rows:
            by_guild.setdefault(row["guild_id"], []).append(row)
        await asyncio.gather(*(self._expire_all(guild_id, due) for guild_id, due in by_guild.items()))

    async def _expire_all(self, guild_id: int, rows: Sequence[Row]) -> None:
        try:
            for row in rows:
                await looked_up(self._members, guild_id, partial(self._expire, row))
        except NotReady as error:
            log.info("claim_waits", extra={"guild": guild_id, "for": str(error)})

    async def _expire(self, due: Row, look: Look) -> None:
        async with self._db.transaction() as conn:
            row = await prize_store.run_out(conn, due["period_id"], due["position"], self._clock.now())
            if row is None:
                return
            settings = self._guilds.get(row["guild_id"])
            message = await self._next(conn, settings, row, look)
            await outbox.post(conn, self._clock, settings.guild_id, settings.announcement_channel_id, message)

    async def _next(self, conn: Connection, settings: GuildSettings, row: Row, look: Look) -> Message:
        period = await periods.by_id(conn, row["period_id"])
        reader = self._guilds.reader(settings.guild_id)
        taken = await reserves.unclaimed(conn, self._clock, period.draw_id, row["position"], look, look.why_not)
        await self._audit(conn, settings, period, row, taken)
        if taken is None:
            await prize_store.mark_expired(conn, period.id, row["position"], self._clock.now())
            return announcements.nobody_left(reader, period, row)
        held = await store.tickets_of(conn, period.id, taken.winner.id)
        if row["position"] == 0:
            await store.replace_winner(conn, period.id, taken.winner.id, held["kick_name"], taken.winner.ticket)
        deadline = await hold(
            conn, self._clock, self._guilds, settings, period_id=period.id, position=row["position"],
            discord_id=taken.winner.id, kick_name=held["kick_name"], ticket=taken.winner.ticket, prize=row["prize"],
        )  # fmt: skip
        return announcements.unclaimed(reader, period, row, taken, deadline)

    async def _audit(
        self, conn: Connection, settings: GuildSettings, period: Period, row: Row, taken: Replacement | None
    ) -> None:  # fmt: skip
        detail = {
            "period": period.number, "place": row["position"] + 1, "from": str(row["discord_id"]),
            "to": None if taken is None else str(taken.winner.id),
            "passed": [] if taken is None else [[str(who), why] for who, why in taken.passed],
        }  # fmt: skip
        await guilds.audit(conn, settings.guild_id, None, "unclaimed", detail, self._clock.now())
