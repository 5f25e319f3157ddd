"""SQL of wagers, set-based: a poll takes the same number of statements whatever the number of accounts.

Amounts are NUMERIC(20, 8) in USD. `start_wager` is what the period counts from, `last_known_wager` the high-water mark,
`last_seen_wager` the newest answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row
from raffle_system import shuffle_link_store
from raffle_system.ledger_store import PAY
from raffle_system.wager_accounting import MOST_AT_ONCE, MOST_TICKETS
from raffle_system.wager_sources.rows import WagerRow

_SEEN = """
seen AS (
    SELECT * FROM unnest(
        CAST(:accounts AS text[]), CAST(:keys AS text[]), CAST(:names AS text[]), CAST(:amounts AS numeric[]),
        CAST(:shared AS boolean[])
    ) AS s (account_key, name_key, username, amount, shared)
)
"""
_LATEST = """
LEFT JOIN LATERAL (
    SELECT w.id, w.last_known_wager, w.last_seen_wager, w.fallen_to, w.period_id FROM raffle_shuffle_wagers w
    WHERE w.guild_id = :guild_id AND w.source_key = :source_key AND w.account_key = s.account_key
        AND (NOT CAST(:windowed AS boolean) OR w.period_id = :period_id)
    ORDER BY w.period_id DESC LIMIT 1
) p ON TRUE
"""
# An account that has an id is joined by it alone; a name stands for an account only where the casino gives no ids.
LINKED = (
    "CASE WHEN {row}.account_key LIKE 'id:%' THEN l.account_key = {row}.account_key "
    "ELSE l.name_key = {row}.name_key END"
)
# Remembers the lowest amount of each account since it fell below its high-water mark, also while awards are frozen:
# from there on it counts when an admin says that the source started over. A fall that `stays` was there before.
COMPARE = f"""
WITH {_SEEN}, known AS MATERIALIZED (
    SELECT p.*, s.amount, s.username, s.account_key, s.name_key FROM seen s {_LATEST} WHERE p.id IS NOT NULL
), noted AS (
    UPDATE raffle_shuffle_wagers w
    SET fallen_to = CASE WHEN k.amount < k.last_known_wager THEN least(k.fallen_to, k.amount) END
    FROM known k WHERE w.id = k.id AND (k.amount < k.last_known_wager OR k.fallen_to IS NOT NULL)
), below AS (
    SELECT k.*, k.fallen_to IS NOT NULL AS stays FROM known k
    WHERE k.amount < k.last_known_wager AND (k.amount * 2 < k.last_known_wager OR EXISTS (
        SELECT FROM raffle_shuffle_links l WHERE l.guild_id = :guild_id AND l.casino = :casino
            AND l.status = 'verified' AND {LINKED.format(row="k")}
    ))
)
SELECT (SELECT count(*) FROM known) AS compared,
    (SELECT count(*) FROM known WHERE amount < last_seen_wager) AS fallen,
    (SELECT count(*) FROM below) AS below,
    (SELECT jsonb_agg(jsonb_build_array(username, CAST(last_known_wager AS text), CAST(amount AS text))) FROM (
        SELECT * FROM below WHERE stays ORDER BY last_known_wager - amount DESC, username LIMIT 10
    ) largest) AS staying
"""
# A period begins at the high-water mark of the last one; a new name at zero, or, where everything is a baseline, at
# what it has. `:moved` takes the answer for the new level of another address's statistics; `:rebase` counts from what
# an account fell to, for a source that started over.
ENTER = f"""
WITH {_SEEN}
INSERT INTO raffle_shuffle_wagers (
    guild_id, period_id, casino, source_key, account_key, name_key, shuffle_username, start_wager, last_known_wager,
    last_seen_wager, fallen_to, waiting, last_checked, last_updated
)
SELECT :guild_id, :period_id, :casino, :source_key, s.account_key, s.name_key, s.username, b.start, b.start, b.start,
    CASE WHEN s.amount < b.start THEN p.fallen_to END,
    s.shared OR (p.period_id IS NULL AND NOT CAST(:windowed AS boolean) AND b.start = 0
        AND div((s.amount) * CAST(:rate AS integer), 1000) > CAST(:threshold AS integer)),
    :now, :now
