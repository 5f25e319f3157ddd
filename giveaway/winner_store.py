"""SQL of winners: places, claims, reserves that take over, and winners' roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row

_WINNER = (
    "user_id, position, won_at, entities_points, tickets, claimed, claim_until, lapsed_at, replaced_at, dm_failed_at"
)


async def add(
    conn: Connection, *, giveaway_id: int, guild_id: int, places: Sequence[tuple[int, int, int]],
    claim_until: datetime | None, with_role: bool, now: datetime,
) -> None:  # fmt: skip
    """`places` are (user, position from 0, tickets)."""
    await conn.execute(
        text(
            "INSERT INTO giveaway_winners (giveaway_id, guild_id, user_id, position, tickets, entities_points, "
            "won_at, claim_until, role_state, role_next_at) "
            "SELECT :id, :guild, n.user_id, n.position, n.tickets, n.tickets - 1, :now, :claim_until, "
            "CASE WHEN :with_role THEN 'give' END, CASE WHEN :with_role THEN CAST(:now AS timestamptz) END "
            "FROM unnest(CAST(:users AS bigint[]), CAST(:positions AS integer[]), CAST(:tickets AS bigint[])) "
            "AS n (user_id, position, tickets)"
        ),
        {
            "id": giveaway_id, "guild": guild_id, "claim_until": claim_until, "with_role": with_role, "now": now,
            "users": [p[0] for p in places], "positions": [p[1] for p in places], "tickets": [p[2] for p in places],
        },
    )  # fmt: skip


async def standing(conn: Connection, giveaway_id: int) -> list[Row]:
    """Who holds the places today, by place."""
    return await _winners(conn, "replaced_at IS NULL ORDER BY position", id=giveaway_id)


async def _winners(conn: Connection, condition: str, **parameters: Any) -> list[Row]:
    result = await conn.execute(
        text(f"SELECT {_WINNER} FROM giveaway_winners WHERE giveaway_id = :id AND {condition}"), parameters
    )
    return [dict(row) for row in result.mappings()]


async def replace(conn: Connection, giveaway_id: int, user_id: int, kind: str, now: datetime) -> None:
    """The member loses the place; a role that was given is to be taken."""
    await conn.execute(
        text(
            "UPDATE giveaway_winners SET replaced_at = :now, replaced_kind = :kind, "
            "role_state = CASE role_state WHEN 'given' THEN 'take' WHEN 'give' THEN NULL ELSE role_state END, "
            "role_next_at = CASE role_state WHEN 'given' THEN CAST(:now AS timestamptz) END, role_attempts = 0 "
            "WHERE giveaway_id = :id AND user_id = :user"
        ),
        {"id": giveaway_id, "user": user_id, "kind": kind, "now": now},
    )


async def claim(conn: Connection, giveaway_id: int, user_id: int, now: datetime) -> bool:
    """True for the press that claims the prize in time."""
    result = await conn.execute(
        text(
            "UPDATE giveaway_winners SET claimed = TRUE, claimed_at = :now "
            "WHERE giveaway_id = :id AND user_id = :user AND replaced_at IS NULL AND lapsed_at IS NULL "
            "AND NOT claimed AND (claim_until IS NULL OR claim_until > :now)"
        ),
        {"id": giveaway_id, "user": user_id, "now": now},
    )
    return result.rowcount == 1


async def unclaimed(conn: Connection, now: datetime) -> list[Row]:
    """Places whose claim time has passed, in servers that the bot is in: `guild_id`, `giveaway_id`, `user_id`."""
    result = await conn.execute(
        text(
            "SELECT guild_id, giveaway_id, user_id FROM giveaway_winners WHERE claim_until <= :now AND NOT claimed "
            "AND replaced_at IS NULL AND lapsed_at IS NULL "
            "AND guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) "
            "ORDER BY claim_until, giveaway_id, position"
        ),
        {"now": now},
    )
    return [dict(row) for row in result.mappings()]


async def extend_claims(conn: Connection, since: datetime, now: datetime, guild_id: int | None) -> list[Row]:
    """Give open claims the time from `since` to `now` back: `giveaway_id`, `user_id`, `claim_until`, by giveaway."""
    result = await conn.execute(
        text(
            "UPDATE giveaway_winners SET claim_until = claim_until + (:now - greatest(:since, won_at)) "
            "WHERE claim_until > :since AND NOT claimed AND replaced_at IS NULL AND lapsed_at IS NULL "
            "AND (CAST(:guild AS bigint) IS NULL OR guild_id = :guild) "
            "AND guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) "
            "RETURNING giveaway_id, user_id, claim_until"
        ),
        {"since": since, "now": now, "guild": guild_id},
    )
    return sorted((dict(row) for row in result.mappings()), key=lambda row: (row["giveaway_id"], row["user_id"]))


async def set_lapsed(conn: Connection, giveaway_id: int, user_id: int, now: datetime) -> None:
    """Nobody is left to take the place that was not claimed."""
    await conn.execute(
        text("UPDATE giveaway_winners SET lapsed_at = :now WHERE giveaway_id = :id AND user_id = :user"),
        {"id": giveaway_id, "user": user_id, "now": now},
    )


async def note_closed_dm(conn: Connection, giveaway_id: int, user_id: int, now: datetime) -> bool:
    """True when the member is a winner whose closed direct messages were not noted before."""
    result = await conn.execute(
        text(
            "UPDATE giveaway_winners SET dm_failed_at = :now "
            "WHERE giveaway_id = :id AND user_id = :user AND dm_failed_at IS NULL"
        ),
        {"id": giveaway_id, "user": user_id, "now": now},
    )
    return result.rowcount == 1


async def due_roles(
    conn: Connection, now: datetime, limit: int, busy: Sequence[tuple[int, int]] = (), full: Sequence[int] = ()
) -> list[Row]:  # fmt: skip
    """Roles to give or to take: `giveaway_id`, `guild_id`, `user_id`, `role_state`, `attempts`, `role_id`.

    Not the `busy` (giveaway, user), nor those of `full` servers and of servers without the bot.
    """
    result = await conn.execute(
        text(
            "SELECT w.giveaway_id, w.guild_id, w.user_id, w.role_state, w.role_attempts AS attempts, "
            "CAST(g.settings ->> 'winner_role_id' AS bigint) AS role_id "
            "FROM giveaway_winners w JOIN giveaways g USING (giveaway_id) "
            "WHERE w.role_state IN ('give', 'take') AND w.role_next_at <= :now "
            "AND w.guild_id <> ALL(CAST(:full AS bigint[])) AND (w.giveaway_id, w.user_id) NOT IN "
            "(SELECT * FROM unnest(CAST(:giveaways AS bigint[]), CAST(:users AS bigint[]))) "
            "AND w.guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) "
            "ORDER BY w.role_next_at LIMIT :limit"
        ),
        {
            "now": now, "limit": limit, "full": list(full),
            "giveaways": [giveaway for giveaway, _user in busy], "users": [user for _giveaway, user in busy],
        },
    )  # fmt: skip
    return [dict(row) for row in result.mappings()]


async def claim_role_notice(conn: Connection, giveaway_id: int, user_id: int, now: datetime) -> bool:
    """True for the first caller of a place: the one that tells the host."""
    result = await conn.execute(
        text(
            "UPDATE giveaway_winners SET role_told_at = :now "
            "WHERE giveaway_id = :id AND user_id = :user AND role_told_at IS NULL"
        ),
        {"id": giveaway_id, "user": user_id, "now": now},
    )
    return result.rowcount == 1


async def settle_role(
    conn: Connection, giveaway_id: int, user_id: int, was: str, state: str, next_at: datetime | None
) -> None:  # fmt: skip
    """What became of the attempt. A place that was lost while its role was being given has it taken again."""
    await conn.execute(
        text(
            "UPDATE giveaway_winners SET role_attempts = role_attempts + 1, "
            "role_state = CASE WHEN replaced_at IS NOT NULL AND CAST(:state AS text) = 'given' THEN 'take' "
            "ELSE CAST(:state AS text) END, "
            "role_next_at = CASE WHEN replaced_at IS NOT NULL AND CAST(:state AS text) = 'given' THEN replaced_at "
            "ELSE CAST(:next_at AS timestamptz) END "
            "WHERE giveaway_id = :id AND user_id = :user AND (role_state = :was OR replaced_at IS NOT NULL)"
        ),
        {"id": giveaway_id, "user": user_id, "was": was, "state": state, "next_at": next_at},
    )
