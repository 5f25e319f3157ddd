"""Gifts that somebody has to look at: what waits, what a leaderboard misses, and the decisions of admins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from core import guilds
from core.db import Connection, Row
from core.errors import UserError
from core.guilds import GuildSettings
from core.identity import name_key
from core.kick_events import GifterTotal, GiftNotice, GiftsLeaderboard
from raffle_system import gift_notice_store as notice_store
from raffle_system import gift_payments, periods
from raffle_system import gift_store as store
from raffle_system import gifted_sub_tracker as tracker
from raffle_system.gift_payments import Award
from raffle_system.gift_telling import MATCH_SPAN, TWIN_SPAN

PAGE = 5
TWIN_SECONDS = 10


async def notice(
    conn: Connection, settings: GuildSettings, event: GiftsLeaderboard | GiftNotice, now: datetime
) -> list[Award]:
    """Keep what corroborates gifts; the gifts that are believed, or paid to somebody, now because of it."""
    await store.lock(conn, settings.guild_id)
    board = isinstance(event, GiftsLeaderboard)
    name = event.username if isinstance(event, GiftsLeaderboard) else event.gifter_name
    key, count = _notice_key(event), event.quantity or (0 if board else 1)
    kind = "leaderboard" if isinstance(event, GiftsLeaderboard) else event.source
    hidden = event.gifter_id is None and name_key(name) == "anonymous"
    new = await notice_store.add_notice(
        conn, settings.guild_id, kind, key, event.gifter_id, "" if hidden else name_key(name), count, event.received_at
    )
    if not new:
        return []
    awards = await _compare(conn, settings, event, now) if isinstance(event, GiftsLeaderboard) else []
    for row in await notice_store.pending_around(conn, settings.guild_id, event.received_at, MATCH_SPAN):
        awards.append(await tracker.corroborate(conn, settings, row, now))
    if event.gifter_id is not None:
        awards.append(await _identified(conn, settings, event, name, event.gifter_id, count, now))
    return [award for award in awards if award is not None]


async def _identified(
    conn: Connection, settings: GuildSettings, event: GiftsLeaderboard | GiftNotice, name: str, gifter_id: int,
    count: int, now: datetime,
) -> Award | None:  # fmt: skip
    """The frames of a gift come in any order: one that comes after it may say whose name it was."""
    row = await notice_store.nameless_around(
        conn, settings.guild_id, name_key(name), count, event.received_at, TWIN_SPAN
    )
    return None if row is None else await tracker.identify(conn, settings, row, gifter_id, now)


def _notice_key(event: GiftsLeaderboard | GiftNotice) -> str:
    """The same for a notice and its twin on the other spelling of the channel, which comes within seconds."""
    if isinstance(event, GiftNotice) and event.notice_id:
        return event.notice_id
    slot = int(event.received_at.timestamp()) // TWIN_SECONDS
    if isinstance(event, GiftNotice):
        fields: list[object] = [event.gifter_id, name_key(event.gifter_name), event.quantity, slot]
    else:
        standings = [(one.user_id, one.quantity) for one in (*event.all_time, *event.monthly)]
        fields = [event.gifter_id, name_key(event.username), event.quantity, standings, slot]
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


async def _compare(
    conn: Connection, settings: GuildSettings, event: GiftsLeaderboard, now: datetime
) -> list[Award | None]:
    """Flag what the standings gained over a time in which nothing was heard, and nobody told of since."""
    awards: list[Award | None] = []
    for board, standings in (("all_time", event.all_time), ("monthly", event.monthly)):
        rows = {one.user_id: one for one in standings if one.user_id}
        if not rows:
            continue
        before = await notice_store.exchange_totals(
            conn, settings.guild_id, board, list(rows), [_until_now(event, one) for one in rows.values()],
            event.received_at,
        )  # fmt: skip
        for known in before:
            awards += await _missing(conn, settings, event, rows[known["kick_user_id"]], known, now)
    return awards


def _until_now(event: GiftsLeaderboard, one: GifterTotal) -> int:
    """What somebody had given before the gift that this leaderboard announces: that one is told next."""
    return max(one.quantity - (event.quantity or 0 if event.gifter_id == one.user_id else 0), 0)


async def _missing(
    conn: Connection, settings: GuildSettings, event: GiftsLeaderboard, one: GifterTotal, known: Row, now: datetime
) -> list[Award | None]:
    """What standings gained over a gap: they are a second sign for what only webhooks told; the rest is flagged."""
    gained = known["now"] - known["was"]
    if gained <= 0 or one.user_id is None:
        return []
    gap = await notice_store.gap_between(conn, known["since"], event.received_at)
    if gap is None:
        return []
    key = name_key(one.username)
    told = await notice_store.given_since(conn, settings.guild_id, one.user_id, key, known["since"])
    if gained < told:
        return []
    waiting = await notice_store.pending_of(conn, settings.guild_id, one.user_id, key, known["since"])
    awards = [await tracker.believe(conn, settings, row, now) for row in waiting]
    if gained > told:
        await _flag(conn, settings, one, gained - told, gap, now)
    return awards


async def _flag(
    conn: Connection, settings: GuildSettings, one: GifterTotal, count: int, gap: Row, now: datetime
) -> None:
    period = await periods.for_event(conn, settings.guild_id, gap["ended_at"])
    await store.flag(
        conn,
        {
            "guild_id": settings.guild_id, "period_id": period.id, "gifter_kick_name": one.username,
            "gifter_name_key": name_key(one.username), "gifter_kick_user_id": one.user_id, "recipient_kick_name": "",
            "sub_count": count, "anonymous": False, "giftees": [], "gifted_at": gap["ended_at"], "arrived_at": now,
            "kick_event_id": f"flag:{one.user_id}:{gap['ended_at'].isoformat()}",
        },
    )  # fmt: skip


async def waiting(conn: Connection, guild_id: int, after: int = 0) -> tuple[Sequence[Row], int]:
    """(the next gifts that wait for an admin, how many wait altogether)."""
    return await store.open_ones(conn, guild_id, after, PAGE), await store.count_open(conn, guild_id)


async def approve(
    conn: Connection, settings: GuildSettings, gift_id: int, actor: int, now: datetime
) -> tuple[Row, Award | None]:
    """Believe a gift and pay it. Errors: `gifts.unknown`, `gifts.decided` when it is approved already."""
    row = await _undecided(conn, settings, gift_id, "approved")
    await store.change(conn, gift_id, {"decided_by": actor, "decided_at": now})
    award = await tracker.believe(conn, settings, row, now)
    await _audit(conn, settings, actor, "gift approved", row, now)
    return row, award


async def reject(conn: Connection, settings: GuildSettings, gift_id: int, actor: int, now: datetime) -> tuple[Row, int]:
    """Refuse a gift; what was paid for it is taken back by a new ledger row: (gift, tickets taken back).

    Errors: `gifts.unknown`, `gifts.decided`, `gifts.spent` when the member has fewer tickets left than it paid.
    """
    row = await _undecided(conn, settings, gift_id, "rejected")
    paid = row["tickets_awarded"]
    taken = await gift_payments.take_back(conn, row, actor, "gift rejected", now) if paid else 0
    changes: dict[str, object] = {"status": "rejected", "decided_by": actor, "decided_at": now}
    if taken:
        changes |= gift_payments.unpaid_again(row)
    await store.change(conn, gift_id, changes)
    await _audit(conn, settings, actor, "gift rejected", row, now)
    return row, taken


async def _undecided(conn: Connection, settings: GuildSettings, gift_id: int, wanted: str) -> Row:
    await store.lock(conn, settings.guild_id)
    row = await store.by_id(conn, settings.guild_id, gift_id)
    if row is None:
        raise UserError("gifts.unknown", number=str(gift_id))
    if row["status"] == wanted:
        raise UserError("gifts.decided", number=str(gift_id))
    return row


async def _audit(conn: Connection, settings: GuildSettings, actor: int, action: str, row: Row, now: datetime) -> None:
    detail = {"gift": row["id"], "gifter": row["gifter_kick_name"], "subs": row["sub_count"]}
    await guilds.audit(conn, settings.guild_id, actor, action, detail, now)
