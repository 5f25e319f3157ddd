"""SQL of entries: joining is one statement, and costs the same with ten entrants and with a hundred thousand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, HotStatement, Row
from core.tables import ROWS_AT_ONCE
from giveaway.store import COLUMNS, SHARDS

# The share lock lets joins pass each other and makes the end of the giveaway wait for them; whoever comes after the
# end is filtered when the lock is granted. The counters are split so that two presses seldom wait for each other.
_OPEN = """
open AS MATERIALIZED (
    SELECT giveaway_id, guild_id FROM giveaways
    WHERE giveaway_id = :id AND guild_id = :guild AND status = 'active' AND end_time > :now
    FOR SHARE
)
"""
_TOTALS = """
    (SELECT coalesce(sum(entries), 0) FROM giveaway_counts WHERE giveaway_id = :id) AS entries,
    (SELECT coalesce(sum(tickets), 0) FROM giveaway_counts WHERE giveaway_id = :id) AS tickets
"""
JOIN = f"""
WITH {_OPEN}, entered AS (
    INSERT INTO giveaway_entries AS e (giveaway_id, user_id, guild_id, joined_at, entities_points, bonus_entries)
    SELECT giveaway_id, :user, guild_id, :now, :points, :points FROM open
    ON CONFLICT (giveaway_id, user_id) DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL,
        entities_points = excluded.entities_points, bonus_entries = excluded.bonus_entries
        WHERE e.left_at IS NOT NULL
    RETURNING e.giveaway_id, e.bonus_entries
), counted AS (
    UPDATE giveaway_counts c SET entries = c.entries + 1, tickets = c.tickets + 1 + n.bonus_entries
    FROM entered n WHERE c.giveaway_id = n.giveaway_id AND c.shard = :shard
)
SELECT EXISTS (SELECT FROM open) AS open, EXISTS (SELECT FROM entered) AS entered,
    (SELECT bonus_entries FROM giveaway_entries WHERE giveaway_id = :id AND user_id = :user) AS held, {_TOTALS}
"""
_JOIN = HotStatement(JOIN)
LEAVE = f"""
WITH {_OPEN}, gone AS (
    UPDATE giveaway_entries e SET left_at = :now FROM open
    WHERE e.giveaway_id = open.giveaway_id AND e.user_id = :user AND e.left_at IS NULL
    RETURNING e.giveaway_id, e.bonus_entries
), counted AS (
    UPDATE giveaway_counts c SET entries = c.entries - 1, tickets = c.tickets - 1 - n.bonus_entries
    FROM gone n WHERE c.giveaway_id = n.giveaway_id AND c.shard = :shard
)
SELECT EXISTS (SELECT FROM open) AS open, EXISTS (SELECT FROM gone) AS gone
"""


def shard_of(user_id: int) -> int:
    """The same counter for a member every time; by the millisecond in the snowflake, which spreads well."""
    return (user_id >> 22) % SHARDS


async def join(conn: Connection, guild_id: int, giveaway_id: int, user_id: int, points: int, now: datetime) -> Row:
    """Enter if the giveaway is open and the member is not in: `open`, `entered`, `held` (points held before, of
    this or an earlier entry), and the totals without this entry: `entries`, `tickets`."""
    row = await _JOIN.one(
        conn, id=giveaway_id, guild=guild_id, user=user_id, points=points, shard=shard_of(user_id), now=now
    )
    assert row is not None
    return row


async def leave(conn: Connection, guild_id: int, giveaway_id: int, user_id: int, now: datetime) -> Row:
    """Withdraw an entry while the giveaway is open: `open`, `gone`."""
    result = await conn.execute(
        text(LEAVE),
        {"id": giveaway_id, "guild": guild_id, "user": user_id, "shard": shard_of(user_id), "now": now},
    )
    return dict(result.mappings().one())


async def totals(conn: Connection, giveaway_id: int) -> tuple[int, int]:
    """(entrants, tickets together) of a giveaway."""
    result = await conn.execute(text(f"SELECT {_TOTALS}"), {"id": giveaway_id})
    row = result.one()
    return int(row.entries), int(row.tickets)


async def spread(conn: Connection, giveaway_id: int) -> dict[int, int]:
    """How many entrants have a number of points, by that number; without those who were left out of the draw."""
    result = await conn.execute(
        text(
            "SELECT entities_points AS points, count(*) AS members FROM giveaway_entries "
            "WHERE giveaway_id = :id AND left_at IS NULL AND excluded IS NULL GROUP BY entities_points"
        ),
        {"id": giveaway_id},
    )
    return {row.points: row.members for row in result}


async def of_member(conn: Connection, giveaway_id: int, user_id: int) -> Row | None:
    result = await conn.execute(
        text(
            "SELECT user_id, joined_at, entities_points AS points, excluded FROM giveaway_entries "
            "WHERE giveaway_id = :id AND user_id = :user AND left_at IS NULL"
        ),
        {"id": giveaway_id, "user": user_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def entrant_ids(conn: Connection, giveaway_id: int) -> list[int]:
    """Everybody who is in, ids ascending."""
    result = await conn.execute(
        text(
            "SELECT coalesce(array_agg(user_id ORDER BY user_id), '{}') FROM giveaway_entries "
            "WHERE giveaway_id = :id AND left_at IS NULL"
        ),
        {"id": giveaway_id},
    )
    return list(result.scalar_one())


async def joined_at(conn: Connection, giveaway_id: int) -> dict[int, datetime]:
    """When each of those who are in entered."""
    result = await conn.execute(
        text("SELECT user_id, joined_at FROM giveaway_entries WHERE giveaway_id = :id AND left_at IS NULL"),
        {"id": giveaway_id},
    )
    return {row.user_id: row.joined_at for row in result}


async def settle(
    conn: Connection, giveaway_id: int, points: Mapping[int, int], excluded: Sequence[tuple[int, str]]
) -> None:  # fmt: skip
    """Write what the freeze found: everybody's points of that moment, and who is left out for what."""
    await conn.execute(
        text(
            "UPDATE giveaway_entries e SET entities_points = n.points, bonus_entries = n.points "
            "FROM unnest(CAST(:users AS bigint[]), CAST(:points AS integer[])) AS n (user_id, points) "
            "WHERE e.giveaway_id = :id AND e.user_id = n.user_id AND e.bonus_entries <> n.points"
        ),
        {"id": giveaway_id, "users": list(points), "points": list(points.values())},
    )
    if excluded:
        await conn.execute(
            text(
                "UPDATE giveaway_entries e SET excluded = n.reason "
                "FROM unnest(CAST(:users AS bigint[]), CAST(:reasons AS text[])) AS n (user_id, reason) "
                "WHERE e.giveaway_id = :id AND e.user_id = n.user_id"
            ),
            {"id": giveaway_id, "users": [who for who, _ in excluded], "reasons": [why for _, why in excluded]},
        )


