"""SQL of what tells of a gift without paying it: notices, leaderboards, and bursts of thanks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text

from core.db import Connection, Row

_SPAN = (
    "BETWEEN CAST(:at AS timestamptz) - CAST(:within AS interval) "
    "AND CAST(:at AS timestamptz) + CAST(:within AS interval)"
)


async def add_notice(
    conn: Connection, guild_id: int, kind: str, key: str, gifter_id: int | None, name_key: str, count: int,
    at: datetime,
) -> bool:  # fmt: skip
    """Keep a notice; False when its twin was kept before."""
    result = await conn.execute(
        text(
            "INSERT INTO kick_gift_notices "
            "(guild_id, kind, notice_key, gifter_kick_user_id, gifter_name_key, sub_count, at) "
            "VALUES (:guild_id, :kind, :key, :gifter_id, :name_key, :count, :at) ON CONFLICT DO NOTHING"
        ),
        {
            "guild_id": guild_id, "kind": kind, "key": key, "gifter_id": gifter_id, "name_key": name_key,
            "count": count, "at": at,
        },
    )  # fmt: skip
    return result.rowcount == 1


async def corroborated(conn: Connection, gift: Row, within: timedelta) -> bool:
    """Whether more notices of one kind tell of such gifts, around the gift's time, than other gifts stand for.

    A notice speaks of the same gifter and number; one without a name may be anybody's who gave as many.
    """
    result = await conn.execute(
        text(
            f"""
            WITH notices AS (
                SELECT kind, count(*) AS told FROM kick_gift_notices
                WHERE guild_id = :guild_id AND sub_count = :count AND at {_SPAN}
                    AND (gifter_kick_user_id = CAST(:gifter_id AS bigint) OR gifter_name_key = :name_key
                        OR gifter_name_key = '')
                GROUP BY kind
            )
            SELECT coalesce(max(told), 0) > (
                SELECT count(*) FROM raffle_gifted_subs
                WHERE guild_id = :guild_id AND sub_count = :count AND gifted_at {_SPAN} AND id <> :id
                    AND status = 'approved'
                    AND (gifter_kick_user_id = CAST(:gifter_id AS bigint) OR gifter_name_key = :name_key OR anonymous)
            ) FROM notices
            """
        ),
        {
            "guild_id": gift["guild_id"], "count": gift["sub_count"], "at": gift["gifted_at"], "within": within,
            "gifter_id": gift["gifter_kick_user_id"], "name_key": gift["gifter_name_key"], "id": gift["id"],
        },
    )  # fmt: skip
    return bool(result.scalar_one())


async def pending_around(conn: Connection, guild_id: int, at: datetime, within: timedelta) -> list[Row]:
    """Gifts that wait for corroboration, told of around a moment."""
    result = await conn.execute(
        text(
            f"SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND status = 'pending' "
            f"AND gifted_at {_SPAN} ORDER BY gifted_at, id FOR UPDATE"
        ),
        {"guild_id": guild_id, "at": at, "within": within},
    )
    return [dict(row) for row in result.mappings()]


async def pending_in_gaps(conn: Connection, guild_id: int, slack: timedelta, most: int, within: timedelta) -> list[Row]:
    """Webhooks' gifts of gaps that wait, of at most so many subs, that had arrived within so long."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs s WHERE guild_id = :guild_id AND status = 'pending' "
            "AND webhook_key IS NOT NULL AND sub_count <= :most "
            "AND arrived_at BETWEEN gifted_at - CAST(:within AS interval) AND gifted_at + CAST(:within AS interval) "
            "AND EXISTS (SELECT FROM kick_gaps g WHERE s.gifted_at BETWEEN g.started_at - CAST(:slack AS interval) "
            "AND g.ended_at + CAST(:slack AS interval)) ORDER BY gifted_at, id FOR UPDATE"
        ),
        {"guild_id": guild_id, "slack": slack, "most": most, "within": within},
    )
    return [dict(row) for row in result.mappings()]


async def guilds_untold(conn: Connection, before: datetime) -> list[int]:
    """Guilds whose admins have not been told of something that waits since before a moment."""
    result = await conn.execute(
        text(
            "SELECT guild_id FROM raffle_gifted_subs WHERE status IN ('pending', 'flagged') "
            "AND NOT anonymous AND admins_told_at IS NULL AND coalesce(arrived_at, gifted_at) <= :before "
            "UNION SELECT guild_id FROM raffle_kick_payments WHERE status = 'pending' "
            "AND admins_told_at IS NULL AND coalesce(arrived_at, paid_at) <= :before"
        ),
        {"before": before},
    )
    return [int(guild_id) for guild_id in result.scalars()]


async def take_untold(conn: Connection, guild_id: int, before: datetime, now: datetime) -> list[Row]:
    """Gifts that wait since before a moment and that the admins have not been told of; told they are now."""
    result = await conn.execute(
        text(
            "UPDATE raffle_gifted_subs SET admins_told_at = :now WHERE guild_id = :guild_id "
            "AND status IN ('pending', 'flagged') AND NOT anonymous AND admins_told_at IS NULL "
            "AND coalesce(arrived_at, gifted_at) <= :before RETURNING *"
        ),
        {"guild_id": guild_id, "before": before, "now": now},
    )
    return sorted((dict(row) for row in result.mappings()), key=lambda row: int(row["id"]))


