"""SQL of links between casino names and members. Rows stay for ever; their status changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row

_LINK_LOCK = 0x44524D05
_COLUMNS = "id, casino, shuffle_username, kick_name, discord_id, status, linked_at, channel_id"


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
