"""Gifted subs: every gift is paid once, whatever frames, transports and repetitions tell of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import identity
from core.db import Connection, Row
from core.guilds import GuildSettings
from core.identity import name_key
from core.kick_events import (
    ANONYMOUS,
    ChatMessage,
    GiftedSubs,
    GiftNotice,
    GiftsLeaderboard,
    gift_count,
    gift_key,
    gift_key_is_final,
)
from raffle_system import gift_notice_store as notice_store
from raffle_system import gift_store as store
from raffle_system import periods
from raffle_system.models import GIFTED_SUB, Grant, Period
from raffle_system.tickets import grant

TWIN_SPAN = timedelta(seconds=10)
MATCH_SPAN = timedelta(seconds=120)
GAP_SLACK = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class Award:
    """A gift that was told for the first time, or paid now. `discord_id` is None for an unlinked gifter."""

    gifter: str
    anonymous: bool
    discord_id: int | None
    count: int
    tickets: int
    total: int | None
    gift_id: int
    at: datetime


class GifterIds:
    """Who gave lately, by the frames that come with a gift: a name and a number lead to the Kick id."""

    def __init__(self) -> None:
        self._seen: deque[tuple[datetime, str, int | None, int]] = deque(maxlen=500)

    def note(self, event: GiftsLeaderboard | GiftNotice) -> None:
        name = event.username if isinstance(event, GiftsLeaderboard) else event.gifter_name
        if event.gifter_id is not None:
            self._seen.append((event.received_at, name_key(name), event.quantity, event.gifter_id))

    def find(self, gift: GiftedSubs) -> int | None:
        """The gifter's Kick id: said by the gift itself, or by a frame at most 10 s before it."""
        if gift.gifter_id is not None or gift.anonymous:
            return gift.gifter_id
        key, count = name_key(gift.gifter_name), gift_count(gift)
        for seen_at, name, quantity, gifter_id in reversed(self._seen):
            near = abs(gift.received_at - seen_at) <= TWIN_SPAN
            if near and name == key and quantity in (None, count):
                return gifter_id
        return None


def told_at(gift: GiftedSubs | ChatMessage) -> datetime:
    """When the gift happened: the webhook's own time, else when the socket told us."""
    webhook = isinstance(gift, GiftedSubs) and gift.transport == "webhook"
    return gift.created_at if webhook and gift.created_at is not None else gift.received_at


def _giftees(gift: GiftedSubs | ChatMessage) -> list[str]:
    return sorted(name_key(name) for name in gift.giftees) if isinstance(gift, GiftedSubs) else []


def _transport(gift: GiftedSubs | ChatMessage) -> str:
    return gift.transport if isinstance(gift, GiftedSubs) else "socket"


def _is_anonymous(gift: GiftedSubs | ChatMessage) -> bool:
    if isinstance(gift, ChatMessage):
        return not gift.username or name_key(gift.username) == ANONYMOUS.casefold()
    return gift.anonymous


async def record(
    conn: Connection, settings: GuildSettings, gift: GiftedSubs | ChatMessage, gifter_id: int | None,
    now: datetime, *, webhook_key: str | None = None,
) -> Award | None:  # fmt: skip
    """Store the gift and pay it if it can be paid; None when it was known before and nothing more is paid for it.

    `webhook_key` is the inbox key of a webhook delivery. The caller's transaction holds row and ledger together.
    """
    await store.lock(conn, settings.guild_id)
    transport = _transport(gift)
    key = webhook_key or gift_key(gift)
    known = await _known(conn, settings.guild_id, gift, transport, key)
    if known is not None:
        return await _merged(conn, settings, known, gift, gifter_id, now)
    if transport == "socket" and not gift_key_is_final(gift):
        key = f"{key}@{told_at(gift).timestamp():.3f}"
    twin = await _other_half(conn, settings.guild_id, gift, transport)
    if twin is not None:
        return await _matched(conn, settings, twin, gift, gifter_id, transport, key, now)
    row = await _added(conn, settings, gift, gifter_id, transport, key)
    if row["status"] == "pending":
        return await corroborate(conn, settings, row, now)
    return await _pay(conn, settings, row, now)


