"""Claiming: winners press a button within a time; when it runs out, the next reserve takes the place."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from core import draws, outbox
from core.clock import Clock
from core.db import Connection, Database, Row
from core.errors import UserError
from core.guilds import Guilds, GuildSettings
from core.messages import Message
from raffle_system import periods, prize_store, store
from raffle_system import winner_announcements as announcements

log = logging.getLogger(__name__)

REASON = "not claimed in time"


def until(settings: GuildSettings, now: datetime) -> datetime | None:
    """When a claim that begins now runs out; None where nobody has to claim."""
    return now + timedelta(hours=settings.claim_hours) if settings.claim_hours else None


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


class Claims:
    """Lets claims run out, however late it looks."""

    def __init__(self, db: Database, clock: Clock, guilds_: Guilds) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds_

    async def expire_due(self) -> None:
        while await self._expire_one():
            pass

    async def _expire_one(self) -> bool:
        async with self._db.transaction() as conn:
            row = await prize_store.run_out(conn, self._clock.now())
            if row is None:
                return False
            settings = self._guilds.get(row["guild_id"])
            message = await self._next(conn, settings, row)
            await outbox.post(conn, self._clock, settings.guild_id, settings.announcement_channel_id, message)
        return True

    async def _next(self, conn: Connection, settings: GuildSettings, row: Row) -> Message:
        period = await periods.by_id(conn, row["period_id"])
        reader = self._guilds.reader(settings.guild_id)
        try:
            # Nobody decided this: the record names the guild, whose rule it is.
            taken = await draws.take_reserve(
                conn, self._clock, period.draw_id, position=row["position"], kind="unclaimed",
                by=settings.guild_id, reason=REASON,
            )  # fmt: skip
        except UserError as error:
            if error.key != "draw.no_reserves":
                raise
            await prize_store.mark_expired(conn, period.id, row["position"], self._clock.now())
            return announcements.nobody_left(reader, period, row)
        held = await store.tickets_of(conn, period.id, taken.winner.id)
        if row["position"] == 0:
            await store.replace_winner(conn, period.id, taken.winner.id, held["kick_name"], taken.winner.ticket)
        deadline = await hold(
            conn, self._clock, self._guilds, settings, period_id=period.id, position=row["position"],
            discord_id=taken.winner.id, kick_name=held["kick_name"], ticket=taken.winner.ticket, prize=row["prize"],
        )  # fmt: skip
        log.info("claim_ran_out", extra={"period": period.id, "position": row["position"]})
        return announcements.unclaimed(reader, period, row, taken, deadline)
