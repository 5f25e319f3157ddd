"""Rows that wait to be said, in lanes.

A channel's messages are one lane, in order; so are a member's. Every message that is edited is a lane of its own, and
so is a row that stepped `aside` after many failures. `lane` is computed by the table; a place is a channel or a member.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row

_WAITS = "delivered_at IS NULL AND given_up_at IS NULL"
# One row of a blocked place is tried at a time; the others, new ones too, come after it.
_AFTER_PROBE = timedelta(minutes=5)
_FIRST_TURN = (
    "COALESCE((SELECT b.retry_at + CAST(:after AS interval) FROM outbox_blocks b "
    "WHERE b.place = CAST(:place AS bigint)), CAST(:now AS timestamptz))"
)


def _waits(alias: str) -> str:
    return f"{alias}.delivered_at IS NULL AND {alias}.given_up_at IS NULL"


async def add(
    conn: Connection, *, guild_id: int, channel_id: int | None, user_id: int | None,
    payload: dict[str, Any], now: datetime, ref: str | None = None, edits: bool = False,
) -> int:  # fmt: skip
    result = await conn.execute(
        text(
            "INSERT INTO outbox (guild_id, channel_id, user_id, payload, created_at, next_attempt_at, ref, edits) "
            "VALUES (:guild_id, :channel_id, :user_id, CAST(:payload AS jsonb), :now, "
            f"{_FIRST_TURN}, :ref, :edits) RETURNING id"
        ),
        {
            "after": _AFTER_PROBE, "place": channel_id or user_id,
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
            "SELECT :guild_id, :channel_id, CAST(n.payload AS jsonb), :now, "
            f"{_FIRST_TURN}, n.ref, n.edits FROM unnest("
            "CAST(:payloads AS text[]), CAST(:refs AS text[]), CAST(:edits AS boolean[])) "
            "WITH ORDINALITY n (payload, ref, edits, place) ORDER BY n.place"
        ),
        {
            "guild_id": guild_id, "channel_id": channel_id, "after": _AFTER_PROBE, "place": channel_id,
            "payloads": [json.dumps(one) for one in payloads],
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


async def take(
    conn: Connection, now: datetime, limit: int, busy: Collection[int] = (), full: Collection[int] = (),
    lane: int | None = None,
) -> list[Row]:  # fmt: skip
    """The first rows of the lanes whose turn has come, other than `busy` lanes and `full` servers, oldest first.

    A row's `tried_at` is since when it may have reached Discord: this moment, unless an earlier try's end is unknown.
    """
    result = await conn.execute(
        text(
            f"UPDATE outbox SET tried_at = COALESCE(tried_at, :now) WHERE id IN (SELECT o.id FROM outbox o "
            f"WHERE {_waits('o')} AND o.next_attempt_at <= :now "
            "AND o.lane <> ALL(CAST(:busy AS bigint[])) AND o.guild_id <> ALL(CAST(:full AS bigint[])) "
            "AND (CAST(:lane AS bigint) IS NULL OR o.lane = :lane) "
            f"AND NOT EXISTS (SELECT FROM outbox b WHERE b.lane = o.lane AND b.id < o.id "
            f"AND {_waits('b')}) "
            f"AND NOT (o.edits AND EXISTS (SELECT FROM outbox m WHERE m.ref = o.ref AND NOT m.edits "
            f"AND {_waits('m')})) "
            "ORDER BY o.next_attempt_at LIMIT :limit) RETURNING *"
        ),
        {"now": now, "limit": limit, "busy": list(busy), "full": list(full), "lane": lane},
    )
    return sorted((dict(row) for row in result.mappings()), key=lambda row: int(row["id"]))


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


async def reopen(conn: Connection, place: int, now: datetime, held_back: bool) -> None:
    """Something arrived in the place: what waited for it (`held_back`, or by a block) waits no longer."""
    await conn.execute(
        text(
            "WITH opened AS (DELETE FROM outbox_blocks WHERE place = :place RETURNING place) "
            f"UPDATE outbox SET next_attempt_at = :now WHERE COALESCE(channel_id, user_id) = :place AND {_WAITS} "
            "AND next_attempt_at > :now AND (:held_back OR EXISTS (SELECT FROM opened))"
        ),
        {"place": place, "now": now, "held_back": held_back},
    )


async def failed(
    conn: Connection, row_id: int, error: str, next_attempt_at: datetime, *, known: bool, aside: bool = False
) -> None:  # fmt: skip
    """Try again later, and what stands behind the row in its lane not before.

    `known`: it is certain that nothing was posted. `aside`: nothing waits for the row any more.
    """
    await conn.execute(
        text(
            "WITH tried AS (UPDATE outbox SET attempts = attempts + 1, last_error = :error, next_attempt_at = :next, "
            "aside = :aside, tried_at = CASE WHEN NOT :known THEN tried_at END WHERE id = :id RETURNING id, lane) "
            "UPDATE outbox o SET next_attempt_at = :next FROM tried WHERE o.lane = tried.lane AND o.id > tried.id "
            f"AND {_waits('o')} AND o.next_attempt_at < :next AND NOT :aside"
        ),
        {"id": row_id, "error": error[:500], "next": next_attempt_at, "known": known, "aside": aside},
    )


async def given_up(conn: Connection, row_id: int, error: str, now: datetime) -> None:
    await conn.execute(
        text("UPDATE outbox SET given_up_at = :now, last_error = :error WHERE id = :id"),
        {"id": row_id, "error": error[:500], "now": now},
    )


async def refusals(conn: Connection, place: int) -> int:
    """How often in a row the place was found closed."""
    result = await conn.execute(text("SELECT refused FROM outbox_blocks WHERE place = :place"), {"place": place})
    return int(result.scalar() or 0)


async def block(
    conn: Connection, guild_id: int, place: int, row_id: int, error: str, refused: int, retry_at: datetime
) -> None:  # fmt: skip
    """The place is closed: the row tries again at `retry_at`, everything else of the place after it."""
    await conn.execute(
        text(
            "INSERT INTO outbox_blocks (place, guild_id, refused, retry_at) "
            "VALUES (:place, :guild_id, :refused, :retry_at) "
            "ON CONFLICT (place) DO UPDATE SET refused = excluded.refused, retry_at = excluded.retry_at"
        ),
        {"place": place, "guild_id": guild_id, "refused": refused, "retry_at": retry_at},
    )
    await conn.execute(
        text(
            "UPDATE outbox SET next_attempt_at = CASE WHEN id = :id THEN CAST(:retry_at AS timestamptz) "
            "ELSE CAST(:retry_at AS timestamptz) + CAST(:after AS interval) END, "
            "attempts = attempts + CAST(id = :id AS integer), "
            "tried_at = CASE WHEN id <> :id THEN tried_at END, "
            "last_error = CASE WHEN id = :id THEN :error ELSE last_error END "
            f"WHERE COALESCE(channel_id, user_id) = :place AND {_WAITS}"
        ),
        {"id": row_id, "place": place, "retry_at": retry_at, "after": _AFTER_PROBE, "error": error[:500]},
    )


async def untold(conn: Connection, place: int) -> bool:
    """Whether nobody has heard yet that the place is closed."""
    result = await conn.execute(
        text("SELECT told_at IS NULL FROM outbox_blocks WHERE place = :place"), {"place": place}
    )
    return bool(result.scalar())


async def set_told(conn: Connection, place: int, now: datetime) -> None:
    await conn.execute(
        text("UPDATE outbox_blocks SET told_at = :now WHERE place = :place"), {"now": now, "place": place}
    )


async def claim_row_notice(conn: Connection, row_id: int, now: datetime) -> bool:
    """True for the first caller of a row: the one that tells whom its message names."""
    result = await conn.execute(
        text("UPDATE outbox SET admin_told_at = :now WHERE id = :id AND admin_told_at IS NULL"),
        {"id": row_id, "now": now},
    )
    return result.rowcount == 1


async def retry_place(conn: Connection, place: int, now: datetime) -> None:
    """The place may be open again: its oldest row is due now, and what waits follows when it arrives."""
    await conn.execute(
        text(
            "UPDATE outbox SET next_attempt_at = :now WHERE id = ("
            f"SELECT min(id) FROM outbox WHERE COALESCE(channel_id, user_id) = :place AND {_WAITS})"
        ),
        {"place": place, "now": now},
    )


async def blocked_places(conn: Connection, guild_id: int) -> list[int]:
    result = await conn.execute(
        text("SELECT place FROM outbox_blocks WHERE guild_id = :guild_id ORDER BY place"), {"guild_id": guild_id}
    )
    return list(result.scalars())


async def hurry_guild(conn: Connection, guild_id: int, now: datetime) -> None:
    """Everything of the guild is due now, blocked or not."""
    await conn.execute(text("DELETE FROM outbox_blocks WHERE guild_id = :guild_id"), {"guild_id": guild_id})
    await conn.execute(
        text(
            "UPDATE outbox SET next_attempt_at = :now "
            f"WHERE guild_id = :guild_id AND {_WAITS} AND next_attempt_at > :now"
        ),
        {"guild_id": guild_id, "now": now},
    )


async def known_messages(conn: Connection, message_ids: Sequence[int]) -> set[int]:
    """Which of them are other rows' messages."""
    result = await conn.execute(
        text("SELECT message_id FROM outbox WHERE message_id = ANY(CAST(:ids AS bigint[]))"), {"ids": list(message_ids)}
    )
    return set(result.scalars())


