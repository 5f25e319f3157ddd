"""SQL of chat-active minutes and their conversion, set-based whatever the number of viewers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import cast

from sqlalchemy import text

from core.db import Connection, Row
from raffle_system.ledger_store import PAY

CREDIT_MINUTE = """
WITH seen AS (
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:names AS text[]), CAST(:keys AS text[]), CAST(:untils AS timestamptz[])
    ) AS s (kick_user_id, kick_name, name_key, active_until)
    ORDER BY kick_user_id
), credited AS (
    INSERT INTO watchtime AS w (guild_id, kick_user_id, kick_name, name_key, minutes, last_minute, active_until,
        day, day_minutes)
    SELECT :guild_id, kick_user_id, kick_name, name_key, 1, :minute, active_until, CAST(:day AS date), 1 FROM seen
    ON CONFLICT (guild_id, kick_user_id) DO UPDATE SET
        minutes = w.minutes + 1, last_minute = excluded.last_minute,
        kick_name = excluded.kick_name, name_key = excluded.name_key, active_until = excluded.active_until,
        day = excluded.day, day_minutes = CASE WHEN w.day = excluded.day THEN w.day_minutes + 1 ELSE 1 END
    WHERE w.last_minute < excluded.last_minute
        AND (CAST(:most AS integer) IS NULL OR w.day IS DISTINCT FROM excluded.day
            OR w.day_minutes < CAST(:most AS integer))
    RETURNING kick_user_id
), counted AS (
    INSERT INTO watchtime_periods AS p (guild_id, period_id, kick_user_id, minutes)
    SELECT :guild_id, :period_id, kick_user_id, 1 FROM credited
    ON CONFLICT (period_id, kick_user_id) DO UPDATE SET minutes = p.minutes + 1
    RETURNING 1
)
SELECT count(*) FROM counted
"""

# One ledger row per hour: its reference names the Kick account and the hour, so that no other grouping of the
# same minutes can pay again.
CONVERT = f"""
WITH held AS MATERIALIZED (
    SELECT id FROM raffle_periods WHERE id = :period_id FOR KEY SHARE
), due AS MATERIALIZED (
    SELECT p.period_id, p.kick_user_id, v.kick_name, l.discord_id,
        p.minutes_converted / 60 AS hours_done, p.minutes / 60 AS hours
    FROM watchtime_periods p
    JOIN watchtime v ON v.guild_id = p.guild_id AND v.kick_user_id = p.kick_user_id
    JOIN links l ON l.guild_id = p.guild_id AND l.kick_user_id = p.kick_user_id AND l.unlinked_at IS NULL
    WHERE p.period_id = (SELECT id FROM held) AND p.minutes / 60 > p.minutes_converted / 60
        AND (CAST(:only AS bigint) IS NULL OR p.kick_user_id = CAST(:only AS bigint))
        AND (CAST(:linked_before AS timestamptz) IS NULL OR l.linked_at < CAST(:linked_before AS timestamptz))
    ORDER BY p.kick_user_id
    FOR UPDATE OF p
), marked AS (
    UPDATE watchtime_periods p SET minutes_converted = d.hours * 60
    FROM due d WHERE p.period_id = d.period_id AND p.kick_user_id = d.kick_user_id
), converted AS (
    INSERT INTO raffle_watchtime_converted
        (guild_id, period_id, kick_name, kick_user_id, minutes_converted, tickets_awarded, converted_at)
    SELECT :guild_id, period_id, kick_name, kick_user_id, (hours - hours_done) * 60,
        (hours - hours_done) * CAST(:rate AS integer), :now
    FROM due
), input AS (
    SELECT CAST(:guild_id AS bigint) AS guild_id, d.period_id, d.discord_id, d.kick_name,
        CAST(:rate AS integer) AS change, 'watchtime' AS source,
        'kick:' || d.kick_user_id || ':hour:' || h AS source_ref, '' AS description,
        CAST(NULL AS bigint) AS actor, CAST(NULL AS bigint) AS reverses, CAST(:now AS timestamptz) AS occurred_at
    FROM due d CROSS JOIN LATERAL generate_series(d.hours_done + 1, d.hours) h
    WHERE CAST(:rate AS integer) > 0
), {PAY}
SELECT s.discord_id, s.total_tickets AS earned, b.total_tickets AS total, everybody.members, everybody.tickets
FROM (SELECT * FROM summed ORDER BY total_tickets DESC, discord_id LIMIT 20) s
JOIN balances b USING (period_id, discord_id)
CROSS JOIN (SELECT count(*) AS members, sum(total_tickets) AS tickets FROM summed) everybody
ORDER BY earned DESC, discord_id
"""


async def credit_minute(
    conn: Connection, guild_id: int, period_id: int, minute: datetime, day: date, most: int | None,
    ids: Sequence[int], names: Sequence[str], keys: Sequence[str], untils: Sequence[datetime],
) -> int:  # fmt: skip
    """Give one minute to each viewer who does not have it yet, nor `most` of the day; how many were given."""
    result = await conn.execute(
        text(CREDIT_MINUTE),
        {
            "guild_id": guild_id, "period_id": period_id, "minute": minute, "day": day, "most": most,
            "ids": list(ids), "names": list(names), "keys": list(keys), "untils": list(untils),
        },
    )  # fmt: skip
    return int(result.scalar_one())


async def convert(
    conn: Connection, guild_id: int, period_id: int, rate: int, now: datetime, only: int | None = None,
    linked_before: datetime | None = None,
) -> list[Row]:  # fmt: skip
    """Pay every whole hour not paid yet, of one Kick account or of all that were linked before a moment.

    The 20 members who earned most: discord_id, earned, total, and in each row how many `members` earned how many
    `tickets` altogether.
    """
    result = await conn.execute(
        text(CONVERT),
        {
            "guild_id": guild_id, "period_id": period_id, "rate": rate, "now": now, "only": only,
            "linked_before": linked_before,
        },
    )  # fmt: skip
    return [dict(row) for row in result.mappings()]


async def minutes(conn: Connection, period_id: int, kick_user_id: int) -> tuple[int, int]:
    """(chat-active minutes, of which converted) of a viewer in a period."""
    result = await conn.execute(
        text(
            "SELECT minutes, minutes_converted FROM watchtime_periods "
            "WHERE period_id = :period_id AND kick_user_id = :kick_user_id"
        ),
        {"period_id": period_id, "kick_user_id": kick_user_id},
    )
    row = result.first()
    return (row.minutes, row.minutes_converted) if row else (0, 0)


async def open_windows(conn: Connection, guild_id: int, now: datetime) -> list[Row]:
    """Viewers whose window was open when they were last credited and still is."""
    result = await conn.execute(
        text(
            "SELECT kick_user_id, kick_name, active_until FROM watchtime "
            "WHERE guild_id = :guild_id AND active_until > :now"
        ),
        {"guild_id": guild_id, "now": now},
    )
    return [dict(row) for row in result.mappings()]


async def credited_until(conn: Connection, guild_id: int) -> datetime | None:
    result = await conn.execute(
        text("SELECT max(last_minute) FROM watchtime WHERE guild_id = :guild_id"), {"guild_id": guild_id}
    )
    return cast(datetime | None, result.scalar_one())
