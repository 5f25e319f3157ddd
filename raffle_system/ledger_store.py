"""SQL of the ledger: every change of a balance goes through one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row
from core.moments import happened
from raffle_system.models import Grant

# Expects CTEs `held` and `input` before it and the parameter :now. `held` locks the periods before anything else is
# locked: a draw that freezes one waits for who is paying into it, and nobody waits in a circle. Rows go in by the key
# that makes them unique, balances by member, so that two statements that meet lock in the same order. A sum that
# lowers something updates the balance that is there: proposed as a new row it would break that row's checks, which
# is right only for a member without a balance.
PAY = """
logged AS (
    INSERT INTO raffle_ticket_log (
        guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref,
        description, actor, reverses, occurred_at, created_at
    )
    SELECT guild_id, period_id, discord_id, kick_name, change, source, source_ref,
        description, actor, reverses, occurred_at, :now
    FROM input WHERE (SELECT count(*) FROM held) >= 0
    ORDER BY period_id, source, source_ref
    ON CONFLICT ON CONSTRAINT raffle_ticket_log_paid_once DO NOTHING
    RETURNING guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref
), summed AS (
    SELECT guild_id, period_id, discord_id, max(kick_name) AS kick_name,
        coalesce(sum(ticket_change) FILTER (WHERE source = 'watchtime'), 0) AS watchtime,
        coalesce(sum(ticket_change) FILTER (WHERE source IN ('gifted_sub', 'new_sub', 'kicks')), 0)
            AS gifted_sub,
        coalesce(sum(ticket_change) FILTER (WHERE source = 'shuffle_wager'), 0) AS shuffle_wager,
        coalesce(sum(ticket_change) FILTER (WHERE source = 'bonus'), 0) AS bonus,
        sum(ticket_change) AS total, bool_or(ticket_change < 0) AS lowers
    FROM logged GROUP BY guild_id, period_id, discord_id
), balanced AS (
    INSERT INTO raffle_tickets AS t (
        guild_id, period_id, discord_id, kick_name, watchtime_tickets, gifted_sub_tickets,
        shuffle_wager_tickets, bonus_tickets, total_tickets, last_updated
    )
    SELECT guild_id, period_id, discord_id, kick_name, watchtime, gifted_sub, shuffle_wager, bonus, total, :now
    FROM summed s
    WHERE NOT lowers OR NOT EXISTS (
        SELECT FROM raffle_tickets o WHERE o.period_id = s.period_id AND o.discord_id = s.discord_id
    )
    ORDER BY period_id, discord_id
    ON CONFLICT (period_id, discord_id) DO UPDATE SET
        kick_name = CASE WHEN excluded.kick_name = '' THEN t.kick_name ELSE excluded.kick_name END,
        watchtime_tickets = t.watchtime_tickets + excluded.watchtime_tickets,
        gifted_sub_tickets = t.gifted_sub_tickets + excluded.gifted_sub_tickets,
        shuffle_wager_tickets = t.shuffle_wager_tickets + excluded.shuffle_wager_tickets,
        bonus_tickets = t.bonus_tickets + excluded.bonus_tickets,
        total_tickets = t.total_tickets + excluded.total_tickets,
        last_updated = excluded.last_updated
    RETURNING period_id, discord_id, total_tickets
), lowered AS (
    UPDATE raffle_tickets t SET
        watchtime_tickets = t.watchtime_tickets + s.watchtime,
        gifted_sub_tickets = t.gifted_sub_tickets + s.gifted_sub,
        shuffle_wager_tickets = t.shuffle_wager_tickets + s.shuffle_wager,
        bonus_tickets = t.bonus_tickets + s.bonus,
        total_tickets = t.total_tickets + s.total,
        last_updated = :now
    FROM summed s WHERE s.lowers AND t.period_id = s.period_id AND t.discord_id = s.discord_id
    RETURNING t.period_id, t.discord_id, t.total_tickets
), balances AS (
    SELECT * FROM balanced UNION ALL SELECT * FROM lowered
)
"""

GRANT_MANY = f"""
WITH input AS (
    SELECT * FROM unnest(
        CAST(:guild_ids AS bigint[]), CAST(:period_ids AS integer[]), CAST(:discord_ids AS bigint[]),
        CAST(:kick_names AS text[]), CAST(:changes AS integer[]), CAST(:sources AS text[]),
        CAST(:source_refs AS text[]), CAST(:descriptions AS text[]), CAST(:actors AS bigint[]),
        CAST(:reverses AS bigint[]), CAST(:occurred AS timestamptz[])
    ) AS i (
        guild_id, period_id, discord_id, kick_name, change, source, source_ref, description, actor, reverses,
        occurred_at
    )
), held AS MATERIALIZED (
    SELECT id FROM raffle_periods WHERE id = ANY (CAST(:period_ids AS integer[])) ORDER BY id FOR KEY SHARE
), {PAY}
SELECT discord_id, source, source_ref, ticket_change AS change, total_tickets AS total
FROM logged JOIN balances USING (period_id, discord_id)
"""


_GRANT_MANY = text(GRANT_MANY)  # read once: it is long, and every gift goes through it


def parameters(grants: Sequence[Grant], now: datetime) -> dict[str, object]:
    """What GRANT_MANY takes; what happened at no moment that can be happens now."""
    return {
        "guild_ids": [g.guild_id for g in grants],
        "period_ids": [g.period_id for g in grants],
        "discord_ids": [g.discord_id for g in grants],
        "kick_names": [g.kick_name for g in grants],
        "changes": [g.change for g in grants],
        "sources": [g.source for g in grants],
        "source_refs": [g.source_ref for g in grants],
        "descriptions": [g.description for g in grants],
        "actors": [g.actor for g in grants],
        "reverses": [g.reverses for g in grants],
        "occurred": [g.occurred_at if happened(g.occurred_at, now) else now for g in grants],
        "now": now,
    }


async def grant_many(conn: Connection, grants: Sequence[Grant], now: datetime) -> list[Row]:
    """Log and add all grants in one statement; the rows that were new, with the new totals."""
    result = await conn.execute(_GRANT_MANY, parameters(grants, now))
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


async def total(conn: Connection, period_id: int, discord_id: int) -> int:
    result = await conn.execute(
        text("SELECT total_tickets FROM raffle_tickets WHERE period_id = :period_id AND discord_id = :discord_id"),
        {"period_id": period_id, "discord_id": discord_id},
    )
    return int(result.scalar() or 0)


async def balance(conn: Connection, period_id: int, discord_id: int) -> Row:
    """One row, also for a member without tickets (`total` 0, `rank` None)."""
    result = await conn.execute(
        text(
            """
            SELECT coalesce(t.kick_name, '') AS kick_name, coalesce(t.watchtime_tickets, 0) AS watchtime,
                coalesce(t.gifted_sub_tickets, 0) AS gifted_sub,
                coalesce(t.shuffle_wager_tickets, 0) AS shuffle_wager,
                coalesce(t.bonus_tickets, 0) AS bonus, coalesce(t.total_tickets, 0) AS total,
                count(o.total_tickets) AS participants, coalesce(sum(o.total_tickets), 0) AS all_tickets,
                CASE WHEN t.total_tickets > 0
                    THEN 1 + count(*) FILTER (WHERE o.total_tickets > t.total_tickets) END AS rank,
                min(o.total_tickets) FILTER (WHERE o.total_tickets > coalesce(t.total_tickets, 0)) AS next_rank_total
            FROM (VALUES (CAST(:period_id AS integer))) p (period_id)
            LEFT JOIN raffle_tickets t ON t.period_id = p.period_id AND t.discord_id = :discord_id
            LEFT JOIN raffle_tickets o ON o.period_id = p.period_id AND o.total_tickets > 0
            GROUP BY t.id
            """
        ),
        {"period_id": period_id, "discord_id": discord_id},
    )
    row = dict(result.mappings().one())
    row["next_rank"] = await _rank_of_total(conn, period_id, row["next_rank_total"])
    return row


async def _rank_of_total(conn: Connection, period_id: int, total_tickets: int | None) -> int | None:
    if total_tickets is None:
        return None
    result = await conn.execute(
        text("SELECT 1 + count(*) FROM raffle_tickets WHERE period_id = :period_id AND total_tickets > :total"),
        {"period_id": period_id, "total": total_tickets},
    )
    return int(result.scalar_one())


async def leaderboard(conn: Connection, period_id: int, limit: int) -> list[Row]:
    result = await conn.execute(
        text(
            "SELECT rank, discord_id, kick_name, total_tickets AS total FROM raffle_leaderboard "
            "WHERE period_id = :period_id ORDER BY total_tickets DESC, discord_id LIMIT :limit"
        ),
        {"period_id": period_id, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def stats(conn: Connection, period_id: int) -> Row:
    result = await conn.execute(
        text(
            "SELECT count(*) FILTER (WHERE total_tickets > 0) AS participants, "
            "coalesce(sum(total_tickets), 0) AS total, coalesce(sum(watchtime_tickets), 0) AS watchtime, "
            "coalesce(sum(gifted_sub_tickets), 0) AS gifted_sub, "
            "coalesce(sum(shuffle_wager_tickets), 0) AS shuffle_wager, coalesce(sum(bonus_tickets), 0) AS bonus "
            "FROM raffle_tickets WHERE period_id = :period_id"
        ),
        {"period_id": period_id},
    )
    return dict(result.mappings().one())


async def entrant_text(conn: Connection, period_id: int, minimum: int) -> tuple[bytes, int, int]:
    """The draw protocol's entrant text of everybody with at least `minimum` tickets, how many, all their tickets."""
    result = await conn.execute(
        text(
            "SELECT convert_to(coalesce(string_agg("
            "discord_id || ' ' || total_tickets || chr(10), '' ORDER BY discord_id), ''), 'UTF8') AS lines, "
            "count(*) AS entrants, coalesce(sum(total_tickets), 0) AS tickets "
            "FROM raffle_tickets WHERE period_id = :period_id AND total_tickets >= :minimum"
        ),
        {"period_id": period_id, "minimum": minimum},
    )
    row = result.one()
    return row.lines, row.entrants, int(row.tickets)