FROM seen s {_LATEST}
CROSS JOIN LATERAL (
    SELECT CASE WHEN CAST(:windowed AS boolean) THEN 0
        WHEN CAST(:baseline AS boolean) OR (CAST(:moved AS boolean) AND p.period_id IS NOT NULL) THEN s.amount
        WHEN CAST(:rebase AS boolean) AND p.fallen_to IS NOT NULL THEN p.fallen_to
        ELSE coalesce(p.last_known_wager, 0) END AS start
) b
WHERE NOT EXISTS (
    SELECT FROM raffle_shuffle_wagers o
    WHERE o.period_id = :period_id AND o.source_key = :source_key AND o.account_key = s.account_key
)
ORDER BY s.account_key
ON CONFLICT ON CONSTRAINT raffle_shuffle_wagers_account DO NOTHING
"""
_REACHED = f"""
CAST(least(div(greatest(high - start, 0) * CAST(:rate AS integer), 1000), {MOST_TICKETS}) AS integer)
"""
_PAY_DUE = f"""
counted AS (
    SELECT *, {_REACHED} AS reached FROM due
), judged AS (
    SELECT *, NOT waiting AND NOT doubtful AND discord_id IS NOT NULL AND reached > tickets_awarded
            AND (CAST(:trusted AS boolean) OR reached - tickets_awarded <= {MOST_AT_ONCE}) AS pays,
        waiting OR doubtful OR (NOT CAST(:trusted AS boolean) AND reached - tickets_awarded > {MOST_AT_ONCE}) AS waits
    FROM counted
), marked AS (
    UPDATE raffle_shuffle_wagers w SET
        start_wager = j.start, last_known_wager = j.high, last_seen_wager = j.amount,
        fallen_to = j.fallen_to,
        total_wager_usd = greatest(j.high - j.start, 0), decreases = w.decreases + j.fell, waiting = j.waits,
        shuffle_username = j.username, name_key = j.name_key, discord_id = j.discord_id, kick_name = j.kick_name,
        tickets_awarded = CASE WHEN j.pays THEN j.reached ELSE w.tickets_awarded END,
        last_checked = :now, last_updated = CASE WHEN j.amount <> w.last_seen_wager THEN :now ELSE w.last_updated END
    FROM judged j WHERE w.id = j.id
), input AS (
    SELECT CAST(:guild_id AS bigint) AS guild_id, period_id, discord_id, kick_name, reached - tickets_awarded AS change,
        'shuffle_wager' AS source, source_key || ':' || account_key || ':' || reached AS source_ref,
        casino || ' ' || username AS description, CAST(NULL AS bigint) AS actor, CAST(NULL AS bigint) AS reverses,
        CAST(:now AS timestamptz) AS occurred_at
    FROM judged WHERE pays
), {PAY}
SELECT discord_id, earned, total_tickets AS total, members, tickets FROM (
    SELECT s.discord_id, s.total_tickets AS earned, b.total_tickets,
        count(*) OVER () AS members, sum(s.total_tickets) OVER () AS tickets
    FROM summed s JOIN balances b USING (period_id, discord_id)
) all_of_them
ORDER BY earned DESC, discord_id
LIMIT 20
"""
_HELD = "held AS MATERIALIZED (SELECT id FROM raffle_periods WHERE id = :period_id FOR KEY SHARE)"
_ROW = "w.id, w.period_id, w.casino, w.source_key, w.account_key, w.tickets_awarded, w.waiting"
_LINK = """
LEFT JOIN raffle_shuffle_links l ON l.guild_id = :guild_id AND l.casino = :casino AND l.status = 'verified' AND
"""
# A name that several may share waits until an admin has said what it is, once (`waiting_told` stays).
ABSORB = f"""
WITH {_HELD}, {_SEEN}, due AS MATERIALIZED (
    SELECT {_ROW}, s.name_key, s.username, s.amount, l.discord_id, coalesce(l.kick_name, '') AS kick_name,
        CASE WHEN CAST(:moved AS boolean) THEN s.amount - (w.last_known_wager - w.start_wager)
            WHEN CAST(:rebase AS boolean) AND w.fallen_to IS NOT NULL
            THEN w.fallen_to - (w.last_known_wager - w.start_wager)
            ELSE w.start_wager END AS start,
        CASE WHEN CAST(:moved AS boolean) OR (CAST(:rebase AS boolean) AND w.fallen_to IS NOT NULL) THEN s.amount
            ELSE greatest(w.last_known_wager, s.amount) END AS high,
        CAST(s.amount < w.last_seen_wager AS integer) AS fell,
        CASE WHEN s.amount < w.last_known_wager AND NOT CAST(:rebase AS boolean) AND NOT CAST(:moved AS boolean)
            THEN w.fallen_to END AS fallen_to,
        s.shared AND NOT w.waiting_told AS doubtful
    FROM seen s
    JOIN raffle_shuffle_wagers w ON w.period_id = (SELECT id FROM held) AND w.source_key = :source_key
        AND w.account_key = s.account_key AND w.replaced_by IS NULL
    {_LINK} {LINKED.format(row="s")}
    WHERE CAST(:rebase AS boolean) OR CAST(:moved AS boolean) OR s.amount <> w.last_seen_wager
        OR s.username <> w.shuffle_username
        OR l.discord_id IS DISTINCT FROM w.discord_id OR (s.shared AND NOT w.waiting AND NOT w.waiting_told)
        OR (l.discord_id IS NOT NULL AND NOT w.waiting AND w.tickets_awarded
            < div(greatest(w.last_known_wager - w.start_wager, 0) * CAST(:rate AS integer), 1000))
    ORDER BY w.id FOR UPDATE OF w
), {_PAY_DUE}
"""
SETTLE = f"""
WITH {_HELD}, due AS MATERIALIZED (
    SELECT {_ROW}, w.name_key, w.shuffle_username AS username, w.last_seen_wager AS amount, l.discord_id,
        coalesce(l.kick_name, '') AS kick_name, w.start_wager AS start, w.last_known_wager AS high, 0 AS fell,
        w.fallen_to, FALSE AS doubtful
    FROM raffle_shuffle_wagers w
    {_LINK} {LINKED.format(row="w")}
    WHERE w.period_id = (SELECT id FROM held) AND w.casino = :casino
        AND (w.name_key = :name_key OR w.account_key = CAST(:account_key AS text))
        AND w.replaced_by IS NULL
    ORDER BY w.id FOR UPDATE OF w
), {_PAY_DUE}
"""


def _arrays(rows: Sequence[WagerRow]) -> dict[str, Any]:
    return {
        "accounts": [row.account for row in rows], "keys": [row.name_key for row in rows],
        "names": [row.username for row in rows], "amounts": [row.amount for row in rows],
        "shared": [row.shared for row in rows],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Falls:
    """An answer beside what was known: `fallen` of the `compared` accounts are lower than last seen.

    `below` have less than they had, by more than half or with a link; `staying` are those of them that had it at the
    answer before, too, by size: (name, USD that it had, USD now).
    """

    compared: int
    fallen: int
    below: int
    staying: Sequence[tuple[str, Decimal, Decimal]]


async def compare(conn: Connection, place: Mapping[str, Any], rows: Sequence[WagerRow]) -> Falls:
    result = await conn.execute(text(COMPARE), {**place, **_arrays(rows)})
    row = result.one()
    staying = [(name, Decimal(had), Decimal(has)) for name, had, has in row.staying or ()]
    return Falls(row.compared, row.fallen, row.below, staying)


async def absorb(
    conn: Connection, place: Mapping[str, Any], rows: Sequence[WagerRow], *, rate: int, threshold: int,
    baseline: bool, rebase: bool, now: datetime, moved: bool = False,
) -> list[Row]:  # fmt: skip
    """Take an answer into the period's accounts and pay what is due to verified links, in two statements.

    `place` has guild_id, period_id, casino, source_key and windowed. The 20 members who earned most, as
    `watchtime_store.convert` has them.
    """
    arrays = _arrays(rows)
    entering = {"rate": rate, "threshold": threshold, "baseline": baseline, "rebase": rebase, "moved": moved,
                "now": now}  # fmt: skip
    await conn.execute(text(ENTER), {**place, **arrays, **entering})
    if any(row.account != row.name_key for row in rows):
        await shuffle_link_store.bind(conn, place["guild_id"], place["casino"])
    wanted = {name: place[name] for name in ("guild_id", "period_id", "casino", "source_key")}
    paying = {"rate": rate, "rebase": rebase, "moved": moved, "now": now, "trusted": False}
    result = await conn.execute(text(ABSORB), {**wanted, **arrays, **paying})
    return [dict(row) for row in result.mappings()]


async def settle(
    conn: Connection, *, guild_id: int, period_id: int, casino: str, name_key: str, rate: int, now: datetime,
    trusted: bool = False, account_key: str | None = None,
) -> list[Row]:  # fmt: skip
    """Pay what one name (or account) is owed in the period, from all sources of its casino, if a link has it.

    `trusted` skips the limit on what is paid at once.
    """
    result = await conn.execute(
        text(SETTLE),
        {
            "guild_id": guild_id, "period_id": period_id, "casino": casino, "name_key": name_key, "rate": rate,
            "now": now, "trusted": trusted, "account_key": account_key,
        },
    )  # fmt: skip
    return [dict(row) for row in result.mappings()]


async def newly_waiting(conn: Connection, period_id: int, source_key: str) -> list[Row]:
    """Accounts that wait for an admin who was not told yet; told now. `name`, `amount` in USD."""
    result = await conn.execute(
        text(
            "UPDATE raffle_shuffle_wagers SET waiting_told = TRUE WHERE period_id = :period_id "
            "AND source_key = :source_key AND waiting AND NOT waiting_told AND replaced_by IS NULL "
            "RETURNING shuffle_username AS name, last_known_wager - start_wager AS amount"
        ),
        {"period_id": period_id, "source_key": source_key},
    )
    return sorted((dict(row) for row in result.mappings()), key=lambda row: -row["amount"])


async def waiting(conn: Connection, period_id: int) -> list[Row]:
    result = await conn.execute(
        text(
            "SELECT casino, shuffle_username AS name, total_wager_usd AS amount FROM raffle_shuffle_wagers "
            "WHERE period_id = :period_id AND waiting AND replaced_by IS NULL ORDER BY amount DESC, name LIMIT 20"
        ),
        {"period_id": period_id},
    )
    return [dict(row) for row in result.mappings()]


async def decide_waiting(
    conn: Connection, period_id: int, casino: str, name_key: str, *, count: bool, rate: int
) -> int:  # fmt: skip
    """Let a waiting name count with all that it has (`count`), or from now on; how many waited."""
    start = "start_wager" if count else "last_known_wager"
    if not count and rate:  # what was awarded before stays paid for
        start = f"last_known_wager - tickets_awarded * 1000.0 / {int(rate)}"
    result = await conn.execute(
        text(
            f"UPDATE raffle_shuffle_wagers SET waiting = FALSE, start_wager = {start}, "
            f"total_wager_usd = last_known_wager - ({start}) "
            "WHERE period_id = :period_id AND casino = :casino AND name_key = :name_key AND waiting"
        ),
        {"period_id": period_id, "casino": casino, "name_key": name_key},
    )
    return result.rowcount


async def rename(conn: Connection, period_id: int, casino: str, old: str, new: str) -> int:
    """Let a new name go on where an old one stopped, in every source that knows both; how many accounts moved."""
    result = await conn.execute(
        text(
            "WITH moved AS ("
            "  UPDATE raffle_shuffle_wagers n SET start_wager = o.start_wager, tickets_awarded = o.tickets_awarded, "
            "  last_known_wager = greatest(n.last_known_wager, o.last_known_wager), waiting = FALSE, "
            "  total_wager_usd = greatest(n.last_known_wager, o.last_known_wager) - o.start_wager "
            "  FROM raffle_shuffle_wagers o WHERE n.period_id = :period_id AND o.period_id = :period_id "
            "  AND n.source_key = o.source_key AND n.casino = :casino AND n.name_key = :new AND o.name_key = :old "
            "  AND n.id <> o.id AND n.replaced_by IS NULL AND o.replaced_by IS NULL RETURNING o.id AS old_id"
            ") UPDATE raffle_shuffle_wagers SET replaced_by = :new FROM moved WHERE id = moved.old_id"
        ),
        {"period_id": period_id, "casino": casino, "old": old, "new": new},
    )
    return result.rowcount


async def unlinked_earners(conn: Connection, guild_id: int, period_id: int, limit: int) -> list[Row]:
    """Names without a verified link and what they wagered in the period, largest first."""
    result = await conn.execute(
        text(
            "SELECT w.casino, max(w.shuffle_username) AS name, sum(w.total_wager_usd) AS amount "
            "FROM raffle_shuffle_wagers w WHERE w.period_id = :period_id AND w.total_wager_usd > 0 "
            "AND w.replaced_by IS NULL AND NOT w.waiting AND NOT EXISTS ("
            "  SELECT FROM raffle_shuffle_links l WHERE l.guild_id = :guild_id AND l.casino = w.casino "
            f"  AND l.status = 'verified' AND {LINKED.format(row='w')}"
            ") GROUP BY w.casino, w.name_key ORDER BY amount DESC, name LIMIT :limit"
        ),
        {"guild_id": guild_id, "period_id": period_id, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def usd_of(conn: Connection, period_id: int, casino: str, name_key: str) -> Row | None:
    """What a name wagered in the period, and its tickets; None for a name that no feed has."""
    result = await conn.execute(
        text(
            "SELECT sum(total_wager_usd) AS usd, sum(tickets_awarded) AS tickets, count(*) AS rows, "
            "count(DISTINCT (source_key, account_key)) > count(DISTINCT source_key) AS many, "
            "bool_or(waiting) AS waiting "
            "FROM raffle_shuffle_wagers WHERE period_id = :period_id AND casino = :casino "
            "AND name_key = :name_key AND replaced_by IS NULL"
        ),
        {"period_id": period_id, "casino": casino, "name_key": name_key},
    )
    row = result.mappings().one()
    return dict(row) if row["rows"] else None
