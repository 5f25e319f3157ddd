"""SQL of the giveaways themselves: their life from wish to end."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row
from giveaway.models import UNFINISHED, Draft

SHARDS = 8
COLUMNS = (
    "giveaway_id, guild_id, channel_id, message_id, host_id, prize, description, thumbnail_url, image_url, colour, "
    "winners_count, duration, start_time, end_time, status, created_at, started_at, paused_at, ended_at, ended_by, "
    "cancelled_at, cancel_reason, entities_enabled, entities_mode, role_entities, entities_cap, requirements, "
    "settings, stats, commitment, recurrence, series_id, message_lost_at, gone_told"
)
_WISHED = (
    "channel_id", "host_id", "prize", "description", "winners_count", "duration", "thumbnail_url", "image_url",
    "colour", "entities_enabled", "entities_mode", "role_entities", "entities_cap", "requirements", "settings",
    "recurrence",
)  # fmt: skip
_JSON = frozenset({"role_entities", "requirements", "settings", "stats"})
_CHANGEABLE = frozenset((*_WISHED, "start_time", "end_time", "win_rate", "stats"))


def _value(name: str) -> str:
    return f"CAST(:{name} AS jsonb)" if name in _JSON else f":{name}"


def _bound(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if name in _JSON else value for name, value in values.items()}


def columns_of(draft: Draft) -> dict[str, Any]:
    """A draft as the table's columns."""
    return {
        "channel_id": draft.channel_id, "host_id": draft.host_id, "prize": draft.prize,
        "description": draft.description or None, "winners_count": draft.winners_count, "duration": draft.duration,
        "thumbnail_url": draft.look.thumbnail_url or None, "image_url": draft.look.image_url or None,
        "colour": draft.look.colour, "entities_enabled": draft.entities.enabled,
        "entities_mode": draft.entities.mode, "role_entities": draft.entities.to_json()["roles"],
        "entities_cap": draft.entities.cap, "requirements": draft.requirements.to_json(),
        "settings": draft.options.to_json(), "recurrence": draft.recurrence,
    }  # fmt: skip


async def add(
    conn: Connection, guild_id: int, draft: Draft, start: datetime, series_id: int | None, now: datetime
) -> Row | None:  # fmt: skip
    """Insert a scheduled giveaway; None when its series has one at that time already."""
    values = columns_of(draft)
    names = ", ".join(_WISHED)
    result = await conn.execute(
        text(
            f"INSERT INTO giveaways (guild_id, {names}, start_time, end_time, status, series_id, created_at) "
            f"VALUES (:guild_id, {', '.join(map(_value, _WISHED))}, :start, :end, 'scheduled', :series_id, :now) "
            "ON CONFLICT (series_id, start_time) WHERE series_id IS NOT NULL DO NOTHING "
            f"RETURNING {COLUMNS}"
        ),
        {
            **_bound(values), "guild_id": guild_id, "start": start, "end": start + draft.duration,
            "series_id": series_id, "now": now,
        },
    )  # fmt: skip
    row = result.mappings().first()
    return dict(row) if row else None


async def lock_guild(conn: Connection, guild_id: int) -> None:
    """One at a time where a guild's giveaways are counted before one is added."""
    await conn.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('giveaways', :guild))"), {"guild": guild_id})


async def unfinished(conn: Connection, guild_id: int) -> int:
    result = await conn.execute(
        text("SELECT count(*) FROM giveaways WHERE guild_id = :guild AND status = ANY(:statuses)"),
        {"guild": guild_id, "statuses": list(UNFINISHED)},
    )
    return int(result.scalar_one())


