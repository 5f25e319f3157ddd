"""The group `raffle`, to which several files add their commands."""

from __future__ import annotations

from discord.ext import commands

from cogs import _raffle_pages as pages
from cogs._checks import look_cooldown
from cogs._commands import hybrid_group
from cogs._context import Context
from core import draws
from core.errors import UserError
from raffle_system import entrants, periods


class RaffleGroup:
    """Base of the classes that make up the raffle's cog: a command of theirs names this group as its parent."""

    @hybrid_group(invoke_without_command=True, audience="public")
    @commands.guild_only()
    @look_cooldown()
    async def raffle(self, ctx: Context) -> None:
        await show_info(ctx)


async def show_info(ctx: Context) -> None:
    async with ctx.services.db.reading() as conn:
        period = await periods.active(conn, ctx.settings.guild_id)
        here = ctx.members_present()
        stats = await entrants.stats(conn, period, await entrants.entering(conn, ctx.settings, period, here))
        waiting = await entrants.undrawn(conn, ctx.settings, here)
        opened = await draws.get_draw(conn, period.draw_id)
    if opened is None:
        raise UserError("raffle.not_open_yet")
    await ctx.say(pages.info(ctx.reader, ctx.settings, period, stats, opened["commitment"], opened["mode"], waiting))