async def posted(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of the names any row has."""
    result = await conn.execute(
        text("SELECT DISTINCT ref FROM outbox WHERE ref = ANY(CAST(:refs AS text[]))"), {"refs": list(refs)}
    )
    return set(result.scalars())


async def posted_since(conn: Connection, ref: str, since: datetime) -> int:
    """How many rows of the name were made since then."""
    result = await conn.execute(
        text("SELECT count(*) FROM outbox WHERE ref = :ref AND created_at > :since"), {"ref": ref, "since": since}
    )
    return int(result.scalar_one())


async def waiting(conn: Connection, since: datetime, guild_id: int | None = None) -> Row:
    """`waiting` (rows), `oldest` (moment or None), `retrying`, `blocked` (places), `given_up` (rows since then)."""
    whose = "" if guild_id is None else "AND guild_id = :guild_id"
    result = await conn.execute(
        text(
            "SELECT count(*) AS waiting, min(created_at) AS oldest, count(*) FILTER (WHERE attempts > 0) AS retrying, "
            f"(SELECT count(*) FROM outbox_blocks WHERE TRUE {whose}) AS blocked, "
            f"(SELECT count(*) FROM outbox WHERE given_up_at > :since {whose}) AS given_up "
            f"FROM outbox WHERE {_WAITS} {whose}"
        ),
        {"since": since} | ({} if guild_id is None else {"guild_id": guild_id}),
    )
    return dict(result.mappings().one())
