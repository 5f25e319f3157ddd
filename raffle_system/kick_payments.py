"""Tickets for a subscription of one's own and for Kicks, where the guild has rates for them; off by default.

In the balance both count with the gifted subs; the ledger names them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core import identity
from core.db import Connection, Row
from core.guilds import GuildSettings
from core.identity import name_key
from core.kick_events import KicksGifted, OwnSub
from raffle_system import gift_store, periods
from raffle_system import kick_payment_store as store
from raffle_system.gift_telling import MATCH_SPAN
from raffle_system.gifted_sub_tracker import GAP_SLACK
from raffle_system.models import KICKS, NEW_SUB, Grant, Period
from raffle_system.tickets import grant

SUB_SPAN = timedelta(hours=24)
KICKS_PER_RATE = 100


def tickets_for(settings: GuildSettings, kind: str, amount: int) -> int:
    """What a payment earns: the rate for a subscription, and for Kicks the rate for each 100 of them, floored."""
    if kind == NEW_SUB:
        return settings.new_sub_tickets
    return amount * settings.kicks_tickets_per_100 // KICKS_PER_RATE


async def record(conn: Connection, settings: GuildSettings, event: OwnSub | KicksGifted, now: datetime) -> None:
    """Store a payment once, however many frames and transports tell of it, and pay it when it is believed."""
    kind = NEW_SUB if isinstance(event, OwnSub) else KICKS
    amount = 1 if isinstance(event, OwnSub) else event.amount
    if tickets_for(settings, kind, amount) == 0 or name_key(event.username) in ("", "anonymous"):
        return
    await gift_store.lock(conn, settings.guild_id)
    row = await _known(conn, settings.guild_id, event, kind, amount)
    row = await _merged(conn, row, event) if row else await _added(conn, settings, event, kind, amount)
    if row["status"] == "approved" and not row["tickets_awarded"]:
        link = await identity.member_of(conn, settings.guild_id, row["kick_user_id"], row["kick_name"])
        if link is not None:
            await _pay(conn, settings, row, link.discord_id, now)


async def _known(conn: Connection, guild_id: int, event: OwnSub | KicksGifted, kind: str, amount: int) -> Row | None:
    """The payment that was told before: under this key, by the other transport, or by another frame of it.

    Nobody subscribes twice in a day, so that all that is told of a person's subscription within one is the same.
    """
    found = await store.by_key(conn, guild_id, kind, event.transport, event.key)
    if found is not None:
        return found
    untold, span = (None, SUB_SPAN) if kind == NEW_SUB else (event.transport, MATCH_SPAN)
    return await store.same(
        conn, guild_id, kind, untold, event.user_id, name_key(event.username), amount, event.at, span
    )


async def _merged(conn: Connection, row: Row, event: OwnSub | KicksGifted) -> Row:
    changes: dict[str, object] = {}
    if row[f"{event.transport}_key"] is None:
        changes |= {f"{event.transport}_key": event.key, "status": "approved"}
    if row["kick_user_id"] is None and event.user_id is not None:
        changes["kick_user_id"] = event.user_id
    return await store.change(conn, row["id"], changes) if changes else row


async def _added(conn: Connection, settings: GuildSettings, event: OwnSub | KicksGifted, kind: str, amount: int) -> Row:
    """A webhook alone waits: Kick sends them for payments that fail, too."""
    period = await periods.for_event(conn, settings.guild_id, event.at)
    believed = event.transport == "socket" or await gift_store.socket_was_down(conn, event.at, GAP_SLACK)
    return await store.add(
        conn,
        {
            "guild_id": settings.guild_id, "period_id": period.id, "kind": kind, "kick_user_id": event.user_id,
            "kick_name": event.username, "name_key": name_key(event.username), "amount": amount,
            "status": "approved" if believed else "pending", "paid_at": event.at,
            f"{event.transport}_key": event.key,
        },
    )  # fmt: skip


async def _pay(conn: Connection, settings: GuildSettings, row: Row, discord_id: int, now: datetime) -> int:
    tickets = tickets_for(settings, row["kind"], row["amount"])
    if tickets == 0:
        return 0
    period = await periods.for_event(conn, settings.guild_id, row["paid_at"])
    made = await grant(
        conn,
        Grant(
            guild_id=settings.guild_id, period_id=period.id, discord_id=discord_id, kick_name=row["kick_name"],
            change=tickets, source=row["kind"], source_ref=f"kick:{row['id']}",
            description=f"{row['amount']} {row['kind']}", occurred_at=row["paid_at"],
        ),
        now,
    )  # fmt: skip
    changes = {"tickets_awarded": tickets, "discord_id": discord_id, "period_id": period.id}
    await store.change(conn, row["id"], changes)
    return tickets if made else 0


async def pay_linked(
    conn: Connection, settings: GuildSettings, period: Period, discord_id: int, kick_user_id: int | None,
    kick_name: str, now: datetime,
) -> Sequence[int]:  # fmt: skip
    """Pay what a Kick account paid in the period before it was linked; the tickets of each."""
    rows = await store.unpaid_of(conn, settings.guild_id, period.id, kick_user_id, name_key(kick_name))
    paid = [await _pay(conn, settings, row, discord_id, now) for row in rows]
    return [tickets for tickets in paid if tickets]
