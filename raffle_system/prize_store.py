"""SQL of prizes, of who holds each winning place, and of claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row

_WINNER = (
    "period_id, position, guild_id, discord_id, kick_name, ticket, prize, claim_until, claimed_at, expired_at"
)  # fmt: skip


async def prizes(conn: Connection, period_id: int) -> list[str]:
    result = await conn.execute(
        text("SELECT prize FROM raffle_prizes WHERE period_id = :period_id ORDER BY position"),
        {"period_id": period_id},
    )
    return [row.prize for row in result]


async def set_prizes(conn: Connection, period_id: int, texts: Sequence[str]) -> None:
    await conn.execute(text("DELETE FROM raffle_prizes WHERE period_id = :period_id"), {"period_id": period_id})
    if texts:
        await conn.execute(
            text("INSERT INTO raffle_prizes (period_id, position, prize) VALUES (:period_id, :position, :prize)"),
            [{"period_id": period_id, "position": index, "prize": prize} for index, prize in enumerate(texts)],
        )


async def put_winner(
    conn: Connection, *, period_id: int, position: int, guild_id: int, discord_id: int, kick_name: str, ticket: int,
    prize: str, claim_until: datetime | None,
) -> None:  # fmt: skip
    """Who holds the place from now on; whoever held it before is in the draw's events."""
    await conn.execute(
        text(
            f"INSERT INTO raffle_winners ({_WINNER}) VALUES (:period_id, :position, :guild_id, :discord_id, "
            ":kick_name, :ticket, :prize, :claim_until, NULL, NULL) ON CONFLICT (period_id, position) DO UPDATE SET "
            "discord_id = excluded.discord_id, kick_name = excluded.kick_name, ticket = excluded.ticket, "
            "claim_until = excluded.claim_until, claimed_at = NULL, expired_at = NULL"
        ),
        {
            "period_id": period_id, "position": position, "guild_id": guild_id, "discord_id": discord_id,
            "kick_name": kick_name, "ticket": ticket, "prize": prize, "claim_until": claim_until,
        },
    )  # fmt: skip


async def winners(conn: Connection, period_id: int) -> list[Row]:
    result = await conn.execute(
        text(f"SELECT {_WINNER} FROM raffle_winners WHERE period_id = :period_id ORDER BY position"),
        {"period_id": period_id},
    )
    return [dict(row) for row in result.mappings()]


async def winner_of(conn: Connection, period_id: int, discord_id: int) -> Row | None:
    """The place that a member holds, locked until the transaction ends."""
    result = await conn.execute(
        text(
            f"SELECT {_WINNER} FROM raffle_winners WHERE period_id = :period_id AND discord_id = :discord_id "
            "ORDER BY position LIMIT 1 FOR UPDATE"
        ),
        {"period_id": period_id, "discord_id": discord_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def mark_claimed(conn: Connection, period_id: int, position: int, now: datetime) -> None:
    await conn.execute(
        text("UPDATE raffle_winners SET claimed_at = :now WHERE period_id = :period_id AND position = :position"),
        {"period_id": period_id, "position": position, "now": now},
    )


async def mark_expired(conn: Connection, period_id: int, position: int, now: datetime) -> None:
    await conn.execute(
        text("UPDATE raffle_winners SET expired_at = :now WHERE period_id = :period_id AND position = :position"),
        {"period_id": period_id, "position": position, "now": now},
    )


async def overdue(conn: Connection, now: datetime) -> list[Row]:
    """Places whose claim ran out, in servers that the bot is in: `guild_id`, `period_id`, `position`."""
    result = await conn.execute(
        text(
            "SELECT guild_id, period_id, position FROM raffle_winners WHERE claim_until <= :now "
            "AND claimed_at IS NULL AND expired_at IS NULL "
            "AND guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) "
            "ORDER BY claim_until, position"
        ),
        {"now": now},
    )
    return [dict(row) for row in result.mappings()]


async def extend_claims(conn: Connection, since: datetime, now: datetime, guild_id: int | None) -> list[Row]:
    """Give open claims the time from `since` to `now` back; their places, by period."""
    result = await conn.execute(
        text(
            "UPDATE raffle_winners SET claim_until = claim_until + (:now - CAST(:since AS timestamptz)) "
            "WHERE claim_until > :since AND claimed_at IS NULL AND expired_at IS NULL "
            "AND (CAST(:guild AS bigint) IS NULL OR guild_id = :guild) "
            "AND guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) "
            f"RETURNING {_WINNER}"
        ),
        {"since": since, "now": now, "guild": guild_id},
    )
    return sorted((dict(row) for row in result.mappings()), key=lambda row: (row["period_id"], row["position"]))


async def run_out(conn: Connection, period_id: int, position: int, now: datetime) -> Row | None:
    """The place whose claim ran out, locked; None where it was claimed or passed on meanwhile."""
    result = await conn.execute(
        text(
            f"SELECT {_WINNER} FROM raffle_winners WHERE period_id = :period_id AND position = :position "
            "AND claim_until <= :now AND claimed_at IS NULL AND expired_at IS NULL FOR UPDATE"
        ),
        {"period_id": period_id, "position": position, "now": now},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def open_claims(conn: Connection, guild_id: int) -> list[Row]:
    result = await conn.execute(
        text(
            f"SELECT {_WINNER} FROM raffle_winners WHERE guild_id = :guild_id AND claim_until IS NOT NULL "
            "AND claimed_at IS NULL AND expired_at IS NULL ORDER BY claim_until, position"
        ),
        {"guild_id": guild_id},
    )
    return [dict(row) for row in result.mappings()]