async def corroborate(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Believe a gift that waits, if other frames told of it too, and pay it."""
    if not await notice_store.corroborated(conn, row, MATCH_SPAN):
        return None
    return await believe(conn, settings, row, now)


async def believe(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Approve a gift and pay it, into the period that is still open for it."""
    period = await periods.for_event(conn, settings.guild_id, row["gifted_at"])
    approved = await store.change(conn, row["id"], {"status": "approved", "period_id": period.id})
    return await _pay(conn, settings, approved, now)


async def _known(
    conn: Connection, guild_id: int, gift: GiftedSubs | ChatMessage, transport: str, key: str
) -> Row | None:
    if transport == "socket" and not gift_key_is_final(gift):
        return await store.recent_twin(conn, guild_id, key, told_at(gift), TWIN_SPAN)
    return await store.by_key(conn, guild_id, transport, key)


async def _merged(
    conn: Connection, settings: GuildSettings, row: Row, gift: GiftedSubs | ChatMessage,
    gifter_id: int | None, now: datetime,
) -> Award | None:  # fmt: skip
    """A further chunk brings giftees; a twin may bring the gifter's id, and with it somebody to pay."""
    giftees = sorted({*row["giftees"], *_giftees(gift)})
    changes: dict[str, object] = {}
    if giftees != row["giftees"] and isinstance(gift, GiftedSubs) and gift.total_chunks:
        changes = {"giftees": giftees, "recipient_kick_name": ", ".join(giftees)}
    if gifter_id is not None and row["gifter_kick_user_id"] is None and not row["anonymous"]:
        changes["gifter_kick_user_id"] = gifter_id
    if not changes:
        return None
    updated = await store.change(conn, row["id"], changes)
    return await _pay_if_linked(conn, settings, updated, now)


async def _other_half(conn: Connection, guild_id: int, gift: GiftedSubs | ChatMessage, transport: str) -> Row | None:
    """The nearest unmatched gift that the other transport told of, from the same or an anonymous gifter."""
    if isinstance(gift, ChatMessage):
        return None
    other = "webhook" if transport == "socket" else "socket"
    rows = await store.unmatched(
        conn, guild_id, other, _giftees(gift), gift_count(gift), told_at(gift), MATCH_SPAN
    )  # fmt: skip
    anonymous = _is_anonymous(gift)
    own = name_key(gift.gifter_name)
    return next((r for r in rows if anonymous or r["anonymous"] or r["gifter_name_key"] == own), None)


async def _matched(
    conn: Connection, settings: GuildSettings, row: Row, gift: GiftedSubs | ChatMessage,
    gifter_id: int | None, transport: str, key: str, now: datetime,
) -> Award | None:  # fmt: skip
    changes: dict[str, object] = {f"{transport}_key": key}
    pending = row["status"] == "pending"
    if pending:
        changes["status"] = "approved"
    giftees = sorted({*row["giftees"], *_giftees(gift)})
    if giftees != row["giftees"]:
        changes |= {"giftees": giftees, "recipient_kick_name": ", ".join(giftees)}
    if _is_anonymous(gift):
        changes |= {
            "anonymous": True,
            "gifter_kick_name": "",
            "gifter_name_key": "",
            "gifter_kick_user_id": None,
        }
    elif row["gifter_kick_user_id"] is None and not row["anonymous"]:
        changes["gifter_kick_user_id"] = gifter_id
    updated = await store.change(conn, row["id"], changes)
    if pending:
        return await believe(conn, settings, updated, now)
    return await _pay_if_linked(conn, settings, updated, now)


async def _added(
    conn: Connection, settings: GuildSettings, gift: GiftedSubs | ChatMessage, gifter_id: int | None,
    transport: str, key: str,
) -> Row:  # fmt: skip
    anonymous = _is_anonymous(gift)
    name = "" if anonymous else (gift.username if isinstance(gift, ChatMessage) else gift.gifter_name)
    period = await periods.for_event(conn, settings.guild_id, told_at(gift))
    names = gift.giftees if isinstance(gift, GiftedSubs) else ()
    trusted = transport == "socket" or await store.socket_was_down(conn, told_at(gift), GAP_SLACK)
    if transport == "webhook" and trusted and not anonymous:
        await _covers_flags(conn, settings.guild_id, gifter_id, name_key(name), gift_count(gift), told_at(gift))
    pays = gift_count(gift) * settings.gifted_sub_tickets if trusted and not anonymous else 0
    link = await identity.member_of(conn, settings.guild_id, gifter_id, name) if pays else None
    return await store.add(
        conn,
        {
            "guild_id": settings.guild_id, "period_id": period.id, "gifter_kick_name": name,
            "gifter_name_key": name_key(name), "gifter_kick_user_id": None if anonymous else gifter_id,
            "recipient_kick_name": ", ".join(names), "sub_count": gift_count(gift), "anonymous": anonymous,
            "giftees": _giftees(gift), "status": "approved" if trusted else "pending",
            "gifted_at": told_at(gift), "kick_event_id": key, f"{transport}_key": key,
            "tickets_awarded": pays if link else 0, "gifter_discord_id": link.discord_id if link else None,
        },
    )  # fmt: skip


async def _covers_flags(
    conn: Connection, guild_id: int, gifter_id: int | None, key: str, count: int, at: datetime
) -> None:
    """A gift that comes late is what a leaderboard had said to be missing: the flag shrinks, or goes."""
    for row in await store.open_flags(conn, guild_id, gifter_id, key, at):
        left = row["sub_count"] - count
        await store.change(conn, row["id"], {"sub_count": left} if left > 0 else {"status": "rejected"})
        count = -left
        if count <= 0:
            return


async def _pay(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Grant the tickets of an approved gift; None while it waits for corroboration."""
    if row["status"] != "approved":
        return None
    member = await _payee(conn, settings, row)
    tickets = row["sub_count"] * settings.gifted_sub_tickets
    paid = await _grant(conn, row, member, tickets, now) if member and tickets else None
    return Award(
        gifter=row["gifter_kick_name"], anonymous=row["anonymous"], discord_id=member,
        count=row["sub_count"], tickets=tickets, total=paid, gift_id=row["id"], at=now,
    )  # fmt: skip


async def _payee(conn: Connection, settings: GuildSettings, row: Row) -> int | None:
    """The member who is paid for a gift: said by its row already, or linked to its gifter."""
    if row["anonymous"] or row["gifter_discord_id"]:
        return None if row["anonymous"] else int(row["gifter_discord_id"])
    link = await identity.member_of(conn, settings.guild_id, row["gifter_kick_user_id"], row["gifter_kick_name"])
    return link.discord_id if link else None


async def _pay_if_linked(conn: Connection, settings: GuildSettings, row: Row, now: datetime) -> Award | None:
    """Pay a gift that was told before its gifter could be found; None when that changes nothing."""
    if row["tickets_awarded"] or row["status"] != "approved":
        return None
    period = await periods.for_event(conn, settings.guild_id, row["gifted_at"])
    if period.id != row["period_id"]:
        row = await store.change(conn, row["id"], {"period_id": period.id})
    award = await _pay(conn, settings, row, now)
    return award if award is not None and award.total is not None else None


def payment_ref(row: Row) -> str:
    """Names the payment of a gift; one that was taken back and is made again has another name."""
    again = f"#{row['payments']}" if row["payments"] else ""
    return f"gift:{row['kick_event_id']}{again}"


async def _grant(conn: Connection, row: Row, discord_id: int, tickets: int, now: datetime) -> int | None:
    made = await grant(
        conn,
        Grant(
            guild_id=row["guild_id"], period_id=row["period_id"], discord_id=discord_id,
            kick_name=row["gifter_kick_name"], change=tickets, source=GIFTED_SUB,
            source_ref=payment_ref(row), description=f"{row['sub_count']} gifted",
            occurred_at=row["gifted_at"],
        ),
        now,
    )  # fmt: skip
    if (row["tickets_awarded"], row["gifter_discord_id"]) != (tickets, discord_id):
        await store.change(conn, row["id"], {"tickets_awarded": tickets, "gifter_discord_id": discord_id})
    return made.total if made else None


async def pay_linked(
    conn: Connection, settings: GuildSettings, period: Period, discord_id: int,
    kick_user_id: int | None, kick_name: str, now: datetime,
) -> Sequence[int]:  # fmt: skip
    """Pay what a Kick account gave in the period before it was linked; the tickets of each gift."""
    await store.lock(conn, settings.guild_id)
    rows = await store.unpaid_of(conn, period.id, settings.guild_id, kick_user_id, name_key(kick_name))
    paid = []
    for row in rows:
        tickets = row["sub_count"] * settings.gifted_sub_tickets
        if tickets and await _grant(conn, row, discord_id, tickets, now) is not None:
            paid.append(tickets)
    return paid


async def record_gap(conn: Connection, started_at: datetime, ended_at: datetime, reason: str) -> None:
    """Remember when nothing could be heard: webhooks of that time are believed without the socket."""
    await store.add_gap(conn, started_at, ended_at, reason)


async def believe_gap(
    conn: Connection, settings: GuildSettings, started_at: datetime, ended_at: datetime, now: datetime
) -> list[Award]:
    """Pay what webhooks told of a time in which nothing could be heard, before we knew that it was one."""
    await store.lock(conn, settings.guild_id)
    rows = await notice_store.pending_between(conn, settings.guild_id, started_at - GAP_SLACK, ended_at + GAP_SLACK)
    awards = [await believe(conn, settings, row, now) for row in rows]
    return [award for award in awards if award is not None]
