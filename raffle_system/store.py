"""SQL of periods, draws' results and statistics."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row
from raffle_system.ledger_store import BY_SOURCE

_PERIOD = (
    "id, guild_id, number, start_date, end_date, status, created_at, ended_at, frozen_at, winner_discord_id, "
    "total_tickets"
)


async def guilds_over(conn: Connection, now: datetime) -> list[int]:
    """The guilds whose running period has passed its end, the longest ago first."""
    result = await conn.execute(
        text("SELECT guild_id FROM raffle_periods WHERE status = 'active' AND end_date <= :now ORDER BY end_date"),
        {"now": now},
    )
    return list(result.scalars())


async def put_off(conn: Connection, job: str, since: datetime) -> list[Row]:
    """Periods that ended after `since` and whose draw waits under the name of a job; oldest first."""
    result = await conn.execute(
        text(
            f"SELECT {_PERIOD} FROM raffle_periods p "
            "WHERE status = 'ended' AND frozen_at IS NULL AND ended_at > :since AND EXISTS "
            "(SELECT FROM job_runs j WHERE (j.guild_id, j.job, j.due_at) = (p.guild_id, :job, p.end_date)) "
            "ORDER BY ended_at"
        ),
        {"since": since, "job": job},
    )
    return [dict(row) for row in result.mappings()]


async def active(
    conn: Connection, guild_id: int, *, for_update: bool = False, held_open: bool = False
) -> Row | None:  # fmt: skip
    """The running period; `held_open` makes a freeze wait for the end of this transaction."""
    lock = " FOR UPDATE" if for_update else " FOR KEY SHARE" if held_open else ""
    result = await conn.execute(
        text(f"SELECT {_PERIOD} FROM raffle_periods WHERE guild_id = :guild_id AND status = 'active'{lock}"),
        {"guild_id": guild_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def by_number(conn: Connection, guild_id: int, number: int) -> Row | None:
    result = await conn.execute(
        text(f"SELECT {_PERIOD} FROM raffle_periods WHERE guild_id = :guild_id AND number = :number"),
        {"guild_id": guild_id, "number": number},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def by_id(conn: Connection, period_id: int, *, for_update: bool = False) -> Row:
    lock = " FOR UPDATE" if for_update else ""
    result = await conn.execute(text(f"SELECT {_PERIOD} FROM raffle_periods WHERE id = :id{lock}"), {"id": period_id})
    return dict(result.mappings().one())


async def newest(conn: Connection, guild_id: int) -> Row | None:
    result = await conn.execute(
        text(f"SELECT {_PERIOD} FROM raffle_periods WHERE guild_id = :guild_id ORDER BY number DESC LIMIT 1"),
        {"guild_id": guild_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def undrawn(conn: Connection, guild_id: int) -> list[Row]:
    """Ended periods with tickets whose draw was not started, oldest first."""
    result = await conn.execute(
        text(
            f"SELECT {_PERIOD} FROM raffle_periods p WHERE guild_id = :guild_id AND status = 'ended' "
            "AND frozen_at IS NULL AND EXISTS "
            "(SELECT FROM raffle_tickets t WHERE t.period_id = p.id AND t.total_tickets > 0) ORDER BY number"
        ),
        {"guild_id": guild_id},
    )
    return [dict(row) for row in result.mappings()]


async def ended_since(conn: Connection, guild_id: int, moment: datetime) -> list[Row]:
    """Periods that ended after the moment and take tickets still."""
    result = await conn.execute(
        text(
            f"SELECT {_PERIOD} FROM raffle_periods WHERE guild_id = :guild_id AND status = 'ended' "
            "AND frozen_at IS NULL AND ended_at > :moment ORDER BY number"
        ),
        {"guild_id": guild_id, "moment": moment},
    )
    return [dict(row) for row in result.mappings()]


async def containing(conn: Connection, guild_id: int, when: datetime) -> Row | None:
    """The period whose time span contains the moment; it is not frozen before this transaction ends."""
    result = await conn.execute(
        text(
            f"SELECT {_PERIOD} FROM raffle_periods "
            "WHERE guild_id = :guild_id AND start_date <= :when AND :when < end_date FOR KEY SHARE"
        ),
        {"guild_id": guild_id, "when": when},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def add(conn: Connection, guild_id: int, number: int, start: datetime, end: datetime, now: datetime) -> Row:
    result = await conn.execute(
        text(
            "INSERT INTO raffle_periods (guild_id, number, start_date, end_date, status, created_at) "
            f"VALUES (:guild_id, :number, :start, :end, 'active', :now) RETURNING {_PERIOD}"
        ),
        {"guild_id": guild_id, "number": number, "start": start, "end": end, "now": now},
    )
    return dict(result.mappings().one())


async def end(conn: Connection, period_id: int, status: str, end_date: datetime, now: datetime) -> None:
    await conn.execute(
        text(
            "UPDATE raffle_periods SET status = :status, end_date = :end_date, ended_at = :now, total_tickets = "
            "(SELECT coalesce(sum(total_tickets), 0) FROM raffle_tickets WHERE period_id = :id) WHERE id = :id"
        ),
        {"id": period_id, "status": status, "end_date": end_date, "now": now},
    )


async def mark_frozen(conn: Connection, period_id: int, total_tickets: int, now: datetime) -> None:
    await conn.execute(
        text("UPDATE raffle_periods SET frozen_at = :now, total_tickets = :total WHERE id = :id"),
        {"id": period_id, "now": now, "total": total_tickets},
    )


async def set_winner(conn: Connection, period_id: int, discord_id: int, kick_name: str, ticket: int) -> None:
    await conn.execute(
        text(
            "UPDATE raffle_periods SET winner_discord_id = :discord_id, winner_kick_name = :kick_name, "
            "winning_ticket_number = :ticket WHERE id = :id"
        ),
        {"id": period_id, "discord_id": discord_id, "kick_name": kick_name, "ticket": ticket},
    )


# The casino names under which a prize can be paid out to the winner.
_NAMES_OF = (
    "(SELECT string_agg(l.shuffle_username, ', ' ORDER BY l.casino, l.id) FROM raffle_shuffle_links l "
    "WHERE l.guild_id = {guild} AND l.discord_id = {member} AND l.status = 'verified')"
)
_CASINO_NAMES = _NAMES_OF.format(guild=":guild_id", member=":winner")
_REPLACED_NAMES = _NAMES_OF.format(guild="raffle_draws.guild_id", member=":discord_id")


async def add_draw(
    conn: Connection, *, guild_id: int, period_id: int, total_tickets: int, participants: int, winner: int,
    kick_name: str, ticket: int, prize: str, drawn_at: datetime, drawn_by: int | None,
) -> None:  # fmt: skip
    await conn.execute(
        text(
            "INSERT INTO raffle_draws (guild_id, period_id, total_tickets, total_participants, winner_discord_id, "
            "winner_kick_name, winning_ticket, prize_description, drawn_at, drawn_by_discord_id, winner_shuffle_name) "
            "VALUES (:guild_id, :period_id, :total, :participants, :winner, :kick_name, :ticket, :prize, :drawn_at, "
            f":drawn_by, {_CASINO_NAMES})"
        ),
        {
            "guild_id": guild_id, "period_id": period_id, "total": total_tickets, "participants": participants,
            "winner": winner, "kick_name": kick_name, "ticket": ticket, "prize": prize, "drawn_at": drawn_at,
            "drawn_by": drawn_by,
        },
    )  # fmt: skip


async def replace_winner(conn: Connection, period_id: int, discord_id: int, kick_name: str, ticket: int) -> None:
    """A reserve took the prize: history keeps the first winner in the draw's events."""
    await set_winner(conn, period_id, discord_id, kick_name, ticket)
    await conn.execute(
        text(
            "UPDATE raffle_draws SET winner_discord_id = :discord_id, winner_kick_name = :kick_name, "
            f"winning_ticket = :ticket, winner_shuffle_name = {_REPLACED_NAMES} WHERE period_id = :id"
        ),
        {"id": period_id, "discord_id": discord_id, "kick_name": kick_name, "ticket": ticket},
    )