async def pending_of(conn: Connection, guild_id: int, kick_user_id: int, name_key: str, since: datetime) -> list[Row]:
    """Webhooks' gifts of a Kick account since a moment that wait."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND status = 'pending' "
            "AND webhook_key IS NOT NULL AND gifted_at >= :since "
            "AND (gifter_kick_user_id = :kick_user_id "
            "     OR (gifter_kick_user_id IS NULL AND gifter_name_key = :name_key)) ORDER BY gifted_at, id FOR UPDATE"
        ),
        {"guild_id": guild_id, "kick_user_id": kick_user_id, "name_key": name_key, "since": since},
    )
    return [dict(row) for row in result.mappings()]


async def nameless_around(
    conn: Connection, guild_id: int, name_key: str, count: int, at: datetime, within: timedelta
) -> Row | None:
    """The nearest gift of so many subs, heard around a moment, of which only the gifter's name is known."""
    result = await conn.execute(
        text(
            "SELECT * FROM raffle_gifted_subs WHERE guild_id = :guild_id AND gifter_name_key = :name_key "
            "AND sub_count = :count AND NOT anonymous AND (gifter_kick_user_id IS NULL OR gifter_by_name) "
            f"AND socket_at {_SPAN} "
            "ORDER BY abs(extract(epoch FROM socket_at - CAST(:at AS timestamptz))), id LIMIT 1 FOR UPDATE"
        ),
        {"guild_id": guild_id, "name_key": name_key, "count": count, "at": at, "within": within},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def exchange_totals(
    conn: Connection, guild_id: int, board: str, ids: Sequence[int], quantities: Sequence[int], at: datetime
) -> list[Row]:
    """Keep a leaderboard; for each gifter who stood on it before: kick_user_id, was, since, now."""
    result = await conn.execute(
        text(
            """
            WITH told AS (
                SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:quantities AS integer[])) t (kick_user_id, quantity)
            ), before AS MATERIALIZED (
                SELECT k.kick_user_id, k.quantity AS was, k.at AS since, t.quantity AS now
                FROM told t JOIN kick_gift_totals k
                    ON k.guild_id = :guild_id AND k.board = :board AND k.kick_user_id = t.kick_user_id
            ), kept AS (
                INSERT INTO kick_gift_totals AS k (guild_id, board, kick_user_id, quantity, at)
                SELECT :guild_id, :board, kick_user_id, quantity, :at FROM told
                WHERE (SELECT count(*) FROM before) >= 0
                ON CONFLICT (guild_id, board, kick_user_id) DO UPDATE
                    SET quantity = excluded.quantity, at = excluded.at WHERE k.at <= excluded.at
            )
            SELECT kick_user_id, was, since, now FROM before WHERE since < :at ORDER BY kick_user_id
            """
        ),
        {"guild_id": guild_id, "board": board, "ids": list(ids), "quantities": list(quantities), "at": at},
    )
    return [dict(row) for row in result.mappings()]


async def gap_between(conn: Connection, start: datetime, end: datetime) -> Row | None:
    """The last time between two moments when nothing could be heard."""
    result = await conn.execute(
        text(
            "SELECT started_at, ended_at FROM kick_gaps WHERE started_at < :end AND ended_at > :start "
            "ORDER BY ended_at DESC LIMIT 1"
        ),
        {"start": start, "end": end},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def given_since(conn: Connection, guild_id: int, kick_user_id: int, name_key: str, since: datetime) -> int:
    """Subs that we know somebody to have given after a moment, flagged ones included."""
    result = await conn.execute(
        text(
            "SELECT coalesce(sum(sub_count), 0) FROM raffle_gifted_subs WHERE guild_id = :guild_id "
            "AND status <> 'rejected' AND gifted_at >= :since "
            "AND (gifter_kick_user_id = :kick_user_id OR (gifter_kick_user_id IS NULL AND gifter_name_key = :name_key))"
        ),
        {"guild_id": guild_id, "kick_user_id": kick_user_id, "name_key": name_key, "since": since},
    )
    return int(result.scalar_one())


async def bursts(
    conn: Connection, guild_id: int, gifters: Sequence[str], refs: Sequence[str], subs: Sequence[int],
    tickets: Sequence[int], at: datetime, within: timedelta,
) -> dict[str, Row]:  # fmt: skip
    """Add gifts to their givers' bursts, or begin ones under `refs`: gifter, ref, subs and tickets so far, by gifter.

    Every gifter is named once.
    """
    result = await conn.execute(
        text(
            """
            INSERT INTO kick_gift_bursts AS b (guild_id, gifter, ref, subs, tickets, last_at)
            SELECT :guild_id, n.gifter, n.ref, n.subs, n.tickets, :at
            FROM unnest(CAST(:gifters AS text[]), CAST(:refs AS text[]), CAST(:subs AS integer[]),
                CAST(:tickets AS integer[])) n (gifter, ref, subs, tickets)
            ORDER BY n.gifter
            ON CONFLICT (guild_id, gifter) DO UPDATE SET
                ref = CASE WHEN b.last_at >= excluded.last_at - CAST(:within AS interval)
                    THEN b.ref ELSE excluded.ref END,
                subs = excluded.subs + CASE WHEN b.last_at >= excluded.last_at - CAST(:within AS interval)
                    THEN b.subs ELSE 0 END,
                tickets = excluded.tickets + CASE WHEN b.last_at >= excluded.last_at - CAST(:within AS interval)
                    THEN b.tickets ELSE 0 END,
                last_at = excluded.last_at
            RETURNING gifter, ref, subs, tickets
            """
        ),
        {
            "guild_id": guild_id, "gifters": list(gifters), "refs": list(refs), "subs": list(subs),
            "tickets": list(tickets), "at": at, "within": within,
        },
    )  # fmt: skip
    return {row["gifter"]: dict(row) for row in result.mappings()}