async def page(conn: Connection, giveaway_id: int, offset: int, limit: int) -> list[Row]:
    """Entrants with the most points first."""
    result = await conn.execute(
        text(
            "SELECT user_id, joined_at, entities_points AS points, excluded FROM giveaway_entries "
            "WHERE giveaway_id = :id AND left_at IS NULL "
            "ORDER BY (excluded IS NOT NULL), bonus_entries DESC, joined_at, user_id OFFSET :offset LIMIT :limit"
        ),
        {"id": giveaway_id, "offset": offset, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def everybody(conn: Connection, giveaway_id: int) -> AsyncIterator[Sequence[Row]]:
    """All entrants for a file, by id, some at a time."""
    found = await conn.stream(
        text(
            "SELECT user_id, joined_at, entities_points AS points, excluded FROM giveaway_entries "
            "WHERE giveaway_id = :id AND left_at IS NULL ORDER BY user_id"
        ),
        {"id": giveaway_id},
    )
    async for rows in found.mappings().partitions(ROWS_AT_ONCE):
        yield [dict(row) for row in rows]


async def over_time(conn: Connection, giveaway_id: int, seconds: int) -> list[Row]:
    """How many of today's entrants joined in each span of `seconds`: `at`, `entries`."""
    result = await conn.execute(
        text(
            "SELECT date_bin(make_interval(secs => :seconds), joined_at, TIMESTAMPTZ '2000-01-01 00:00+00') AS at, "
            "count(*) AS entries FROM giveaway_entries WHERE giveaway_id = :id AND left_at IS NULL "
            "GROUP BY 1 ORDER BY 1"
        ),
        {"id": giveaway_id, "seconds": seconds},
    )
    return [dict(row) for row in result.mappings()]


_DOOR = HotStatement(
    f"SELECT {', '.join('g.' + name.strip() for name in COLUMNS.split(','))}, "
    "coalesce(s.blacklist, '{}') AS blacklist, coalesce(s.blacklist_roles, '{}') AS blacklist_roles, "
    "coalesce(s.bypass_roles, '{}') AS bypass_roles, "
    "(SELECT coalesce(jsonb_agg(to_jsonb(b)), '[]') FROM giveaway_boosts b WHERE b.guild_id = g.guild_id "
    " AND b.removed_at IS NULL AND b.starts_at <= :now AND b.until > :now) AS boosts "
    "FROM giveaways g LEFT JOIN giveaway_settings s USING (guild_id) "
    "WHERE g.giveaway_id = :id AND g.guild_id = :guild"
)


async def door(conn: Connection, guild_id: int, giveaway_id: int, now: datetime) -> Row | None:
    """All that a press of the button is judged by, in one statement: the giveaway, the guild's lists, its boosts."""
    return await _DOOR.one(conn, id=giveaway_id, guild=guild_id, now=now)