async def get(conn: Connection, giveaway_id: int, *, for_update: bool = False) -> Row | None:
    lock = " FOR UPDATE" if for_update else ""
    result = await conn.execute(
        text(f"SELECT {COLUMNS} FROM giveaways WHERE giveaway_id = :id{lock}"), {"id": giveaway_id}
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def by_message(conn: Connection, guild_id: int, message_id: int) -> Row | None:
    result = await conn.execute(
        text(f"SELECT {COLUMNS} FROM giveaways WHERE guild_id = :guild AND message_id = :message_id"),
        {"guild": guild_id, "message_id": message_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def change(conn: Connection, giveaway_id: int, values: Mapping[str, Any]) -> None:
    """Set some of the columns. KeyError for one that has a statement of its own."""
    if unknown := values.keys() - _CHANGEABLE:
        raise KeyError(", ".join(sorted(unknown)))
    settings = ", ".join(f"{name} = {_value(name)}" for name in values)
    await conn.execute(
        text(f"UPDATE giveaways SET {settings} WHERE giveaway_id = :id"), {**_bound(values), "id": giveaway_id}
    )


async def begin(conn: Connection, giveaway_id: int, commitment: str, end: datetime, now: datetime) -> None:
    """A scheduled giveaway opens, with its counters at zero."""
    await conn.execute(
        text(
            "UPDATE giveaways SET status = 'active', started_at = :now, end_time = :end, commitment = :commitment "
            "WHERE giveaway_id = :id"
        ),
        {"id": giveaway_id, "commitment": commitment, "end": end, "now": now},
    )
    await conn.execute(
        text(
            "INSERT INTO giveaway_counts (giveaway_id, shard) "
            "SELECT :id, generate_series(0, CAST(:shards AS integer) - 1)"
        ),
        {"id": giveaway_id, "shards": SHARDS},
    )


async def set_series(conn: Connection, giveaway_id: int) -> None:
    """The first of a series names it."""
    await conn.execute(
        text("UPDATE giveaways SET series_id = giveaway_id WHERE giveaway_id = :id AND series_id IS NULL"),
        {"id": giveaway_id},
    )


async def set_paused(conn: Connection, giveaway_id: int, now: datetime) -> None:
    await conn.execute(
        text("UPDATE giveaways SET status = 'paused', paused_at = :now WHERE giveaway_id = :id"),
        {"id": giveaway_id, "now": now},
    )


async def set_resumed(conn: Connection, giveaway_id: int, now: datetime) -> None:
    """The time that was left at the pause is left now."""
    await conn.execute(
        text(
            "UPDATE giveaways SET status = 'active', end_time = end_time + (:now - paused_at), paused_at = NULL "
            "WHERE giveaway_id = :id"
        ),
        {"id": giveaway_id, "now": now},
    )


async def set_ending(conn: Connection, giveaway_id: int, ended_by: int | None, now: datetime) -> None:
    await conn.execute(
        text(
            "UPDATE giveaways SET status = 'ending', paused_at = NULL, ended_at = :now, ended_by = :ended_by "
            "WHERE giveaway_id = :id"
        ),
        {"id": giveaway_id, "ended_by": ended_by, "now": now},
    )


async def set_frozen(conn: Connection, giveaway_id: int, now: datetime) -> None:
    await conn.execute(
        text("UPDATE giveaways SET status = 'frozen', frozen_at = :now WHERE giveaway_id = :id"),
        {"id": giveaway_id, "now": now},
    )


async def set_ended(conn: Connection, giveaway_id: int) -> None:
    await conn.execute(text("UPDATE giveaways SET status = 'ended' WHERE giveaway_id = :id"), {"id": giveaway_id})


async def set_cancelled(conn: Connection, giveaway_id: int, actor: int | None, reason: str, now: datetime) -> None:
    await conn.execute(
        text(
            "UPDATE giveaways SET status = 'cancelled', paused_at = NULL, cancelled_at = :now, "
            "cancelled_by = :actor, cancel_reason = :reason WHERE giveaway_id = :id"
        ),
        {"id": giveaway_id, "actor": actor, "reason": reason or None, "now": now},
    )


async def set_message(conn: Connection, giveaway_id: int, message_id: int) -> None:
    await conn.execute(
        text("UPDATE giveaways SET message_id = :message_id, message_lost_at = NULL WHERE giveaway_id = :id"),
        {"id": giveaway_id, "message_id": message_id},
    )


async def claim_lost_message(conn: Connection, giveaway_id: int, now: datetime) -> bool:
    """True once per message: for whoever tells the host that it is gone."""
    result = await conn.execute(
        text("UPDATE giveaways SET message_lost_at = :now WHERE giveaway_id = :id AND message_lost_at IS NULL"),
        {"id": giveaway_id, "now": now},
    )
    return result.rowcount == 1


# Where the bot was removed, everything stands still until it is invited again.
_HERE = "guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL)"


async def guilds_with_open(conn: Connection) -> set[int]:
    """Servers in which something is planned or runs."""
    result = await conn.execute(
        text("SELECT DISTINCT guild_id FROM giveaways WHERE status = ANY(:statuses)"), {"statuses": list(UNFINISHED)}
    )
    return {row.guild_id for row in result}


async def note_gone(conn: Connection, giveaway_id: int, ids: Collection[int]) -> None:
    """Deleted roles and channels of which the host has heard."""
    await conn.execute(
        text("UPDATE giveaways SET gone_told = gone_told || CAST(:ids AS bigint[]) WHERE giveaway_id = :id"),
        {"id": giveaway_id, "ids": sorted(ids)},
    )


async def due_to_start(conn: Connection, now: datetime) -> list[int]:
    return await _ids(conn, f"status = 'scheduled' AND start_time <= :now AND {_HERE} ORDER BY start_time", now=now)


async def due_to_end(conn: Connection, now: datetime) -> list[int]:
    return await _ids(conn, f"status = 'active' AND end_time <= :now AND {_HERE} ORDER BY end_time", now=now)


async def ending(conn: Connection) -> list[int]:
    """Closed for entry, entrants not frozen yet."""
    return await _ids(conn, f"status = 'ending' AND {_HERE} ORDER BY ended_at")


async def of_guild_unfinished(conn: Connection, guild_id: int, statuses: Sequence[str]) -> list[int]:
    return await _ids(
        conn, "guild_id = :guild AND status = ANY(:statuses) ORDER BY giveaway_id", guild=guild_id, statuses=statuses
    )


async def _ids(conn: Connection, condition: str, **parameters: Any) -> list[int]:
    result = await conn.execute(text(f"SELECT giveaway_id FROM giveaways WHERE {condition}"), parameters)
    return [row.giveaway_id for row in result]


async def next_due(conn: Connection) -> datetime | None:
    """The next moment at which something starts, ends or lapses by itself."""
    result = await conn.execute(
        text(
            "SELECT min(due) FROM ("
            f"  SELECT min(start_time) AS due FROM giveaways WHERE status = 'scheduled' AND {_HERE}"
            f"  UNION ALL SELECT min(end_time) FROM giveaways WHERE status = 'active' AND {_HERE}"
            "  UNION ALL SELECT min(claim_until) FROM giveaway_winners WHERE claim_until IS NOT NULL"
            f"  AND NOT claimed AND replaced_at IS NULL AND lapsed_at IS NULL AND {_HERE}"
            ") d"
        )
    )
    value = result.scalar()
    return value if isinstance(value, datetime) else None


# The counters are summed for each open giveaway alone: all that there ever were are eight rows for every giveaway.
STALE = f"""
UPDATE giveaways g SET shown_entries = c.entries, shown_at = :now
FROM (
    SELECT giveaway_id, CAST(
        (SELECT sum(n.entries) FROM giveaway_counts n WHERE n.giveaway_id = a.giveaway_id) AS integer
    ) AS entries
    FROM giveaways a WHERE status = 'active' AND message_id IS NOT NULL AND (shown_at IS NULL OR shown_at <= :before)
) c
WHERE c.giveaway_id = g.giveaway_id AND g.status = 'active' AND g.shown_entries <> c.entries
RETURNING {", ".join("g." + name.strip() for name in COLUMNS.split(","))}, c.entries
"""


async def show_again(conn: Connection, guild_id: int) -> None:
    """What the messages of open giveaways say of points is not true any more: they are edited in their turn."""
    await conn.execute(
        text(
            "UPDATE giveaways SET shown_entries = -1 WHERE guild_id = :guild AND status = 'active' AND entities_enabled"
        ),
        {"guild": guild_id},
    )


async def stale_messages(conn: Connection, now: datetime, before: datetime) -> list[Row]:
    """Claim the active giveaways whose count on the message is not true and was not edited since `before`."""
    result = await conn.execute(text(STALE), {"now": now, "before": before})
    return [dict(row) for row in result.mappings()]


_LISTED = {
    "active": "status IN ('active', 'paused')",
    "scheduled": "status = 'scheduled'",
    "ended": "status IN ('ending', 'frozen', 'ended', 'cancelled')",
    "mine": "host_id = :member",
    "all": "TRUE",
}
LIST_KINDS = tuple(_LISTED)


async def listed(conn: Connection, guild_id: int, kind: str, member: int, offset: int, limit: int) -> list[Row]:
    """Giveaways of the guild, newest first; one more row than `limit` says that there are more."""
    result = await conn.execute(
        text(
            f"SELECT {COLUMNS} FROM giveaways WHERE guild_id = :guild AND {_LISTED[kind]} "
            "AND CAST(:member AS bigint) IS NOT NULL ORDER BY giveaway_id DESC OFFSET :offset LIMIT :limit"
        ),
        {"guild": guild_id, "member": member, "offset": offset, "limit": limit + 1},
    )
    return [dict(row) for row in result.mappings()]


async def in_channel(conn: Connection, guild_id: int, channel_id: int) -> list[Row]:
    """The channel's running giveaways."""
    result = await conn.execute(
        text(
            f"SELECT {COLUMNS} FROM giveaways WHERE guild_id = :guild AND channel_id = :channel_id "
            "AND status IN ('active', 'paused') ORDER BY giveaway_id LIMIT 2"
        ),
        {"guild": guild_id, "channel_id": channel_id},
    )
    return [dict(row) for row in result.mappings()]


async def last_drawn_in(conn: Connection, guild_id: int, channel_id: int) -> Row | None:
    result = await conn.execute(
        text(
            f"SELECT {COLUMNS} FROM giveaways WHERE guild_id = :guild AND channel_id = :channel_id "
            "AND status = 'ended' ORDER BY ended_at DESC, giveaway_id DESC LIMIT 1"
        ),
        {"guild": guild_id, "channel_id": channel_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


# Phones type other apostrophes and quotes than keyboards: they are one to whoever looks for a prize.
_ODD, _STRAIGHT = "’‘ʼ`´“”„«»", "'''''" + '"""""'


async def search(conn: Connection, guild_id: int, typed: str, statuses: Sequence[str], limit: int) -> list[Row]:
    """Giveaways whose prize contains what was typed, or whose number it is; newest first."""
    result = await conn.execute(
        text(
            "SELECT giveaway_id, prize, status, end_time FROM giveaways "
            "WHERE guild_id = :guild AND status = ANY(:statuses) "
            "AND (strpos(translate(lower(prize), :odd, :straight), translate(lower(:typed), :odd, :straight)) > 0 "
            "OR CAST(giveaway_id AS text) = :typed) "
            "ORDER BY giveaway_id DESC LIMIT :limit"
        ),
        {
            "guild": guild_id,
            "typed": typed,
            "statuses": list(statuses),
            "limit": limit,
            "odd": _ODD,
            "straight": _STRAIGHT,
        },
    )
    return [dict(row) for row in result.mappings()]
