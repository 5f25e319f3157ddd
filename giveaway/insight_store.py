"""SQL of statistics over giveaways."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row


async def guild(conn: Connection, guild_id: int) -> Row:
    """Sums of a guild: giveaways by state, entrants of those that were drawn, winners, different members."""
    result = await conn.execute(
        text(
            "SELECT count(*) AS giveaways, count(*) FILTER (WHERE status IN ('active', 'paused')) AS running, "
            "count(*) FILTER (WHERE status = 'ended') AS ended, "
            "count(*) FILTER (WHERE status = 'cancelled') AS cancelled, "
            "coalesce(sum(CAST(stats ->> 'total_entries' AS bigint)), 0) AS entries, "
            "(SELECT count(*) FROM giveaway_winners w WHERE w.guild_id = :guild AND w.replaced_at IS NULL) AS winners, "
            "(SELECT count(DISTINCT user_id) FROM giveaway_entries e WHERE e.guild_id = :guild AND left_at IS NULL) "
            "AS members FROM giveaways WHERE guild_id = :guild"
        ),
        {"guild": guild_id},
    )
    return dict(result.mappings().one())


async def member(conn: Connection, guild_id: int, user_id: int) -> Row:
    """A member's entries, prizes, and entries that were drawn: `entered`, `won`, `drawn`."""
    result = await conn.execute(
        text(
            "SELECT count(*) AS entered, count(*) FILTER (WHERE g.status = 'ended' AND e.excluded IS NULL) AS drawn, "
            "(SELECT count(*) FROM giveaway_winners w WHERE w.guild_id = :guild AND w.user_id = :user "
            " AND w.replaced_at IS NULL) AS won "
            "FROM giveaway_entries e JOIN giveaways g USING (giveaway_id) "
            "WHERE e.guild_id = :guild AND e.user_id = :user AND e.left_at IS NULL"
        ),
        {"guild": guild_id, "user": user_id},
    )
    return dict(result.mappings().one())


async def drawn_entries(conn: Connection, guild_id: int, user_id: int) -> list[Row]:
    """What a member's chances are computed from: `tickets`, `total`, `winners`, `rate` per drawn giveaway."""
    result = await conn.execute(
        text(
            "SELECT 1 + e.bonus_entries AS tickets, CAST(g.stats ->> 'total_tickets' AS bigint) AS total, "
            "g.winners_count AS winners, g.win_rate AS rate "
            "FROM giveaway_entries e JOIN giveaways g USING (giveaway_id) "
            "WHERE e.guild_id = :guild AND e.user_id = :user AND e.left_at IS NULL AND e.excluded IS NULL "
            "AND g.status = 'ended'"
        ),
        {"guild": guild_id, "user": user_id},
    )
    return [dict(row) for row in result.mappings()]


async def most_points(conn: Connection, guild_id: int, since: datetime, limit: int) -> list[Row]:
    """Members by the most points that they took into a giveaway since then: `user_id`, `points`, `entered`."""
    result = await conn.execute(
        text(
            "SELECT e.user_id, max(e.entities_points) AS points, count(*) AS entered "
            "FROM giveaway_entries e JOIN giveaways g USING (giveaway_id) "
            "WHERE e.guild_id = :guild AND e.joined_at >= :since AND e.left_at IS NULL AND g.entities_enabled "
            "GROUP BY e.user_id HAVING max(e.entities_points) > 0 ORDER BY points DESC, entered DESC, e.user_id "
            "LIMIT :limit"
        ),
        {"guild": guild_id, "since": since, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]
