"""The group `giveaway`: who manages, which giveaway is meant, and the subgroups that several files add to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from cogs._checks import is_admin, look_cooldown
from cogs._commands import Command, hybrid_group, subgroup
from cogs._context import Context
from cogs._services import Services
from core.db import Connection
from core.errors import UserError
from core.texts import Reader
from giveaway import giveaway_system as system
from giveaway import queries, replies, settings
from giveaway.models import (
    ACTIVE,
    EDITABLE,
    ENDED,
    PAUSED,
    SCHEDULED,
    Giveaway,
)

T = TypeVar("T")
RUNNING, PAUSABLE, RESUMABLE, STARTABLE, DRAWN = (ACTIVE, PAUSED), (ACTIVE,), (PAUSED,), (SCHEDULED,), (ENDED,)
ANY = queries.ANY_STATUS
__all__ = ["ANY", "DRAWN", "EDITABLE", "PAUSABLE", "RESUMABLE", "RUNNING", "STARTABLE", "GiveawayGroup"]


class GiveawayGroup:
    """Base of the classes that make up the giveaways' cog."""

    @hybrid_group(invoke_without_command=True, audience="public")
    @commands.guild_only()
    @look_cooldown()
    async def giveaway(self, ctx: Context) -> None:
        """The running giveaways."""
        async with ctx.services.db.reading() as conn:
            found, _more = await queries.listing(conn, ctx.settings.guild_id, "active", ctx.author.id)
        await ctx.say(replies.listing(ctx.reader, found))

    @subgroup(giveaway)
    async def template(self, ctx: Context) -> None: ...

    @subgroup(giveaway)
    async def preset(self, ctx: Context) -> None: ...

    @subgroup(giveaway)
    async def tier(self, ctx: Context) -> None: ...

    @subgroup(giveaway)
    async def boost(self, ctx: Context) -> None: ...

    @subgroup(giveaway)
    async def blacklist(self, ctx: Context) -> None: ...

    @subgroup(giveaway)
    async def config(self, ctx: Context) -> None: ...


def author(ctx: Context) -> discord.Member:
    """Errors: `error.guild_only`."""
    if not isinstance(ctx.author, discord.Member):
        raise UserError("error.guild_only")
    return ctx.author


def reader_of(services: Services, interaction: discord.Interaction[Any]) -> Reader:
    return services.guilds.reader(interaction.guild_id, interaction.user.id)


async def is_manager(services: Services, conn: Connection, member: discord.abc.User, guild_id: int) -> bool:
    """Admins, and who has one of the roles that the giveaways' settings name."""
    known = services.guilds.find(guild_id)
    if known is not None and is_admin(member, known):
        return True
    if not isinstance(member, discord.Member):
        return False
    return settings.is_manager(await settings.load(conn, guild_id), [role.id for role in member.roles])


async def require_manager(services: Services, conn: Connection, member: discord.abc.User, guild_id: int) -> None:
    """Errors: `giveaway.manager_only`."""
    if not await is_manager(services, conn, member, guild_id):
        raise UserError("giveaway.manager_only")


def manager_only() -> Callable[[T], T]:
    """Errors: `giveaway.manager_only`; `error.guild_only` outside of a guild."""

    async def check(ctx: Context) -> bool:
        try:
            async with ctx.services.db.reading() as conn:
                await require_manager(ctx.services, conn, ctx.author, ctx.settings.guild_id)
        except UserError as error:
            # discord.py gives errors of a check to the handler only when they are of its own kind.
            raise commands.CheckFailure(error.key) from error
        return True

    return commands.check(check)


async def meant(
    conn: Connection, guild_id: int, channel_id: int, typed: str, statuses: Sequence[str] = ANY
) -> Giveaway:  # fmt: skip
    """The giveaway that was typed: a number, or a prize that only one has; without one the channel's only one.

    Errors: `giveaway.not_found` (also for another server's number), `giveaway.none_here`, `giveaway.which_one`.
    """
    tidy = typed.strip().removeprefix("#")
    if not tidy:
        if statuses == DRAWN:
            return await queries.last_drawn_in(conn, guild_id, channel_id)
        return await queries.only_one_in(conn, guild_id, channel_id)
    if tidy.isascii() and tidy.isdigit() and len(tidy) <= 18:
        return await system.find(conn, guild_id, int(tidy))
    found = await queries.choices(conn, guild_id, tidy, statuses)
    if not found:
        raise UserError("giveaway.not_found")
    if len(found) > 1:
        raise UserError("giveaway.which_prize")
    return await system.find(conn, guild_id, found[0].giveaway_id)


def offers_giveaways(statuses: Sequence[str] = ANY) -> Callable[[Command], Command]:
    """Autocomplete of the option `giveaway` by prize."""

    async def offer(interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        services: Services = interaction.client.services
        reader = reader_of(services, interaction)
        async with services.db.reading() as conn:
            found = await queries.choices(conn, interaction.guild_id or 0, current, statuses)
        return [
            app_commands.Choice(name=_choice(reader, one), value=str(one.giveaway_id)) for one in found
        ]  # fmt: skip

    def wrap(command: Command) -> Command:
        command.autocomplete("giveaway")(offer)
        return command

    return wrap


def _choice(reader: Reader, choice: queries.Choice) -> str:
    status = reader(f"giveaway.status.{choice.status}")
    room = 100 - len(status) - len(str(choice.giveaway_id)) - 6
    prize = choice.prize if len(choice.prize) <= room else f"{choice.prize[: room - 1]}…"
    return f"{prize} ({status}, {choice.giveaway_id})"
