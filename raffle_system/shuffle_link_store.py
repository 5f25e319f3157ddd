"""SQL of links between casino names and members. Rows stay for ever; their status changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row

_LINK_LOCK = 0x44524D05
_COLUMNS = "id, casino, shuffle_username, name_key, account_key, kick_name, discord_id, status, linked_at, channel_id"
# A link that has only a name takes the id of the one account that has the name, as the newest answers show it.
_BIND = """
WITH named AS (
    SELECT name_key, min(account_key) AS account_key FROM (
        SELECT DISTINCT ON (source_key, account_key) name_key, account_key FROM raffle_shuffle_wagers
        WHERE guild_id = :guild_id AND casino = :casino AND account_key LIKE 'id:%' AND account_key IN (
            SELECT o.account_key FROM raffle_shuffle_wagers o JOIN raffle_shuffle_links n USING (guild_id, casino)
            WHERE o.guild_id = :guild_id AND o.casino = :casino AND o.name_key = n.name_key
                AND n.status = 'verified' AND n.account_key IS NULL
        ) ORDER BY source_key, account_key, period_id DESC
    ) latest GROUP BY name_key HAVING count(DISTINCT account_key) = 1
)
UPDATE raffle_shuffle_links l SET account_key = n.account_key FROM named n
WHERE l.guild_id = :guild_id AND l.casino = :casino AND l.status = 'verified' AND l.account_key IS NULL
    AND l.name_key = n.name_key AND NOT EXISTS (
        SELECT FROM raffle_shuffle_links o WHERE o.guild_id = l.guild_id AND o.casino = l.casino
            AND o.status = 'verified' AND o.account_key = n.account_key
    )
RETURNING l.id
"""
# Accounts of an answer whose id a link has under another name: the link goes on under the new one, unless that is
# another link's.
_RENAMED = """
WITH seen AS (
    SELECT * FROM unnest(CAST(:accounts AS text[]), CAST(:keys AS text[]), CAST(:names AS text[]))
        AS s (account_key, name_key, username)
), old AS MATERIALIZED (
    SELECT l.id, l.shuffle_username, s.username, s.name_key, EXISTS (
        SELECT FROM raffle_shuffle_links o WHERE o.guild_id = :guild_id AND o.casino = :casino
            AND o.status = 'verified' AND o.name_key = s.name_key AND o.id <> l.id
    ) AS taken FROM seen s
    JOIN raffle_shuffle_links l ON l.guild_id = :guild_id AND l.casino = :casino AND l.status = 'verified'
        AND l.account_key = s.account_key AND l.name_key <> s.name_key
    WHERE s.account_key LIKE 'id:%' ORDER BY l.id FOR UPDATE OF l
)
UPDATE raffle_shuffle_links l SET
    shuffle_username = CASE WHEN o.taken THEN l.shuffle_username ELSE o.username END,
    name_key = CASE WHEN o.taken THEN l.name_key ELSE o.name_key END,
    told_accounts = CASE WHEN o.taken THEN 'name:' || o.name_key END
FROM old o WHERE l.id = o.id AND (NOT o.taken OR l.told_accounts IS DISTINCT FROM 'name:' || o.name_key)
RETURNING o.shuffle_username AS old, o.username AS new, l.discord_id
"""
# Linked names that an answer has under another id, or under several where the link has none; told once each.
_STRANGERS = """
WITH seen AS (
    SELECT name_key, array_agg(account_key ORDER BY account_key) AS accounts
    FROM unnest(CAST(:accounts AS text[]), CAST(:keys AS text[])) AS s (account_key, name_key)
    WHERE account_key LIKE 'id:%' GROUP BY name_key
)
UPDATE raffle_shuffle_links l SET told_accounts = array_to_string(s.accounts, ' ')
FROM seen s WHERE l.guild_id = :guild_id AND l.casino = :casino AND l.status = 'verified' AND l.name_key = s.name_key
    AND (l.account_key <> ALL (s.accounts) OR cardinality(s.accounts) > 1)
    AND l.told_accounts IS DISTINCT FROM array_to_string(s.accounts, ' ')
