"""Who is in a server now, as the raffle's rule asks it."""

from __future__ import annotations

import discord

from raffle_system.entrants import Present


class Members:
    """Everybody in a server, asked by id: nothing is copied."""

    def __init__(self, guild: discord.Guild) -> None:
        self._guild = guild

    def __contains__(self, user_id: object) -> bool:
        return isinstance(user_id, int) and self._guild.get_member(user_id) is not None


def present_in(guild: discord.Guild | None, intents: discord.Intents) -> Present:
    """None where the list of members is not complete: then nobody is left out."""
    if guild is None or guild.unavailable or not intents.members or not guild.chunked:
        return None
    return Members(guild)
