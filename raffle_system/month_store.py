"""SQL of month ends and their figures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row
from core.tables import ROWS_AT_ONCE
from raffle_system.ledger_store import BY_SOURCE

LEDGER_COLUMNS = (
    "id", "created_at", "occurred_at", "discord_id", "kick_name", "ticket_change", "source", "source_ref",
    "description", "actor", "reverses",
)  # fmt: skip


async def set_end(conn: Connection, period_id: int, end: datetime) -> None:
    await conn.execute(
        text("UPDATE raffle_periods SET end_date = :end WHERE id = :id AND status = 'active'"),
        {"id": period_id, "end": end},
    )


async def ledger(conn: Connection, period_id: int) -> AsyncIterator[Sequence[Row]]:
    """A period's rows, oldest first, some at a time."""
    columns = ", ".join(LEDGER_COLUMNS)
    found = await conn.stream(
        text(f"SELECT {columns} FROM raffle_ticket_log WHERE period_id = :period_id ORDER BY id"),
        {"period_id": period_id},
    )
    async for rows in found.mappings().partitions(ROWS_AT_ONCE):
        yield [dict(row) for row in rows]


_SOURCES = ", ".join(f"coalesce(sum({amount}), 0) AS {source}" for source, amount in BY_SOURCE.items())


async def months(conn: Connection, guild_id: int, limit: int) -> list[Row]:
    """The newest periods with all that was earned in them by source, oldest first."""
    result = await conn.execute(
        text(
            f"SELECT p.number, p.start_date, p.end_date, p.created_at, p.status, {_SOURCES}, "
            "coalesce(sum(t.total_tickets), 0) AS total, p.total_tickets AS listed "
            "FROM (SELECT * FROM raffle_periods WHERE guild_id = :guild_id ORDER BY number DESC LIMIT :limit) p "
            "LEFT JOIN raffle_tickets t ON t.period_id = p.id "
            "GROUP BY p.number, p.start_date, p.end_date, p.created_at, p.status, p.total_tickets "
            "ORDER BY p.number"
        ),
        {"guild_id": guild_id, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def engagement(conn: Connection, guild_id: int, period_id: int) -> Row:
    """`linked` members, how many of them earned (`earning`), have a casino name (`adopted`).

    Subs `gifted` by anybody, and `by_linked` members.
    """
    result = await conn.execute(
        text(
            "WITH linked AS (SELECT discord_id FROM links WHERE guild_id = :guild_id AND unlinked_at IS NULL) "
            "SELECT (SELECT count(*) FROM linked) AS linked, "
            "(SELECT count(*) FROM linked l WHERE EXISTS (SELECT FROM raffle_tickets t WHERE t.period_id = :period_id "
            " AND t.discord_id = l.discord_id AND t.total_tickets > 0)) AS earning, "
            "(SELECT count(*) FROM linked l WHERE EXISTS (SELECT FROM raffle_shuffle_links s "
            " WHERE s.guild_id = :guild_id AND s.discord_id = l.discord_id AND s.status = 'verified')) AS adopted, "
            "coalesce(sum(g.sub_count), 0) AS gifted, coalesce(sum(g.sub_count) FILTER ("
            " WHERE g.gifter_discord_id IN (SELECT discord_id FROM linked)), 0) AS by_linked "
            "FROM raffle_gifted_subs g WHERE g.period_id = :period_id AND g.status = 'approved'"
        ),
        {"guild_id": guild_id, "period_id": period_id},
    )
    return dict(result.mappings().one())
