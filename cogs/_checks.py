"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import discord
from discord.ext import commands

from cogs._context import Context
from core.errors import UserError
from core.guilds import GuildSettings

T = TypeVar("T")


def is_admin(member: discord.abc.User, settings: GuildSettings) -> bool:
    """Manage Server, or the guild's manager role."""
    if not isinstance(member, discord.Member):
        return False
    if member.guild_permissions.manage_guild:
        return True
    return settings.manager_role_id is not None and member.get_role(settings.manager_role_id) is not None


def admin_only() -> Callable[[T], T]:
    """Errors: `error.admin_only` for everybody else, `error.guild_only` outside of a guild."""

    async def check(ctx: Context) -> bool:
        try:
            if not is_admin(ctx.author, ctx.settings):
                raise UserError("error.admin_only")
        except UserError as error:
            # discord.py gives errors of a check to the handler only when they are of its own kind.
            raise commands.CheckFailure(error.key) from error
        return True

    return commands.check(check)


def look_cooldown() -> Callable[[T], T]:
    """For commands that only look: five in ten seconds a member."""
    return commands.cooldown(5, 10, commands.BucketType.member)


def act_cooldown() -> Callable[[T], T]:
    """For commands that change something: three in ten seconds a member."""
    return commands.cooldown(3, 10, commands.BucketType.member)
