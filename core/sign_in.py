"""Attempts to prove a Kick account by signing in there: kept on our side, good once."""

from __future__ import annotations

from datetime import datetime

from core.db import Connection
from core.stores import oauth_states as store


async def begin(
    conn: Connection, *, nonce: str, guild_id: int, discord_id: int, channel_id: int | None, verifier: str,
    expires_at: datetime, now: datetime,
) -> None:  # fmt: skip
    """Keep an attempt with its PKCE verifier; the member's older ones stop working."""
    await store.add(
        conn, nonce=nonce, guild_id=guild_id, discord_id=discord_id, channel_id=channel_id, verifier=verifier,
        expires_at=expires_at, now=now,
    )  # fmt: skip


async def verifier_of(conn: Connection, nonce: str, guild_id: int, discord_id: int, now: datetime) -> str | None:
    """The verifier of an attempt that is still good."""
    row = await store.peek(conn, nonce, guild_id, discord_id, now)
    return row["verifier"] if row else None


async def use(
    conn: Connection, nonce: str, guild_id: int, discord_id: int, now: datetime
) -> tuple[str, int | None] | None:
    """Use an attempt up: (its verifier, the channel in which it was asked for); None when it is not good any more."""
    row = await store.take(conn, nonce, guild_id, discord_id, now)
    return (row["verifier"], row["channel_id"]) if row else None
