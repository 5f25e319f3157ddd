"""Attempts to sign in with Kick: each is good once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row


async def add(
    conn: Connection, *, nonce: str, guild_id: int, discord_id: int, channel_id: int | None, verifier: str,
    expires_at: datetime, now: datetime,
) -> None:  # fmt: skip
    """Store an attempt; the member's older ones stop working."""
    await conn.execute(
        text(
            "UPDATE kick_oauth_states SET used_at = :now, verifier = '' "
            "WHERE guild_id = :guild_id AND discord_id = :discord_id AND used_at IS NULL"
        ),
        {"guild_id": guild_id, "discord_id": discord_id, "now": now},
    )
    await conn.execute(
        text(
            "INSERT INTO kick_oauth_states (nonce, guild_id, discord_id, channel_id, verifier, expires_at) "
            "VALUES (:nonce, :guild_id, :discord_id, :channel_id, :verifier, :expires_at)"
        ),
        {
            "nonce": nonce, "guild_id": guild_id, "discord_id": discord_id, "channel_id": channel_id,
            "verifier": verifier, "expires_at": expires_at,
        },
    )  # fmt: skip


_GOOD = "nonce = :nonce AND guild_id = :guild_id AND discord_id = :discord_id AND used_at IS NULL AND expires_at > :now"


async def peek(conn: Connection, nonce: str, guild_id: int, discord_id: int, now: datetime) -> Row | None:
    result = await conn.execute(
        text(f"SELECT verifier, channel_id FROM kick_oauth_states WHERE {_GOOD}"),
        {"nonce": nonce, "guild_id": guild_id, "discord_id": discord_id, "now": now},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def take(conn: Connection, nonce: str, guild_id: int, discord_id: int, now: datetime) -> Row | None:
    """Use the attempt up: nobody can take it again, and its verifier is kept no longer."""
    result = await conn.execute(
        text(
            f"WITH good AS (SELECT nonce, verifier, channel_id FROM kick_oauth_states WHERE {_GOOD} FOR UPDATE) "
            "UPDATE kick_oauth_states k SET used_at = :now, verifier = '' FROM good WHERE k.nonce = good.nonce "
            "RETURNING good.verifier, good.channel_id"
        ),
        {"nonce": nonce, "guild_id": guild_id, "discord_id": discord_id, "now": now},
    )
    row = result.mappings().first()
    return dict(row) if row else None
