"""Gifted subs: every gift is paid once, whatever frames, transports and repetitions tell of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from core import identity
from core.db import Connection, Row
from core.guilds import GuildSettings
from raffle_system import gift_notice_store as notice_store
from raffle_system import gift_payments, periods
from raffle_system import gift_store as store
from raffle_system.gift_payments import Award
from raffle_system.gift_telling import MATCH_SPAN, TWIN_SPAN, Gift, Telling, telling, told_before
from raffle_system.models import Period

log = logging.getLogger(__name__)

GAP_SLACK: Final = timedelta(seconds=2)
TRUSTED_WITHIN: Final = timedelta(minutes=10)


async def record(
    conn: Connection, settings: GuildSettings, gift: Gift, gifter_id: int | None, now: datetime, *,
    webhook_key: str | None = None,
) -> Award | None:  # fmt: skip
    """Store the gift and pay it if it can be paid; None when it was known before and nothing more is paid for it.

    `gifter_id` is the gifter's Kick id by the frames of this gift, `webhook_key` the inbox key of a delivery. The
    caller's transaction holds row and ledger together.
    """
    await store.lock(conn, settings.guild_id)
    told = telling(gift, gifter_id, webhook_key)
    known = await _known(conn, settings.guild_id, told)
    if known is not None:
        return await _merged(conn, settings, known, told, now)
    if not told.final:
        told = replace(told, key=f"{told.key}@{told.at.timestamp():.3f}")
    rows = await store.told_otherwise(
        conn, settings.guild_id, told.kind, told.giftees, told.count, told.at, now, MATCH_SPAN
    )
    same = told_before(rows, told, now)
    if same is not None:
        return await _matched(conn, settings, same, told, now)
    period = await periods.for_event(conn, settings.guild_id, told.at)
    row = await _added(conn, settings, told, period, now)
    if row["status"] == "pending":
        return await corroborate(conn, settings, row, now)
    return await gift_payments.pay(conn, settings, row, period, now)


async def corroborate(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Believe a webhook's gift that waits, if other frames or the standings told of it too, and pay it."""
    if row["webhook_key"] is None:
        return None
    if not await notice_store.corroborated(conn, row, MATCH_SPAN) and not await _was_missed(conn, row):
        return None
    return await believe(conn, settings, row, now)


async def _was_missed(conn: Connection, row: Row) -> bool:
    """Whether standings say that the gifter gave as many while nothing could be heard."""
    if row["anonymous"]:
        return False
    flags = await store.open_flags(
        conn, row["guild_id"], row["gifter_kick_user_id"], row["gifter_name_key"], row["gifted_at"]
    )
    return sum(int(flag["sub_count"]) for flag in flags) >= int(row["sub_count"])


