"""SQL of month ends and their figures."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row

LEDGER_COLUMNS = (
    "id", "created_at", "occurred_at", "discord_id", "kick_name", "ticket_change", "source", "source_ref",
    "description", "actor", "reverses",
)  # fmt: skip


async def set_end(conn: Connection, period_id: int, end: datetime) -> None:
    await conn.execute(
        text("UPDATE raffle_periods SET end_date = :end WHERE id = :id AND status = 'active'"),
        {"id": period_id, "end": end},
    )


async def ledger(conn: Connection, period_id: int) -> list[Row]:
    columns = ", ".join(LEDGER_COLUMNS)
    result = await conn.execute(
        text(f"SELECT {columns} FROM raffle_ticket_log WHERE period_id = :period_id ORDER BY id"),
        {"period_id": period_id},
    )
    return [dict(row) for row in result.mappings()]


async def total_at_rank(conn: Connection, period_id: int, rank: int) -> int | None:
    """The tickets of the member at a rank; None where there are fewer members."""
    result = await conn.execute(
        text(
            "SELECT total_tickets FROM raffle_tickets WHERE period_id = :period_id AND total_tickets > 0 "
            "ORDER BY total_tickets DESC OFFSET :skip LIMIT 1"
        ),
        {"period_id": period_id, "skip": rank - 1},
    )
    value = result.scalar()
    return int(value) if value is not None else None


async def bands(conn: Connection, period_id: int) -> list[Row]:
    """How tickets are spread: for each band of balances `least`, `members`, `tickets` and the largest balance."""
    result = await conn.execute(
        text(
            "SELECT b.least, count(*) AS members, sum(t.total_tickets) AS tickets, max(t.total_tickets) AS largest, "
            "min(t.total_tickets) AS smallest FROM raffle_tickets t "
            "JOIN LATERAL (SELECT max(v) AS least FROM (VALUES (1), (10), (50), (100), (500), (1000), (5000)) x (v) "
            "WHERE v <= t.total_tickets) b ON TRUE "
            "WHERE t.period_id = :period_id AND t.total_tickets > 0 GROUP BY b.least ORDER BY b.least DESC"
        ),
        {"period_id": period_id},
    )
    return [dict(row) for row in result.mappings()]


async def months(conn: Connection, guild_id: int, limit: int) -> list[Row]:
    """The newest periods with their tickets by source, oldest first."""
    result = await conn.execute(
        text(
            "SELECT p.number, p.start_date, p.end_date, p.status, "
            "coalesce(sum(t.watchtime_tickets), 0) AS watchtime, coalesce(sum(t.gifted_sub_tickets), 0) AS gifted_sub, "
            "coalesce(sum(t.shuffle_wager_tickets), 0) AS shuffle_wager, coalesce(sum(t.bonus_tickets), 0) AS bonus, "
            "coalesce(sum(t.total_tickets), 0) AS total "
            "FROM (SELECT * FROM raffle_periods WHERE guild_id = :guild_id ORDER BY number DESC LIMIT :limit) p "
            "LEFT JOIN raffle_tickets t ON t.period_id = p.id GROUP BY p.number, p.start_date, p.end_date, p.status "
            "ORDER BY p.number"
        ),
        {"guild_id": guild_id, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def engagement(conn: Connection, guild_id: int, period_id: int) -> Row:
    """`linked` members, how many of them earned (`earning`), have a casino name (`adopted`); subs `gifted` in all."""
    result = await conn.execute(
        text(
            "WITH linked AS (SELECT discord_id FROM links WHERE guild_id = :guild_id AND unlinked_at IS NULL) "
            "SELECT (SELECT count(*) FROM linked) AS linked, "
            "(SELECT count(*) FROM linked l WHERE EXISTS (SELECT FROM raffle_tickets t WHERE t.period_id = :period_id "
            " AND t.discord_id = l.discord_id AND t.total_tickets > 0)) AS earning, "
            "(SELECT count(*) FROM linked l WHERE EXISTS (SELECT FROM raffle_shuffle_links s "
            " WHERE s.guild_id = :guild_id AND s.discord_id = l.discord_id AND s.status = 'verified')) AS adopted, "
            "(SELECT coalesce(sum(sub_count), 0) FROM raffle_gifted_subs WHERE period_id = :period_id "
            " AND status = 'approved') AS gifted"
        ),
        {"guild_id": guild_id, "period_id": period_id},
    )
    return dict(result.mappings().one())
