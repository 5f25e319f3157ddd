"""SQL of what viewers pay on Kick beside gifted subs: subscriptions of their own, and Kicks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row


async def by_key(conn: Connection, guild_id: int, kind: str, transport: str, key: str) -> Row | None:
    result = await conn.execute(
        text(
            f"SELECT * FROM raffle_kick_payments WHERE guild_id = :guild_id AND kind = :kind "
            f"AND {transport}_key = :key FOR UPDATE"
        ),
        {"guild_id": guild_id, "kind": kind, "key": key},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def same(
    conn: Connection, guild_id: int, kind: str, untold: str | None, user_id: int | None, name_key: str,
    amount: int, at: datetime, within: timedelta, heard: datetime | None, together: timedelta,
) -> Row | None:  # fmt: skip
    """The nearest payment of that amount by the person, `within` of its time; `untold` in a shape, where one is named.

    Two frames of the socket are of one only if both were `heard` within `together`.
    """
    untold_there = f"AND {untold}_key IS NULL " if untold else ""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_kick_payments WHERE guild_id = :guild_id AND kind = :kind AND amount = :amount "
            f"{untold_there}AND (kick_user_id = CAST(:user_id AS bigint) OR (name_key = :name_key "
            "AND (kick_user_id IS NULL OR CAST(:user_id AS bigint) IS NULL))) AND CASE "
            "WHEN CAST(:heard AS timestamptz) IS NOT NULL AND socket_at IS NOT NULL THEN "
            "socket_at BETWEEN CAST(:heard AS timestamptz) - CAST(:together AS interval) "
            "AND CAST(:heard AS timestamptz) + CAST(:together AS interval) "
            "ELSE paid_at BETWEEN CAST(:at AS timestamptz) - CAST(:within AS interval) "
            "AND CAST(:at AS timestamptz) + CAST(:within AS interval) END "
            "ORDER BY abs(extract(epoch FROM paid_at - CAST(:at AS timestamptz))), id LIMIT 1 FOR UPDATE"
        ),
        {
            "guild_id": guild_id, "kind": kind, "amount": amount, "user_id": user_id, "name_key": name_key,
            "at": at, "within": within, "heard": heard, "together": together,
        },
    )  # fmt: skip
    row = result.mappings().first()
    return dict(row) if row else None


async def pending_in_gaps(conn: Connection, guild_id: int, slack: timedelta, within: timedelta) -> list[Row]:
    """Payments of gaps that wait, and had arrived within so long."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_kick_payments p WHERE guild_id = :guild_id AND status = 'pending' "
            "AND arrived_at BETWEEN paid_at - CAST(:within AS interval) AND paid_at + CAST(:within AS interval) "
            "AND EXISTS (SELECT FROM kick_gaps g WHERE p.paid_at BETWEEN g.started_at - CAST(:slack AS interval) "
            "AND g.ended_at + CAST(:slack AS interval)) ORDER BY paid_at, id FOR UPDATE"
        ),
        {"guild_id": guild_id, "slack": slack, "within": within},
    )
    return [dict(row) for row in result.mappings()]


async def take_untold(conn: Connection, guild_id: int, before: datetime, now: datetime) -> list[Row]:
    """Payments that wait since before a moment and that the admins have not been told of; told they are now."""
    result = await conn.execute(
        text(
            "UPDATE raffle_kick_payments SET admins_told_at = :now WHERE guild_id = :guild_id AND status = 'pending' "
            "AND admins_told_at IS NULL AND coalesce(arrived_at, paid_at) <= :before "
            "RETURNING id, kind, kick_name, amount, paid_at"
        ),
        {"guild_id": guild_id, "before": before, "now": now},
    )
    return sorted((dict(row) for row in result.mappings()), key=lambda row: int(row["id"]))


async def add(conn: Connection, values: dict[str, Any]) -> Row:
    columns = ", ".join(values)
    parameters = ", ".join(f":{name}" for name in values)
    result = await conn.execute(
        text(f"INSERT INTO raffle_kick_payments ({columns}) VALUES ({parameters}) RETURNING *"), values
    )
    return dict(result.mappings().one())


async def change(conn: Connection, row_id: int, values: dict[str, Any]) -> Row:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    result = await conn.execute(
        text(f"UPDATE raffle_kick_payments SET {assignments} WHERE id = :id RETURNING *"), {"id": row_id, **values}
    )
    return dict(result.mappings().one())


async def unpaid_of(
    conn: Connection, guild_id: int, period_id: int, kick_user_id: int | None, name_key: str
) -> list[Row]:
    """Believed payments of a Kick account in the period that nobody had tickets for."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_kick_payments WHERE guild_id = :guild_id AND period_id = :period_id "
            "AND tickets_awarded = 0 AND status = 'approved' "
            "AND (kick_user_id = CAST(:kick_user_id AS bigint) OR (name_key = :name_key "
            "AND (kick_user_id IS NULL OR CAST(:kick_user_id AS bigint) IS NULL))) ORDER BY paid_at, id FOR UPDATE"
        ),
        {"guild_id": guild_id, "period_id": period_id, "kick_user_id": kick_user_id, "name_key": name_key},
    )
    return [dict(row) for row in result.mappings()]
