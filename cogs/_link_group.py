"""The group `link`, to which several files add their commands."""

from __future__ import annotations

import discord
from discord.ext import commands

from cogs._checks import look_cooldown
from cogs._commands import hybrid_group
from cogs._context import Context
from core import identity
from core.messages import BLUE, Embed
from core.texts import escape, mention, moment
from raffle_system import shuffle_links
from raffle_system.wager_announcements import NAMES


class LinkGroup:
    """Base of the classes that make up the links' cog."""

    @hybrid_group(invoke_without_command=True, audience="secret")
    @commands.guild_only()
    @look_cooldown()
    async def link(self, ctx: Context) -> None:
        await show_status(ctx, ctx.author)


async def show_status(ctx: Context, user: discord.abc.User) -> None:
    """The member's Kick account, and names at casinos with what became of them."""
    async with ctx.services.db.reading() as conn:
        found = await identity.link_of(conn, ctx.settings.guild_id, user.id)
        names = await shuffle_links.links_of(conn, ctx.settings.guild_id, user.id)
    reader = ctx.reader
    if found is None:
        lines = [reader("link.status_none", member=mention(user.id))]
    else:
        lines = [
            reader(
                "link.status", member=mention(user.id), name=escape(found.kick_name), when=moment(found.linked_at, "R")
            )
        ]
    lines += [
        reader(f"shuffle.status_{name.status}", casino=NAMES[name.casino], name=escape(name.username)) for name in names
    ]
    await ctx.say(Embed(description="\n".join(lines), colour=BLUE))
