"""`link kick`, `unlink`: binding a Discord member to a Kick account."""

from __future__ import annotations

import discord
from discord.ext import commands

from cogs._checks import act_cooldown, look_cooldown
from cogs._commands import hybrid_command, subcommand
from cogs._context import Context
from cogs._link_group import LinkGroup, show_status
from cogs.client import DrumrollBot
from cogs.link_shuffle import DecisionButton, ShuffleLinking
from core import identity
from core.db import Connection
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed
from core.texts import escape, moment


class LinkCog(ShuffleLinking, LinkGroup, commands.Cog, name="Link"):
    def __init__(self, bot: DrumrollBot) -> None:
        self.bot = bot

    @subcommand(LinkGroup.link, audience="secret")
    @look_cooldown()
    async def status(self, ctx: Context, user: discord.User | None = None) -> None:
        await show_status(ctx, user or ctx.author)

    @subcommand(LinkGroup.link, audience="secret")
    @act_cooldown()
    async def kick(self, ctx: Context) -> None:
        settings = ctx.settings
        if settings.kick_channel is None and settings.kick_chatroom_id is None:
            raise UserError("link.no_kick_channel")
        url = await ctx.services.sign_in_url(settings.guild_id, ctx.author.id, ctx.channel.id)
        channel = settings.kick_channel or str(settings.kick_chatroom_id)

        async def work(conn: Connection) -> Embed:
            code = await identity.new_code(
                conn, ctx.services.clock, settings.guild_id, ctx.author.id, ctx.channel.id
            )  # fmt: skip
            text = ctx.reader(
                "link.code", code=f"`{code.code}`", channel=f"https://kick.com/{channel}",
                until=moment(code.expires_at, "R"),
            )  # fmt: skip
            if url is not None:
                text += "\n\n" + ctx.reader("link.oauth_hint", url=url)
            return Embed(title=ctx.reader("link.code_title"), description=text, colour=BLUE)

        await ctx.act("link.kick", work)

    @hybrid_command()
    @commands.guild_only()
    @act_cooldown()
    async def unlink(self, ctx: Context) -> None:
        async def work(conn: Connection) -> Embed:
            name = await ctx.services.intake.linking.end(conn, ctx.settings.guild_id, ctx.author.id, ctx.author.id)
            return Embed(description=ctx.reader("link.ended", name=escape(name)), colour=GREEN)

        await ctx.act("link.end", work)


async def setup(bot: DrumrollBot) -> None:
    bot.add_dynamic_items(DecisionButton)
    await bot.add_cog(LinkCog(bot))