async def below_minimum(conn: Connection, period_id: int, minimum: int) -> list[int]:
    result = await conn.execute(
        text(
            "SELECT discord_id FROM raffle_tickets "
            "WHERE period_id = :period_id AND total_tickets BETWEEN 1 AND CAST(:minimum AS integer) - 1 ORDER BY 1"
        ),
        {"period_id": period_id, "minimum": minimum},
    )
    return [row.discord_id for row in result]


async def differences(conn: Connection) -> list[Row]:
    """Balances that are not the sum of their ledger rows, with both figures per source."""
    result = await conn.execute(
        text(
            """
            WITH summed AS (
                SELECT period_id, discord_id,
                    coalesce(sum(ticket_change) FILTER (WHERE source = 'watchtime'), 0) AS watchtime,
                    coalesce(sum(ticket_change) FILTER (WHERE source IN ('gifted_sub', 'new_sub', 'kicks')), 0)
            AS gifted_sub,
                    coalesce(sum(ticket_change) FILTER (WHERE source = 'shuffle_wager'), 0) AS shuffle_wager,
                    coalesce(sum(ticket_change) FILTER (WHERE source = 'bonus'), 0) AS bonus,
                    sum(ticket_change) AS total
                FROM raffle_ticket_log GROUP BY period_id, discord_id
            )
            SELECT period_id, discord_id, coalesce(s.total, 0) AS ledger, coalesce(t.total_tickets, 0) AS balance
            FROM summed s FULL JOIN raffle_tickets t USING (period_id, discord_id)
            WHERE (coalesce(s.watchtime, 0), coalesce(s.gifted_sub, 0), coalesce(s.shuffle_wager, 0),
                   coalesce(s.bonus, 0), coalesce(s.total, 0))
                IS DISTINCT FROM
                  (coalesce(t.watchtime_tickets, 0), coalesce(t.gifted_sub_tickets, 0),
                   coalesce(t.shuffle_wager_tickets, 0), coalesce(t.bonus_tickets, 0), coalesce(t.total_tickets, 0))
            ORDER BY period_id, discord_id
            """
        )
    )
    return [dict(row) for row in result.mappings()]


async def size(conn: Connection) -> Row:
    """How many ledger rows and balances there are."""
    result = await conn.execute(
        text(
            "SELECT (SELECT count(*) FROM raffle_ticket_log) AS rows, (SELECT count(*) FROM raffle_tickets) AS balances"
        )
    )
    return dict(result.mappings().one())