async def history(conn: Connection, guild_id: int, limit: int) -> list[Row]:
    """The latest draws, newest first, each with its `winners` in the order of their places.

    Where a place's holder was never stored, the draw's own row knows its one winner.
    """
    result = await conn.execute(
        text(
            """
            SELECT p.number, p.start_date, d.total_tickets, d.total_participants AS participants, d.drawn_at,
                coalesce(held.winners, jsonb_build_array(jsonb_build_object('discord_id', d.winner_discord_id,
                    'ticket', d.winning_ticket, 'prize', coalesce(d.prize_description, '')))) AS winners
            FROM raffle_draws d JOIN raffle_periods p ON p.id = d.period_id
            CROSS JOIN LATERAL (
                SELECT jsonb_agg(jsonb_build_object('discord_id', w.discord_id, 'ticket', w.ticket, 'prize', w.prize,
                    'lapsed', w.expired_at IS NOT NULL) ORDER BY w.position) AS winners
                FROM raffle_winners w WHERE w.period_id = d.period_id
            ) held
            WHERE d.guild_id = :guild_id ORDER BY d.drawn_at DESC, p.number DESC LIMIT :limit
            """
        ),
        {"guild_id": guild_id, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def last_drawn(conn: Connection, guild_id: int) -> Row | None:
    """The period whose draw was finished last."""
    result = await conn.execute(
        text(
            f"SELECT {', '.join('p.' + name for name in _PERIOD.split(', '))} FROM raffle_draws d "
            "JOIN raffle_periods p ON p.id = d.period_id "
            "WHERE d.guild_id = :guild_id ORDER BY d.drawn_at DESC, p.number DESC LIMIT 1"
        ),
        {"guild_id": guild_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


_HELD = ", ".join(f"coalesce(sum({amount}), 0) AS {source}" for source, amount in BY_SOURCE.items())


async def being_drawn(conn: Connection, guild_id: int) -> int | None:
    """The number of the raffle that is frozen and waits for its winner; None where none does."""
    result = await conn.execute(
        text(
            "SELECT p.number FROM draws d JOIN raffle_periods p ON p.id = d.period_id "
            "WHERE d.guild_id = :guild_id AND d.frozen_at IS NOT NULL AND d.drawn_at IS NULL "
            "ORDER BY p.number DESC LIMIT 1"
        ),
        {"guild_id": guild_id},
    )
    number = result.scalar()
    return None if number is None else int(number)


async def tickets_of(conn: Connection, period_id: int, discord_id: int) -> Row:
    """A member's kick name and tickets by source; zeros for a stranger."""
    result = await conn.execute(
        text(
            f"SELECT coalesce(max(kick_name), '') AS kick_name, {_HELD} "
            "FROM raffle_tickets WHERE period_id = :period_id AND discord_id = :discord_id"
        ),
        {"period_id": period_id, "discord_id": discord_id},
    )
    return dict(result.mappings().one())