RETURNING l.shuffle_username AS name, l.discord_id, l.account_key IS NOT NULL AS bound
"""


async def lock(conn: Connection, guild_id: int) -> None:
    """One request or decision of a guild at a time, so that limits hold."""
    await conn.execute(
        text("SELECT pg_advisory_xact_lock(:space, CAST(CAST(:guild_id AS bigint) % 2147483647 AS integer))"),
        {"space": _LINK_LOCK, "guild_id": guild_id},
    )


async def add(
    conn: Connection, *, guild_id: int, casino: str, name: str, name_key: str, kick_name: str, discord_id: int,
    status: str, channel_id: int | None, actor: int | None, now: datetime,
) -> Row:  # fmt: skip
    """Errors: IntegrityError naming `raffle_shuffle_links_one_member` or `..._asked_once`."""
    result = await conn.execute(
        text(
            "INSERT INTO raffle_shuffle_links (guild_id, casino, shuffle_username, name_key, kick_name, discord_id, "
            "linked_at, verified, status, channel_id, decided_at, decided_by) VALUES (:guild_id, :casino, :name, "
            ":name_key, :kick_name, :discord_id, :now, :status = 'verified', :status, :channel_id, "
            "CASE WHEN CAST(:actor AS bigint) IS NOT NULL THEN CAST(:now AS timestamptz) END, :actor) "
            f"RETURNING {_COLUMNS}"
        ),
        {
            "guild_id": guild_id, "casino": casino, "name": name, "name_key": name_key, "kick_name": kick_name,
            "discord_id": discord_id, "status": status, "channel_id": channel_id, "actor": actor, "now": now,
        },
    )  # fmt: skip
    return dict(result.mappings().one())


async def set_status(conn: Connection, link_id: int, status: str, actor: int, now: datetime) -> Row:
    result = await conn.execute(
        text(
            "UPDATE raffle_shuffle_links SET status = CAST(:status AS text), verified = CAST(:status AS text) = "
            "'verified', decided_at = :now, decided_by = :actor WHERE id = :id "
            f"RETURNING {_COLUMNS}"
        ),
        {"id": link_id, "status": status, "actor": actor, "now": now},
    )
    return dict(result.mappings().one())


async def get(conn: Connection, guild_id: int, link_id: int) -> Row | None:
    result = await conn.execute(
        text(f"SELECT {_COLUMNS} FROM raffle_shuffle_links WHERE guild_id = :guild_id AND id = :id"),
        {"guild_id": guild_id, "id": link_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def guild_of(conn: Connection, link_id: int) -> int | None:
    result = await conn.execute(text("SELECT guild_id FROM raffle_shuffle_links WHERE id = :id"), {"id": link_id})
    found: int | None = result.scalar()
    return found


async def verified_owner(conn: Connection, guild_id: int, casino: str, name_key: str) -> Row | None:
    result = await conn.execute(
        text(
            f"SELECT {_COLUMNS} FROM raffle_shuffle_links WHERE guild_id = :guild_id AND casino = :casino "
            "AND name_key = :name_key AND status = 'verified'"
        ),
        {"guild_id": guild_id, "casino": casino, "name_key": name_key},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def of_member(conn: Connection, guild_id: int, discord_id: int) -> list[Row]:
    """All that the member ever asked for, newest first."""
    result = await conn.execute(
        text(
            f"SELECT {_COLUMNS} FROM raffle_shuffle_links WHERE guild_id = :guild_id AND discord_id = :discord_id "
            "ORDER BY id DESC"
        ),
        {"guild_id": guild_id, "discord_id": discord_id},
    )
    return [dict(row) for row in result.mappings()]


async def with_status(conn: Connection, guild_id: int, status: str, limit: int) -> list[Row]:
    result = await conn.execute(
        text(
            f"SELECT {_COLUMNS} FROM raffle_shuffle_links WHERE guild_id = :guild_id AND status = :status "
            "ORDER BY id DESC LIMIT :limit"
        ),
        {"guild_id": guild_id, "status": status, "limit": limit},
    )
    return [dict(row) for row in result.mappings()]


async def has_card(conn: Connection, ref: str) -> bool:
    result = await conn.execute(text("SELECT EXISTS (SELECT FROM outbox WHERE ref = :ref)"), {"ref": ref})
    return bool(result.scalar_one())


async def card_channel(conn: Connection, ref: str) -> int | None:
    """The channel that a card was posted to."""
    result = await conn.execute(
        text("SELECT channel_id FROM outbox WHERE ref = :ref AND NOT edits ORDER BY id LIMIT 1"), {"ref": ref}
    )
    value = result.scalar()
    return value if isinstance(value, int) else None


async def bind(conn: Connection, guild_id: int, casino: str) -> None:
    """Give verified links of a casino the ids of their accounts, where one account alone has the name."""
    await conn.execute(text(_BIND), {"guild_id": guild_id, "casino": casino})


async def follow(
    conn: Connection, guild_id: int, casino: str, accounts: Sequence[str], keys: Sequence[str], names: Sequence[str]
) -> tuple[list[Row], list[Row]]:
    """Let links follow the accounts of an answer.

    Renamed accounts with `old`, `new`, `discord_id`, and linked names that another account has, too, with `name`,
    `discord_id`, `bound` (whether the link knows its own account); each is given once.
    """
    seen = {"guild_id": guild_id, "casino": casino, "accounts": list(accounts), "keys": list(keys)}
    renamed = await conn.execute(text(_RENAMED), {**seen, "names": list(names)})
    strangers = await conn.execute(text(_STRANGERS), seen)
    return [dict(row) for row in renamed.mappings()], [dict(row) for row in strangers.mappings()]
