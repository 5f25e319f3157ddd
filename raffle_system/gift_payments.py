"""Who is paid for a gift, and when that has to be set right: the ledger's side of gifted subs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core import guilds, identity
from core.db import Connection, Row
from core.errors import InsufficientTickets, UserError
from core.guilds import GuildSettings
from core.identity import name_key
from raffle_system import gift_store as store
from raffle_system import periods, tickets
from raffle_system.models import GIFTED_SUB, Grant, Period

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Award:
    """A gift that was told for the first time, or paid now. `discord_id` is None for an unlinked gifter.

    `moved`: the raffle of its day was frozen, so that it counts in the running one.
    """

    gifter: str
    anonymous: bool
    discord_id: int | None
    count: int
    tickets: int
    total: int | None
    gift_id: int
    at: datetime
    moved: bool = False


async def pay(
    conn: Connection, settings: GuildSettings, row: Row, period: Period, now: datetime
) -> Award | None:  # fmt: skip
    """Grant the tickets of an approved gift in its row's period; None while it waits for corroboration."""
    if row["status"] != "approved":
        return None
    member = await _payee(conn, settings, row)
    earned = row["sub_count"] * settings.gifted_sub_tickets
    paid = await _grant(conn, row, member, earned, now) if member and earned else None
    return Award(
        gifter=row["gifter_kick_name"], anonymous=row["anonymous"], discord_id=member,
        count=row["sub_count"], tickets=earned, total=paid, gift_id=row["id"], at=now,
        moved=earned > 0 and row["gifted_at"] < period.start_date,
    )  # fmt: skip


async def _payee(conn: Connection, settings: GuildSettings, row: Row) -> int | None:
    """The member who is paid for a gift: said by its row already, or linked to its gifter."""
    if row["anonymous"] or row["gifter_discord_id"]:
        return None if row["anonymous"] else int(row["gifter_discord_id"])
    link = await identity.member_of(conn, settings.guild_id, row["gifter_kick_user_id"], row["gifter_kick_name"])
    return link.discord_id if link else None


async def pay_if_linked(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Pay a gift that was told before its gifter could be found; None when that changes nothing."""
    if row["tickets_awarded"] or row["status"] != "approved":
        return None
    period = await periods.for_event(conn, settings.guild_id, row["gifted_at"])
    if period.id != row["period_id"]:
        row = await store.change(conn, row["id"], {"period_id": period.id})
    award = await pay(conn, settings, row, period, now)
    return award if award is not None and award.total is not None else None


def payment_ref(row: Row) -> str:
    """Names the payment of a gift; one that was taken back and is made again has another name."""
    again = f"#{row['payments']}" if row["payments"] else ""
    return f"gift:{row['kick_event_id']}{again}"


async def _grant(conn: Connection, row: Row, discord_id: int, earned: int, now: datetime) -> int | None:
    made = await tickets.grant(
        conn,
        Grant(
            guild_id=row["guild_id"], period_id=row["period_id"], discord_id=discord_id,
            kick_name=row["gifter_kick_name"], change=earned, source=GIFTED_SUB,
            source_ref=payment_ref(row), description=f"{row['sub_count']} gifted",
            occurred_at=row["gifted_at"],
        ),
        now,
    )  # fmt: skip
    if (row["tickets_awarded"], row["gifter_discord_id"]) != (earned, discord_id):
        await store.change(conn, row["id"], {"tickets_awarded": earned, "gifter_discord_id": discord_id})
    return made.total if made else None


async def take_back(conn: Connection, row: Row, actor: int | None, why: str, now: datetime) -> int:
    """Take back what was paid for a gift: the tickets. Errors: `gifts.spent`, `PeriodFrozen`."""
    try:
        return await tickets.reverse(
            conn, row["period_id"], GIFTED_SUB, payment_ref(row), actor=actor, why=why, now=now
        )
    except InsufficientTickets as error:
        raise UserError("gifts.spent", number=str(row["id"])) from error


def unpaid_again(row: Row) -> dict[str, object]:
    """What a gift's row says after its payment was taken back."""
    return {"tickets_awarded": 0, "gifter_discord_id": None, "payments": row["payments"] + 1}


async def taken_from_others(conn: Connection, row: Row, now: datetime) -> Row:
    """A gift that was paid by its gifter's name before the id was known: taken back from whose id is another.

    What cannot be taken back any more, as it is in a draw or spent, stays with who has it.
    """
    if not row["tickets_awarded"]:
        return row
    link = await identity.link_of(conn, row["guild_id"], row["gifter_discord_id"])
    if link is None or link.kick_user_id in (None, row["gifter_kick_user_id"]):
        return row
    try:
        taken = await take_back(conn, row, None, "given by another account", now)
    except UserError as error:
        log.warning("gift_of_another_stays", extra={"gift": row["id"], "error": str(error)})
        return row
    detail = {"gift": row["id"], "member": str(row["gifter_discord_id"]), "tickets": taken}
    await guilds.audit(conn, row["guild_id"], None, "gift of another account", detail, now)
    return await store.change(conn, row["id"], unpaid_again(row))


async def pay_linked(
    conn: Connection, settings: GuildSettings, period: Period, discord_id: int,
    kick_user_id: int | None, kick_name: str, now: datetime,
) -> Sequence[int]:  # fmt: skip
    """Pay what a Kick account gave in the period before it was linked; the tickets of each gift."""
    await store.lock(conn, settings.guild_id)
    rows = await store.unpaid_of(conn, period.id, settings.guild_id, kick_user_id, name_key(kick_name))
    paid = []
    for row in rows:
        earned = row["sub_count"] * settings.gifted_sub_tickets
        if earned and await _grant(conn, row, discord_id, earned, now) is not None:
            paid.append(earned)
    return paid
