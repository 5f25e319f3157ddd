"""SQL of what members hold in all raffles together and in the running one."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text

from core.db import Connection


async def holdings(conn: Connection, guild_id: int, discord_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """(tickets of all periods, tickets of the active one) by member; who never had any is not in it."""
    result = await conn.execute(
        text(
            "SELECT t.discord_id, sum(t.total_tickets) AS credits, "
            "coalesce(sum(t.total_tickets) FILTER (WHERE p.status = 'active'), 0) AS tickets "
            "FROM raffle_tickets t JOIN raffle_periods p ON p.id = t.period_id "
            "WHERE p.guild_id = :guild AND t.discord_id = ANY(:users) GROUP BY t.discord_id"
        ),
        {"guild": guild_id, "users": list(discord_ids)},
    )
    return {row.discord_id: (int(row.credits), int(row.tickets)) for row in result}
