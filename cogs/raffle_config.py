"""`raffle config show` and `set`: the server's settings."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from cogs._checks import act_cooldown, admin_only
from cogs._commands import subcommand, subgroup
from cogs._context import Context
from cogs._converters import setting_as_id
from cogs._raffle_group import RaffleGroup
from cogs._roles import require_giveable, require_manageable
from core import settings_schema
from core.db import Connection
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed


class RaffleConfig(RaffleGroup):
    @subgroup(RaffleGroup.raffle, audience="secret")
    @admin_only()
    async def config(self, ctx: Context) -> None:
        if ctx.invoked_subcommand is None:
            await self._config_page(ctx)

    @subcommand(config, audience="secret")
    @admin_only()
    async def show(self, ctx: Context) -> None:
        await self._config_page(ctx)

    async def _config_page(self, ctx: Context) -> None:
        unset = ctx.reader("config.unset")
        lines = [
            f"`{name}` {settings_schema.shown(name, getattr(ctx.settings, name)) or unset}"
            for name in settings_schema.NAMES
        ]  # fmt: skip
        text = "\n".join([ctx.reader("config.how"), "", *lines])
        await ctx.say(Embed(title=ctx.reader("config.title"), description=text, colour=BLUE))

    @subcommand(config)
    @admin_only()
    @act_cooldown()
    async def set(self, ctx: Context, name: str, *, value: str) -> None:
        if settings_schema.is_secret(name) and ctx.interaction is None:
            raise UserError("config.secret", name=name)
        guilds, name = ctx.services.guilds, name.casefold()
        parsed = settings_schema.parse(name, await setting_as_id(ctx, name, value), sandboxed=guilds.sandboxed)
        _require_role(ctx, name, parsed)
        changed = ctx.settings

        async def work(conn: Connection) -> Embed:
            nonlocal changed
            changed = await guilds.change(conn, ctx.settings.guild_id, name, parsed, ctx.author.id)
            shown = settings_schema.shown(name, getattr(changed, name)) or ctx.reader("config.unset")
            return Embed(description=ctx.reader("config.done", name=f"`{name}`", value=shown), colour=GREEN)

        await ctx.act("raffle.config", work, then=lambda: guilds.adopt(changed))

    @set.autocomplete("name")
    async def _names(self, _interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        found = [name for name in settings_schema.NAMES if current.casefold() in name]
        return [app_commands.Choice(name=name, value=name) for name in found[:25]]


def _require_role(ctx: Context, name: str, value: object) -> None:
    """A role's setting gives no more than whoever sets it could give. Errors: those of `cogs._roles`."""
    if name not in settings_schema.ROLES or not isinstance(value, int) or ctx.guild is None:
        return
    role = ctx.guild.get_role(value)
    if role is None or not isinstance(ctx.author, discord.Member):
        raise UserError("error.no_such_role", name=str(value))
    (require_giveable if name == "link_role_id" else require_manageable)(ctx.author, role)
