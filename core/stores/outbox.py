"""Rows that wait to be said: one line per message, in order per channel or member."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row


async def add(
    conn: Connection, *, guild_id: int, channel_id: int | None, user_id: int | None,
    payload: dict[str, Any], now: datetime, ref: str | None = None, edits: bool = False,
) -> int:  # fmt: skip
    result = await conn.execute(
        text(
            "INSERT INTO outbox (guild_id, channel_id, user_id, payload, created_at, next_attempt_at, ref, edits) "
            "VALUES (:guild_id, :channel_id, :user_id, CAST(:payload AS jsonb), :now, :now, :ref, :edits) RETURNING id"
        ),
        {
            "guild_id": guild_id, "channel_id": channel_id, "user_id": user_id,
            "payload": json.dumps(payload), "now": now, "ref": ref, "edits": edits,
        },
    )  # fmt: skip
    return int(result.scalar_one())


async def replace_edit(conn: Connection, ref: str, payload: dict[str, Any]) -> bool:
    """A newer state of a message takes the place of one that still waits; False when none waits."""
    result = await conn.execute(
        text(
            "UPDATE outbox SET payload = CAST(:payload AS jsonb), revision = revision + 1 "
            "WHERE ref = :ref AND edits AND delivered_at IS NULL AND given_up_at IS NULL"
        ),
        {"ref": ref, "payload": json.dumps(payload)},
    )
    return result.rowcount > 0


async def replace_edits(conn: Connection, payloads: Mapping[str, dict[str, Any]]) -> set[str]:
    """`replace_edit` for many; the refs of those that waited."""
    result = await conn.execute(
        text(
            "UPDATE outbox o SET payload = CAST(n.payload AS jsonb), revision = o.revision + 1 "
            "FROM unnest(CAST(:refs AS text[]), CAST(:payloads AS text[])) n (ref, payload) "
            "WHERE o.ref = n.ref AND o.edits AND o.delivered_at IS NULL AND o.given_up_at IS NULL RETURNING o.ref"
        ),
        {"refs": list(payloads), "payloads": [json.dumps(payload) for payload in payloads.values()]},
    )
    return set(result.scalars())


async def add_many(
    conn: Connection, guild_id: int, channel_id: int, payloads: Sequence[dict[str, Any]], refs: Sequence[str | None],
    edits: Sequence[bool], now: datetime,
) -> None:  # fmt: skip
    """Messages to one channel, in their order."""
    await conn.execute(
        text(
            "INSERT INTO outbox (guild_id, channel_id, payload, created_at, next_attempt_at, ref, edits) "
            "SELECT :guild_id, :channel_id, CAST(n.payload AS jsonb), :now, :now, n.ref, n.edits FROM unnest("
            "CAST(:payloads AS text[]), CAST(:refs AS text[]), CAST(:edits AS boolean[])) "
            "WITH ORDINALITY n (payload, ref, edits, place) ORDER BY n.place"
        ),
        {
            "guild_id": guild_id, "channel_id": channel_id, "payloads": [json.dumps(one) for one in payloads],
            "refs": list(refs), "edits": list(edits), "now": now,
        },
    )  # fmt: skip


async def message_of(conn: Connection, ref: str) -> int | None:
    """The id of the message that was posted under the name."""
    result = await conn.execute(
        text(
            "SELECT message_id FROM outbox WHERE ref = :ref AND NOT edits AND delivered_at IS NOT NULL "
            "ORDER BY id DESC LIMIT 1"
        ),
        {"ref": ref},
    )
    value = result.scalar()
    return value if isinstance(value, int) else None


async def due(conn: Connection, now: datetime, limit: int) -> list[Row]:
    """The oldest waiting row of every channel and member whose turn has come."""
    result = await conn.execute(
        text(
            "SELECT * FROM ("
            "  SELECT DISTINCT ON (channel_id, user_id) * FROM outbox"
            "  WHERE delivered_at IS NULL AND given_up_at IS NULL"
            "  ORDER BY channel_id, user_id, id"
            ") first WHERE next_attempt_at <= :now ORDER BY id LIMIT :limit"
        ),
        {"now": now, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def delivered(
    conn: Connection, row_id: int, message_id: int, now: datetime, revision: int | None = None
) -> None:  # fmt: skip
    """Settle the row, unless it was replaced by a newer state while the old one was on its way."""
    await conn.execute(
        text(
            "UPDATE outbox SET delivered_at = :now, message_id = :message_id, last_error = NULL "
            "WHERE id = :id AND (CAST(:revision AS integer) IS NULL OR revision = :revision)"
        ),
        {"id": row_id, "message_id": message_id, "now": now, "revision": revision},
    )


async def failed(conn: Connection, row_id: int, error: str, next_attempt_at: datetime) -> None:
    await conn.execute(
        text("UPDATE outbox SET attempts = attempts + 1, last_error = :error, next_attempt_at = :next WHERE id = :id"),
        {"id": row_id, "error": error[:500], "next": next_attempt_at},
    )


async def given_up(conn: Connection, row_id: int, error: str, now: datetime) -> None:
    await conn.execute(
        text("UPDATE outbox SET given_up_at = :now, last_error = :error WHERE id = :id"),
        {"id": row_id, "error": error[:500], "now": now},
    )


async def claim_admin_notice(conn: Connection, channel_id: int, now: datetime) -> bool:
    """True for exactly one caller per blocked channel: the one that tells the admin."""
    result = await conn.execute(
        text(
            "UPDATE outbox SET admin_told_at = :now WHERE id = ("
            "  SELECT min(id) FROM outbox WHERE channel_id = :channel_id"
            "  AND delivered_at IS NULL AND given_up_at IS NULL"
            ") AND NOT EXISTS ("
            "  SELECT FROM outbox WHERE channel_id = :channel_id AND admin_told_at IS NOT NULL"
            "  AND delivered_at IS NULL AND given_up_at IS NULL"
            ")"
        ),
        {"channel_id": channel_id, "now": now},
    )
    return result.rowcount == 1


async def release_admin_notice(conn: Connection, channel_id: int) -> None:
    """The admin could not be told: the next caller of `claim_admin_notice` shall."""
    await conn.execute(
        text(
            "UPDATE outbox SET admin_told_at = NULL WHERE channel_id = :channel_id AND admin_told_at IS NOT NULL "
            "AND delivered_at IS NULL AND given_up_at IS NULL"
        ),
        {"channel_id": channel_id},
    )


async def retry_channel(conn: Connection, channel_id: int, now: datetime) -> None:
    """The channel may be open again: its rows are due now."""
    await conn.execute(
        text(
            "UPDATE outbox SET next_attempt_at = :now "
            "WHERE channel_id = :channel_id AND delivered_at IS NULL AND given_up_at IS NULL"
        ),
        {"channel_id": channel_id, "now": now},
    )


async def waiting(conn: Connection) -> Row:
    """`waiting` (rows) and `oldest` (moment or None) of what is not said yet."""
    result = await conn.execute(
        text(
            "SELECT count(*) AS waiting, min(created_at) AS oldest, "
            "count(*) FILTER (WHERE attempts > 0) AS retrying "
            "FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL"
        )
    )
    return dict(result.mappings().one())
