"""Raffle tickets as credits, for other features: what a member earned in all raffles, and holds in this one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.db import Connection
from raffle_system import credits_store as store


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit:
    """`earned` in all periods together, `current` in the active one."""

    earned: int
    current: int


async def of_many(conn: Connection, guild_id: int, discord_ids: Collection[int]) -> Mapping[int, Credit]:
    """One statement whatever the number; who never had a ticket is not in it."""
    found = await store.holdings(conn, guild_id, discord_ids)
    return {user: Credit(earned=earned, current=current) for user, (earned, current) in found.items()}