async def believe(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Approve a gift and pay it, into the period that is still open for it."""
    if row["webhook_key"] is not None and not row["anonymous"]:
        await _covers_flags(conn, row)
    period = await periods.for_event(conn, settings.guild_id, row["gifted_at"])
    approved = await store.change(conn, row["id"], {"status": "approved", "period_id": period.id})
    return await gift_payments.pay(conn, settings, approved, period, now)


async def _known(conn: Connection, guild_id: int, told: Telling) -> Row | None:
    if told.final:
        return await store.by_key(conn, guild_id, told.kind, told.key)
    return await store.recent_twin(conn, guild_id, told.kind, told.key, told.at, TWIN_SPAN)


async def _merged(
    conn: Connection, settings: GuildSettings, row: Row, told: Telling, now: datetime
) -> Award | None:  # fmt: skip
    """A further chunk brings giftees; a twin may bring the gifter's id, and with it somebody to pay."""
    changes = _giftees_of(row, told) if told.chunked else {}
    return await _settled(conn, settings, row, changes | _gifter_of(row, told), now)


async def _matched(
    conn: Connection, settings: GuildSettings, row: Row, told: Telling, now: datetime
) -> Award | None:  # fmt: skip
    """The gift is told in another shape: that is the second sign which one that waits has waited for."""
    changes: dict[str, object] = {f"{told.kind}_key": told.key} if row[f"{told.kind}_key"] is None else {}
    changes |= _giftees_of(row, told)
    if told.live and row["socket_at"] is None:
        changes["socket_at"] = told.at
    if told.total is not None:
        changes["gifter_total"] = told.total
    if row["status"] == "pending":
        changes |= _gifter_of(row, told)
        return await believe(conn, settings, await store.change(conn, row["id"], changes), now)
    return await _settled(conn, settings, row, changes | _gifter_of(row, told), now)


def _giftees_of(row: Row, told: Telling) -> dict[str, object]:
    giftees = sorted({*row["giftees"], *told.giftees})
    return {} if giftees == row["giftees"] else {"giftees": giftees, "recipient_kick_name": ", ".join(giftees)}


def _gifter_of(row: Row, told: Telling) -> dict[str, object]:
    """What a telling adds to who gave: that nobody is to be named, or an id that is more than a name."""
    if told.anonymous and not row["anonymous"]:
        return {
            "anonymous": True,
            "gifter_kick_name": "",
            "gifter_name_key": "",
            "gifter_kick_user_id": None,
            "gifter_by_name": False,
        }
    known = row["gifter_kick_user_id"] is not None and not row["gifter_by_name"]
    if told.gifter_id is None or row["anonymous"] or known:
        return {}
    return {"gifter_kick_user_id": told.gifter_id, "gifter_by_name": False}


async def identify(conn: Connection, settings: GuildSettings, row: Row, gifter_id: int, now: datetime) -> Award | None:
    """A frame of the gift says whose name it was: that account is paid, and no other."""
    changes: dict[str, object] = {"gifter_kick_user_id": gifter_id, "gifter_by_name": False}
    return await _settled(conn, settings, row, changes, now)


async def _settled(
    conn: Connection, settings: GuildSettings, row: Row, changes: dict[str, object], now: datetime
) -> Award | None:
    """The gift with what was learnt of it; paid if that finds somebody to pay, or another one than was paid."""
    if not changes:
        return None
    row = await store.change(conn, row["id"], changes)
    if changes.get("gifter_kick_user_id") is not None:
        row = await gift_payments.taken_from_others(conn, row, now)
    return await gift_payments.pay_if_linked(conn, settings, row, now)


async def _added(
    conn: Connection, settings: GuildSettings, told: Telling, period: Period, now: datetime
) -> Row:  # fmt: skip
    trusted = told.pays or await _heard_by_nobody_else(conn, settings, told, now)
    gifter_id = told.gifter_id
    if gifter_id is None and not told.anonymous:
        gifter_id = await identity.known_kick_id(conn, settings.guild_id, told.gifter)
    pays = told.count * settings.gifted_sub_tickets if trusted and not told.anonymous else 0
    link = await identity.member_of(conn, settings.guild_id, gifter_id, told.gifter) if pays else None
    row = await store.add(
        conn,
        {
            "guild_id": settings.guild_id, "period_id": period.id, "gifter_kick_name": told.gifter,
            "gifter_name_key": told.name_key, "gifter_kick_user_id": gifter_id,
            "gifter_by_name": gifter_id != told.gifter_id, "gifter_total": told.total,
            "recipient_kick_name": ", ".join(told.names), "sub_count": told.count, "anonymous": told.anonymous,
            "giftees": told.giftees, "status": "approved" if trusted else "pending",
            "gifted_at": told.at, "socket_at": told.at if told.live else None, "arrived_at": now,
            "kick_event_id": told.key, f"{told.kind}_key": told.key,
            "tickets_awarded": pays if link else 0, "gifter_discord_id": link.discord_id if link else None,
        },
    )  # fmt: skip
    if trusted and not told.live and not told.anonymous:
        await _covers_flags(conn, row)
    return row


async def _heard_by_nobody_else(conn: Connection, settings: GuildSettings, told: Telling, now: datetime) -> bool:
    """Whether a webhook is believed alone: nothing else could tell of a gift in a gap; it came soon, and is small."""
    if told.live or told.count > settings.webhook_trusted_gifts or abs(now - told.at) > TRUSTED_WITHIN:
        return False
    return await store.socket_was_down(conn, told.at, GAP_SLACK)


async def _covers_flags(conn: Connection, gift: Row) -> None:
    """A gift that comes late is what a leaderboard had said to be missing: the flag shrinks, or goes."""
    count = gift["sub_count"]
    for row in await store.open_flags(
        conn, gift["guild_id"], gift["gifter_kick_user_id"], gift["gifter_name_key"], gift["gifted_at"]
    ):
        left = row["sub_count"] - count
        await store.change(conn, row["id"], {"sub_count": left} if left > 0 else {"status": "rejected"})
        count = -left
        if count <= 0:
            return


async def record_gap(conn: Connection, started_at: datetime, ended_at: datetime, reason: str) -> None:
    """Remember when nothing could be heard: webhooks of that time are believed without the socket."""
    await store.add_gap(conn, started_at, ended_at, reason)


async def believe_gaps(conn: Connection, settings: GuildSettings, now: datetime) -> list[Award]:
    """Pay what webhooks told of a time in which nothing could be heard, before we knew that it was one.

    As for those that come later: what arrived soon and is small.
    """
    await store.lock(conn, settings.guild_id)
    rows = await notice_store.pending_in_gaps(
        conn, settings.guild_id, GAP_SLACK, settings.webhook_trusted_gifts, TRUSTED_WITHIN
    )
    awards = [await believe(conn, settings, row, now) for row in rows]
    return [award for award in awards if award is not None]
