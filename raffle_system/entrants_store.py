"""SQL of who would be in a period's list now: the one rule for the draw and for everything that shows a chance."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from core.db import Connection, Row
from raffle_system.ledger_store import BY_SOURCE
from raffle_system.models import Entering

# The rule. Expects :period_id, :minimum (1 or more) and :gone, those holders who are not in the server any more.
ENTERED = """
entered AS (
    SELECT * FROM raffle_tickets t WHERE t.period_id = :period_id AND t.total_tickets >= CAST(:minimum AS integer)
        AND NOT EXISTS (SELECT FROM unnest(CAST(:gone AS bigint[])) g (id) WHERE g.id = t.discord_id)
)
"""
_SOURCES = ", ".join(f"coalesce(sum({amount}), 0) AS {source}" for source, amount in BY_SOURCE.items())

_OWN = ", ".join(f"{amount} AS {source}" for source, amount in BY_SOURCE.items())
_HELD = ", ".join(f"coalesce(t.{source}, 0) AS {source}" for source in BY_SOURCE)


def _parameters(period_id: int, entering: Entering, **more: object) -> dict[str, Any]:
    return {"period_id": period_id, "minimum": entering.minimum, "gone": list(entering.gone), **more}


async def holders(conn: Connection, period_id: int, minimum: int) -> list[int]:
    """Everybody with the minimum of tickets, wherever they are."""
    result = await conn.execute(
        text(
            "SELECT coalesce(array_agg(discord_id), '{}') AS ids FROM raffle_tickets "
            "WHERE period_id = :period_id AND total_tickets >= :minimum"
        ),
        {"period_id": period_id, "minimum": minimum},
    )
    return list(result.scalar_one())


async def entrant_text(conn: Connection, period_id: int, entering: Entering) -> tuple[bytes, int, int]:
    """The draw protocol's entrant text, how many entrants, all their tickets."""
    result = await conn.execute(
        text(
            f"WITH {ENTERED} SELECT convert_to(coalesce(string_agg("
            "discord_id || ' ' || total_tickets || chr(10), '' ORDER BY discord_id), ''), 'UTF8') AS lines, "
            "count(*) AS entrants, coalesce(sum(total_tickets), 0) AS tickets FROM entered"
        ),
        _parameters(period_id, entering),
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


async def totals(conn: Connection, period_id: int, entering: Entering) -> Row:
    """How many there are, all their tickets, and those by source."""
    result = await conn.execute(
        text(
            f"WITH {ENTERED} SELECT count(*) AS participants, coalesce(sum(total_tickets), 0) AS total, {_SOURCES} "
            "FROM entered"
        ),
        _parameters(period_id, entering),
    )
    return dict(result.mappings().one())


async def counted(conn: Connection, period_id: int, entering: Entering) -> dict[int, int]:
    """How many members hold a number of tickets, by that number."""
    result = await conn.execute(
        text(f"WITH {ENTERED} SELECT total_tickets, count(*) AS members FROM entered GROUP BY total_tickets"),
        _parameters(period_id, entering),
    )
    return {row.total_tickets: row.members for row in result}


async def balance(conn: Connection, period_id: int, discord_id: int, entering: Entering) -> Row:
    """One row, also for a member without tickets (`total` 0); `rank` is None for who is not in the list."""
    result = await conn.execute(
        text(
            f"""
            WITH {ENTERED}, own AS (
                SELECT kick_name, total_tickets, {_OWN}
                FROM raffle_tickets WHERE period_id = :period_id AND discord_id = :discord_id
            ), list AS (
                SELECT count(*) AS participants, coalesce(sum(total_tickets), 0) AS all_tickets,
                    coalesce(bool_or(discord_id = :discord_id), FALSE) AS inside,
                    count(*) FILTER (WHERE total_tickets > (SELECT total_tickets FROM own)) AS above,
                    min(total_tickets) FILTER (
                        WHERE total_tickets > coalesce((SELECT total_tickets FROM own), 0)
                    ) AS next_rank_total
                FROM entered
            )
            SELECT coalesce(t.kick_name, '') AS kick_name, {_HELD}, coalesce(t.total_tickets, 0) AS total,
                participants, all_tickets, CASE WHEN inside THEN 1 + above END AS rank, next_rank_total
            FROM list LEFT JOIN own t ON TRUE
            """
        ),
        _parameters(period_id, entering, discord_id=discord_id),
    )
    row = dict(result.mappings().one())
    above = row["next_rank_total"]
    row["next_rank"] = None if above is None else 1 + await _richer(conn, period_id, above, entering)
    return row


async def _richer(conn: Connection, period_id: int, total_tickets: int, entering: Entering) -> int:
    result = await conn.execute(
        text(f"WITH {ENTERED} SELECT count(*) FROM entered WHERE total_tickets > :total"),
        _parameters(period_id, entering, total=total_tickets),
    )
    return int(result.scalar_one())


async def leaderboard(conn: Connection, period_id: int, limit: int, entering: Entering) -> list[Row]:
    result = await conn.execute(
        text(
            f"WITH {ENTERED} SELECT rank() OVER (ORDER BY total_tickets DESC) AS rank, discord_id, kick_name, "
            "total_tickets AS total FROM entered ORDER BY total_tickets DESC, discord_id LIMIT :limit"
        ),
        _parameters(period_id, entering, limit=limit),
    )
    return [dict(row) for row in result.mappings()]


async def total_at_rank(conn: Connection, period_id: int, rank: int, entering: Entering) -> int | None:
    """The tickets of the member at a rank; None where there are fewer members."""
    result = await conn.execute(
        text(f"WITH {ENTERED} SELECT total_tickets FROM entered ORDER BY total_tickets DESC OFFSET :skip LIMIT 1"),
        _parameters(period_id, entering, skip=rank - 1),
    )
    value = result.scalar()
    return int(value) if value is not None else None


async def bands(conn: Connection, period_id: int, entering: Entering) -> list[Row]:
    """How tickets are spread: for each band of balances `least`, `members`, `tickets` and the largest balance."""
    result = await conn.execute(
        text(
            f"WITH {ENTERED} "
            "SELECT b.least, count(*) AS members, sum(t.total_tickets) AS tickets, max(t.total_tickets) AS largest, "
            "min(t.total_tickets) AS smallest FROM entered t "
            "JOIN LATERAL (SELECT max(v) AS least FROM (VALUES (1), (10), (50), (100), (500), (1000), (5000)) x (v) "
            "WHERE v <= t.total_tickets) b ON TRUE GROUP BY b.least ORDER BY b.least DESC"
        ),
        _parameters(period_id, entering),
    )
    return [dict(row) for row in result.mappings()]
