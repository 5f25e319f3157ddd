"""`giveaway stats, chart, leaderboard`."""

from __future__ import annotations

import asyncio
import io
from zoneinfo import ZoneInfo

import discord

from cogs._checks import look_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._giveaway_group import ANY, GiveawayGroup, meant, offers_giveaways
from cogs._messages import embed_of
from core import chart
from core.errors import UserError
from core.messages import BLUE, Embed
from core.texts import escape
from giveaway import insight, presets, replies


class GiveawayInsight(GiveawayGroup):
    @subcommand(GiveawayGroup.giveaway, audience="public")
    @look_cooldown()
    async def stats(self, ctx: Context, user: discord.User | None = None) -> None:
        """Of the server, or of one member."""
        guild_id = ctx.settings.guild_id
        async with ctx.services.db.reading() as conn:
            if user is None:
                page = replies.guild_stats(ctx.reader, await insight.of_guild(conn, guild_id))
            else:
                page = replies.member_stats(ctx.reader, user.id, await insight.of_member(conn, guild_id, user.id))
        await ctx.say(page)

    @subcommand(GiveawayGroup.giveaway, name="leaderboard", audience="public")
    @look_cooldown()
    async def entities_leaderboard(self, ctx: Context) -> None:
        guild_id = ctx.settings.guild_id
        async with ctx.services.db.reading() as conn:
            tiers = await presets.tiers(conn, guild_id)
            ranks = await insight.entities_leaderboard(conn, ctx.services.clock, guild_id, tiers)
        await ctx.say(replies.leaderboard(ctx.reader, ranks))

    @offers_giveaways(ANY)
    @subcommand(GiveawayGroup.giveaway, audience="public")
    @look_cooldown()
    async def chart(self, ctx: Context, *, giveaway: str = "") -> None:
        """Entrants over time, in the server's zone."""
        services, zone = ctx.services, ZoneInfo(ctx.settings.timezone)
        async with services.db.reading() as conn:
            found = await meant(conn, ctx.settings.guild_id, ctx.channel.id, giveaway)
            series = await insight.entries_over_time(conn, services.clock, found)
        if len(series) < 2:
            raise UserError("giveaway.no_entries")
        local = [(when.astimezone(zone), entries) for when, entries in series]
        picture = await asyncio.to_thread(chart.line_chart, local, ctx.reader.locale)
        page = Embed(
            title=escape(found.prize), description=ctx.reader("giveaway.chart", zone=ctx.settings.timezone),
            colour=BLUE, image_url="attachment://entries.png",
        )  # fmt: skip
        file = discord.File(io.BytesIO(picture), filename="entries.png")
        await ctx.send(embed=embed_of(page), file=file)
