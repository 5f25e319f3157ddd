"""SQL of the ledger: every change of a balance goes through one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row
from core.moments import happened
from raffle_system.models import BALANCE, SOURCES, Grant

_LISTS = {column: ", ".join(f"'{source}'" for source in sources) for column, sources in BALANCE.items()}
_ALONE = {sources[0]: column for column, sources in BALANCE.items() if len(sources) == 1}
COLUMNS = ", ".join(BALANCE)
# The sums of ledger rows for each column of a balance, in the order of COLUMNS.
_SUMS = ",\n        ".join(
    f"coalesce(sum(ticket_change) FILTER (WHERE source IN ({listed})), 0) AS {column}"
    for column, listed in _LISTS.items()
)


def _amount(source: str) -> str:
    """What a balance holds of a source: its own column, or what others leave of the one that it shares."""
    if source in _ALONE:
        return _ALONE[source]
    column, sources = next((column, sources) for column, sources in BALANCE.items() if source in sources)
    return " - ".join((column, *(_ALONE[other] for other in sources if other != source)))


BY_SOURCE = {source: _amount(source) for source in SOURCES}

# Expects CTEs `held` and `input` before it and the parameter :now. `held` locks the periods before anything else is
# locked: a draw that freezes one waits for who is paying into it, and nobody waits in a circle. Rows go in by the key
# that makes them unique, balances by member, so that two statements that meet lock in the same order. A sum that
# lowers something updates the balance that is there: proposed as a new row it would break that row's checks, which
# is right only for a member without a balance.
PAY = f"""
logged AS (
    INSERT INTO raffle_ticket_log (
        guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref,
        description, actor, reverses, occurred_at, created_at
    )
    SELECT guild_id, period_id, discord_id, kick_name, change, source, source_ref,
        description, actor, reverses, occurred_at, :now
    FROM input WHERE (SELECT count(*) FROM held) >= 0
    ORDER BY period_id, source, source_ref
    ON CONFLICT ON CONSTRAINT raffle_ticket_log_paid_once DO NOTHING
    RETURNING guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref
), summed AS (
    SELECT guild_id, period_id, discord_id, max(kick_name) AS kick_name,
        {_SUMS},
        sum(ticket_change) AS total_tickets, bool_or(ticket_change < 0) AS lowers
    FROM logged GROUP BY guild_id, period_id, discord_id
), balanced AS (
    INSERT INTO raffle_tickets AS t (
        guild_id, period_id, discord_id, kick_name, {COLUMNS}, total_tickets, last_updated
    )
    SELECT guild_id, period_id, discord_id, kick_name, {COLUMNS}, total_tickets, :now
    FROM summed s
    WHERE NOT lowers OR NOT EXISTS (
        SELECT FROM raffle_tickets o WHERE o.period_id = s.period_id AND o.discord_id = s.discord_id
    )
    ORDER BY period_id, discord_id
    ON CONFLICT (period_id, discord_id) DO UPDATE SET
        kick_name = CASE WHEN excluded.kick_name = '' THEN t.kick_name ELSE excluded.kick_name END,
        {", ".join(f"{name} = t.{name} + excluded.{name}" for name in (*BALANCE, "total_tickets"))},
        last_updated = excluded.last_updated
    RETURNING period_id, discord_id, total_tickets
), lowered AS (
    UPDATE raffle_tickets t SET
        {", ".join(f"{name} = t.{name} + s.{name}" for name in (*BALANCE, "total_tickets"))},
        last_updated = :now
    FROM summed s WHERE s.lowers AND t.period_id = s.period_id AND t.discord_id = s.discord_id
    RETURNING t.period_id, t.discord_id, t.total_tickets
), balances AS (
    SELECT * FROM balanced UNION ALL SELECT * FROM lowered
)
"""

GRANT_MANY = f"""
WITH input AS (
    SELECT * FROM unnest(
        CAST(:guild_ids AS bigint[]), CAST(:period_ids AS integer[]), CAST(:discord_ids AS bigint[]),
        CAST(:kick_names AS text[]), CAST(:changes AS integer[]), CAST(:sources AS text[]),
        CAST(:source_refs AS text[]), CAST(:descriptions AS text[]), CAST(:actors AS bigint[]),
        CAST(:reverses AS bigint[]), CAST(:occurred AS timestamptz[])
    ) AS i (
        guild_id, period_id, discord_id, kick_name, change, source, source_ref, description, actor, reverses,
        occurred_at
    )
), held AS MATERIALIZED (
    SELECT id FROM raffle_periods WHERE id = ANY (CAST(:period_ids AS integer[])) ORDER BY id FOR KEY SHARE
), {PAY}
SELECT discord_id, source, source_ref, ticket_change AS change, total_tickets AS total
FROM logged JOIN balances USING (period_id, discord_id)
"""


_GRANT_MANY = text(GRANT_MANY)  # read once: it is long, and every gift goes through it


def parameters(grants: Sequence[Grant], now: datetime) -> dict[str, object]:
    """What GRANT_MANY takes; what happened at no moment that can be happens now."""
    return {
        "guild_ids": [g.guild_id for g in grants],
        "period_ids": [g.period_id for g in grants],
        "discord_ids": [g.discord_id for g in grants],
        "kick_names": [g.kick_name for g in grants],
        "changes": [g.change for g in grants],
        "sources": [g.source for g in grants],
        "source_refs": [g.source_ref for g in grants],
        "descriptions": [g.description for g in grants],
        "actors": [g.actor for g in grants],
        "reverses": [g.reverses for g in grants],
        "occurred": [g.occurred_at if happened(g.occurred_at, now) else now for g in grants],
        "now": now,
    }


async def grant_many(conn: Connection, grants: Sequence[Grant], now: datetime) -> list[Row]:
    """Log and add all grants in one statement; the rows that were new, with the new totals."""
    result = await conn.execute(_GRANT_MANY, parameters(grants, now))
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


async def total(conn: Connection, period_id: int, discord_id: int) -> int:
    result = await conn.execute(
        text("SELECT total_tickets FROM raffle_tickets WHERE period_id = :period_id AND discord_id = :discord_id"),
        {"period_id": period_id, "discord_id": discord_id},
    )
    return int(result.scalar() or 0)


async def differences(conn: Connection) -> list[Row]:
    """Balances that are not the sum of their ledger rows, with both totals."""
    result = await conn.execute(
        text(
            f"""
            WITH summed AS (
                SELECT period_id, discord_id, {_SUMS}, sum(ticket_change) AS total_tickets
                FROM raffle_ticket_log GROUP BY period_id, discord_id
            )
            SELECT period_id, discord_id, coalesce(s.total_tickets, 0) AS ledger,
                coalesce(t.total_tickets, 0) AS balance
            FROM summed s FULL JOIN raffle_tickets t USING (period_id, discord_id)
            WHERE ({", ".join(f"coalesce(s.{name}, 0)" for name in (*BALANCE, "total_tickets"))}) IS DISTINCT FROM
                ({", ".join(f"coalesce(t.{name}, 0)" for name in (*BALANCE, "total_tickets"))})
            ORDER BY period_id, discord_id
            """
        )
    )
    return [dict(row) for row in result.mappings()]


async def size(conn: Connection) -> Row:
    """How many ledger rows and balances there are."""
    result = await conn.execute(
        text(
            "SELECT (SELECT count(*) FROM raffle_ticket_log) AS rows, (SELECT count(*) FROM raffle_tickets) AS balances"
        )
    )
    return dict(result.mappings().one())


async def paid_row(conn: Connection, period_id: int, source: str, source_ref: str) -> Row | None:
    """The ledger row of a payment."""
    result = await conn.execute(
        text(
            "SELECT id, guild_id, discord_id, kick_name, ticket_change FROM raffle_ticket_log "
            "WHERE period_id = :period_id AND source = :source AND source_ref = :source_ref"
        ),
        {"period_id": period_id, "source": source, "source_ref": source_ref},
    )
    row = result.mappings().first()
    return dict(row) if row else None
