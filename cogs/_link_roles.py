"""The link role at Discord's edge."""

from __future__ import annotations

import discord

from cogs._refusals import NOTHING_LEFT, refused
from cogs._roles import require_still_giveable
from cogs._sender import DiscordSender
from core.errors import NotReady

REASON = "Kick account linked or unlinked"


class RoleSetter:
    """Gives or takes a role through whichever client is connected now."""

    def __init__(self, sender: DiscordSender) -> None:
        self._sender = sender

    async def __call__(self, guild_id: int, discord_id: int, role_id: int, wanted: bool) -> None:
        """Errors: `NotReady`; `Refused` as Discord's code has it; after others nobody knows whether it was done."""
        bot = self._sender.bot
        if bot is None or not bot.is_ready():
            raise NotReady("Discord is not connected")
        if wanted:
            require_still_giveable(bot.get_guild(guild_id), role_id)
        change = bot.http.add_role if wanted else bot.http.remove_role
        try:
            await change(guild_id, discord_id, role_id, reason=REASON)
        except discord.HTTPException as error:
            if wanted or error.code not in NOTHING_LEFT:
                raise refused(error) from error
