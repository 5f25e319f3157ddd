"""Tickets for a subscription of one's own and for Kicks, where the guild has rates for them; off by default.

In the balance both count with the gifted subs; the ledger names them apart.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from core import identity
from core.db import Connection, Row
from core.errors import UserError
from core.guilds import GuildSettings
from core.identity import name_key
from core.kick_events import KicksGifted, OwnSub
from raffle_system import gift_store, periods, tickets
from raffle_system import kick_payment_store as store
from raffle_system.gift_telling import MATCH_SPAN, TWIN_SPAN
from raffle_system.gifted_sub_tracker import GAP_SLACK, TRUSTED_WITHIN
from raffle_system.models import KICKS, NEW_SUB, Grant, Period

log = logging.getLogger(__name__)

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
    row = await _merged(conn, row, event, now) if row else await _added(conn, settings, event, kind, amount, now)
    await _pay_if_linked(conn, settings, row, now)


def _shape(event: OwnSub | KicksGifted) -> str:
    """The column of the key under which such a frame or delivery tells of a payment."""
    return event.transport if event.key is not None else "bare"


def _key(event: OwnSub | KicksGifted) -> str:
    if event.key is not None:
        return event.key
    amount = event.amount if isinstance(event, KicksGifted) else 1
    return f"{name_key(event.username)}:{amount}@{event.at.timestamp():.3f}"


def _heard(event: OwnSub | KicksGifted) -> datetime | None:
    """When the socket told us; None for a webhook."""
    if event.transport == "webhook":
        return None
    return event.at if isinstance(event, OwnSub) else event.received_at or event.at


async def _known(conn: Connection, guild_id: int, event: OwnSub | KicksGifted, kind: str, amount: int) -> Row | None:
    """The payment that was told before: under this key, by the other transport, or by another frame of it.

    Nobody subscribes twice in a day, so that all that is told of a person's subscription within one is the same. Kicks
    without an id are those of the last ten seconds; those with one are told once in each shape.
    """
    shape = _shape(event)
    found = await store.by_key(conn, guild_id, kind, shape, _key(event))
    if found is not None:
        return found
    person = (event.user_id, name_key(event.username))
    if kind == NEW_SUB:
        return await store.same(conn, guild_id, kind, None, *person, amount, event.at, SUB_SPAN, None, TWIN_SPAN)
    untold = None if shape == "bare" else shape
    return await store.same(
        conn, guild_id, kind, untold, *person, amount, event.at, MATCH_SPAN, _heard(event), TWIN_SPAN
    )


async def _merged(conn: Connection, row: Row, event: OwnSub | KicksGifted, now: datetime) -> Row:
    shape = _shape(event)
    changes: dict[str, object] = {}
    if row[f"{shape}_key"] is None:
        changes[f"{shape}_key"] = _key(event)
        if row["status"] == "pending":
            changes["status"] = "approved"
    if row["socket_at"] is None and _heard(event) is not None:
        changes["socket_at"] = _heard(event)
    learnt = row["kick_user_id"] is None and event.user_id is not None
    if learnt:
        changes["kick_user_id"] = event.user_id
    row = await store.change(conn, row["id"], changes) if changes else row
    return await _taken_from_others(conn, row, now) if learnt else row


async def _added(
    conn: Connection, settings: GuildSettings, event: OwnSub | KicksGifted, kind: str, amount: int, now: datetime
) -> Row:  # fmt: skip
    """A webhook alone waits: Kick sends them for payments that fail, too."""
    period = await periods.for_event(conn, settings.guild_id, event.at)
    believed = event.transport == "socket" or (
        _is_small(settings, kind, amount)
        and abs(now - event.at) <= TRUSTED_WITHIN
        and await gift_store.socket_was_down(conn, event.at, GAP_SLACK)
    )
    return await store.add(
        conn,
        {
            "guild_id": settings.guild_id, "period_id": period.id, "kind": kind, "kick_user_id": event.user_id,
            "kick_name": event.username, "name_key": name_key(event.username), "amount": amount,
            "status": "approved" if believed else "pending", "paid_at": event.at, "arrived_at": now,
            "socket_at": _heard(event), f"{_shape(event)}_key": _key(event),
        },
    )  # fmt: skip


def _is_small(settings: GuildSettings, kind: str, amount: int) -> bool:
    """Whether a payment earns no more than what a webhook alone may tell of gifted subs."""
    most = settings.webhook_trusted_gifts * max(settings.gifted_sub_tickets, settings.new_sub_tickets)
    return tickets_for(settings, kind, amount) <= most


async def _pay_if_linked(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> None:
    if row["status"] == "approved" and not row["tickets_awarded"]:
        link = await identity.member_of(conn, settings.guild_id, row["kick_user_id"], row["kick_name"])
        if link is not None:
            await _pay(conn, settings, row, link.discord_id, now)


def _ref(row: Row) -> str:
    again = f"#{row['payments']}" if row["payments"] else ""
    return f"kick:{row['id']}{again}"


async def _pay(conn: Connection, settings: GuildSettings, row: Row, discord_id: int, now: datetime) -> int:
    earned = tickets_for(settings, row["kind"], row["amount"])
    if earned == 0:
        return 0
    period = await periods.for_event(conn, settings.guild_id, row["paid_at"])
    made = await tickets.grant(
        conn,
        Grant(
            guild_id=settings.guild_id, period_id=period.id, discord_id=discord_id, kick_name=row["kick_name"],
            change=earned, source=row["kind"], source_ref=_ref(row),
            description=f"{row['amount']} {row['kind']}", occurred_at=row["paid_at"],
        ),
        now,
    )  # fmt: skip
    changes = {"tickets_awarded": earned, "discord_id": discord_id, "period_id": period.id}
    await store.change(conn, row["id"], changes)
    return earned if made else 0


async def _taken_from_others(conn: Connection, row: Row, now: datetime) -> Row:
    """A payment that was credited by its name before the id was known: taken back from whose id is another."""
    if not row["tickets_awarded"]:
        return row
    link = await identity.link_of(conn, row["guild_id"], row["discord_id"])
    if link is None or link.kick_user_id in (None, row["kick_user_id"]):
        return row
    why = "paid by another account"
    try:
        await tickets.reverse(conn, row["period_id"], row["kind"], _ref(row), actor=None, why=why, now=now)
    except UserError as error:
        log.warning("payment_of_another_stays", extra={"payment": row["id"], "error": str(error)})
        return row
    changes = {"tickets_awarded": 0, "discord_id": None, "payments": row["payments"] + 1}
    return await store.change(conn, row["id"], changes)


async def pay_linked(
    conn: Connection, settings: GuildSettings, period: Period, discord_id: int, kick_user_id: int | None,
    kick_name: str, now: datetime,
) -> Sequence[int]:  # fmt: skip
    """Pay what a Kick account paid in the period before it was linked; the tickets of each."""
    rows = await store.unpaid_of(conn, settings.guild_id, period.id, kick_user_id, name_key(kick_name))
    paid = [await _pay(conn, settings, row, discord_id, now) for row in rows]
    return [earned for earned in paid if earned]


async def believe_gaps(conn: Connection, settings: GuildSettings, now: datetime) -> None:
    """Pay what webhooks told of a time in which nothing could be heard, before we knew that it was one."""
    await gift_store.lock(conn, settings.guild_id)
    for row in await store.pending_in_gaps(conn, settings.guild_id, GAP_SLACK, TRUSTED_WITHIN):
        if _is_small(settings, row["kind"], row["amount"]):
            await _pay_if_linked(conn, settings, await store.change(conn, row["id"], {"status": "approved"}), now)
