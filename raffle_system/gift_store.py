"""SQL of gifted subs: one row per gift, however many frames told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Transaction, text

from core.db import Connection, Row

_GIFT_LOCK = 0x44524D02


_held: WeakKeyDictionary[Transaction, set[int]] = WeakKeyDictionary()


async def lock(conn: Connection, guild_id: int) -> None:
    """One gift of a guild at a time, so that twins on two connections see each other; held to the transaction's end.

    A transaction asks once, unless within a savepoint: what is locked there is let go when it is rolled back.
    """
    sync = conn.sync_connection
    transaction = None if sync is None or conn.in_nested_transaction() else sync.get_transaction()
    if transaction is not None and guild_id in _held.get(transaction, ()):
        return
    await _lock(conn, guild_id)
    if transaction is not None:
        _held.setdefault(transaction, set()).add(guild_id)


async def _lock(conn: Connection, guild_id: int) -> None:
    await conn.execute(
        text("SELECT pg_advisory_xact_lock(:space, CAST(CAST(:guild_id AS bigint) % 2147483647 AS integer))"),
        {"space": _GIFT_LOCK, "guild_id": guild_id},
    )


async def by_key(conn: Connection, guild_id: int, kind: str, key: str) -> Row | None:
    """The gift that was told in this shape under this key."""
    result = await conn.execute(
        text(f"SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND {kind}_key = :key FOR UPDATE"),
        {"guild_id": guild_id, "key": key},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def recent_twin(
    conn: Connection, guild_id: int, kind: str, key: str, when: datetime, within: timedelta
) -> Row | None:
    """A gift told in this shape under `key` or one of its later repetitions, heard around a moment."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id "
            f"AND ({kind}_key = :key OR starts_with({kind}_key, :key || '@')) "
            "AND socket_at BETWEEN CAST(:when AS timestamptz) - CAST(:within AS interval) "
            "AND CAST(:when AS timestamptz) + CAST(:within AS interval) LIMIT 1"
        ),
        {"guild_id": guild_id, "key": key, "when": when, "within": within},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def told_otherwise(
    conn: Connection, guild_id: int, kind: str, giftees: Sequence[str], count: int, when: datetime,
    arrived: datetime, within: timedelta,
) -> list[Row]:  # fmt: skip
    """Gifts of as many subs to the same people, or some of them, around these times, that this shape has not told yet.

    The socket may tell a large gift in chunks, or name nobody. Without an id there are two forms of one shape.
    """
    untold = "TRUE" if kind == "bare" else f"{kind}_key IS NULL"
    span = "BETWEEN CAST(:first AS timestamptz) AND CAST(:last AS timestamptz)"
    result = await conn.execute(
        text(
            f"SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND {untold} AND status <> 'flagged' "
            "AND sub_count = :count AND (giftees <@ CAST(:giftees AS text[]) OR giftees @> CAST(:giftees AS text[])) "
            f"AND (gifted_at {span} OR socket_at {span} OR arrived_at {span}) ORDER BY id FOR UPDATE"
        ),
        {
            "guild_id": guild_id, "giftees": list(giftees), "count": count, "first": min(when, arrived) - within,
            "last": max(when, arrived) + within,
        },
    )  # fmt: skip
    return [dict(row) for row in result.mappings()]


async def add(conn: Connection, values: dict[str, Any]) -> Row:
    columns = ", ".join(values)
    parameters = ", ".join(f":{name}" for name in values)
    result = await conn.execute(
        text(f"INSERT INTO raffle_gifted_subs ({columns}) VALUES ({parameters}) RETURNING *"),
        values,
    )
    return dict(result.mappings().one())


async def change(conn: Connection, gift_id: int, values: dict[str, Any]) -> Row:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    result = await conn.execute(
        text(f"UPDATE raffle_gifted_subs SET {assignments} WHERE id = :id RETURNING *"),
        {"id": gift_id, **values},
    )
    return dict(result.mappings().one())


async def unpaid_of(
    conn: Connection, period_id: int, guild_id: int, kick_user_id: int | None, name_key: str
) -> list[Row]:
    """Approved gifts of a Kick account in the period that nobody was paid for."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND period_id = :period_id "
            "AND tickets_awarded = 0 AND status = 'approved' AND NOT anonymous "
            "AND (gifter_kick_user_id = CAST(:kick_user_id AS bigint) "
            "     OR (gifter_name_key = :name_key "
            "         AND (gifter_kick_user_id IS NULL OR CAST(:kick_user_id AS bigint) IS NULL))) "
            "ORDER BY gifted_at, id FOR UPDATE"
        ),
        {"guild_id": guild_id, "period_id": period_id, "kick_user_id": kick_user_id, "name_key": name_key},
    )
    return [dict(row) for row in result.mappings()]


async def by_id(conn: Connection, guild_id: int, gift_id: int) -> Row | None:
    """The gift, locked."""
    result = await conn.execute(
        text("SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND id = :id FOR UPDATE"),
        {"guild_id": guild_id, "id": gift_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def open_ones(conn: Connection, guild_id: int, after: int, limit: int) -> list[Row]:
    """Gifts that wait for an admin, in the order in which they came."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND status IN ('pending', 'flagged') "
            "AND id > :after ORDER BY id LIMIT :limit"
        ),
        {"guild_id": guild_id, "after": after, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def count_open(conn: Connection, guild_id: int) -> int:
    result = await conn.execute(
        text("SELECT count(*) FROM raffle_gifted_subs WHERE guild_id = :guild_id AND status IN ('pending', 'flagged')"),
        {"guild_id": guild_id},
    )
    return int(result.scalar_one())


async def open_flags(
    conn: Connection, guild_id: int, kick_user_id: int | None, name_key: str, since: datetime
) -> list[Row]:
    """What a leaderboard says that somebody gave unheard before the end of a gap after `since`, the newest first."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND status = 'flagged' "
            "AND gifted_at >= :since "
            "AND (gifter_kick_user_id = CAST(:kick_user_id AS bigint) OR gifter_name_key = :name_key) "
            "ORDER BY id DESC FOR UPDATE"
        ),
        {"guild_id": guild_id, "kick_user_id": kick_user_id, "name_key": name_key, "since": since},
    )
    return [dict(row) for row in result.mappings()]


async def flag(conn: Connection, values: dict[str, Any]) -> Row | None:
    """Add a flagged gift; None when it was flagged before."""
    columns = ", ".join(values)
    parameters = ", ".join(f":{name}" for name in values)
    result = await conn.execute(
        text(
            f"INSERT INTO raffle_gifted_subs ({columns}, tickets_awarded, status) "
            f"VALUES ({parameters}, 0, 'flagged') ON CONFLICT DO NOTHING RETURNING *"
        ),
        values,
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def socket_was_down(conn: Connection, when: datetime, slack: timedelta) -> bool:
    """Whether nothing could be heard at a moment that another clock names, give or take `slack`."""
    result = await conn.execute(
        text(
            "SELECT EXISTS (SELECT FROM kick_gaps WHERE CAST(:when AS timestamptz) "
            "BETWEEN started_at - CAST(:slack AS interval) AND ended_at + CAST(:slack AS interval))"
        ),
        {"when": when, "slack": slack},
    )
    return bool(result.scalar_one())


async def add_gap(conn: Connection, started_at: datetime, ended_at: datetime, reason: str) -> None:
    await conn.execute(
        text("INSERT INTO kick_gaps (started_at, ended_at, reason) VALUES (:started_at, :ended_at, :reason)"),
        {"started_at": started_at, "ended_at": ended_at, "reason": reason},
    )
