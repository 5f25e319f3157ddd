"""`tickets`, `leaderboard` and `raffle ...`: parse, call the service, render."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from cogs import _answers
from cogs import _raffle_pages as pages
from cogs._checks import look_cooldown
from cogs._commands import hybrid_command, subcommand
from cogs._context import Context
from cogs._presence import present_in
from cogs._raffle_group import RaffleGroup, show_info
from cogs.client import DrumrollBot
from cogs.link_admin import LinkAdmin
from cogs.raffle_admin import RaffleAdmin
from cogs.raffle_config import RaffleConfig
from cogs.raffle_gifts import GiftButton, RaffleGifts
from cogs.raffle_months import ClaimButton, RaffleMonths
from cogs.raffle_reports import RaffleReports
from cogs.raffle_wagers import RaffleWagers
from core import identity
from core.errors import UserError
from core.messages import Embed
from raffle_system import entrants, periods, watchtime_converter
from raffle_system.config import HISTORY_LENGTH, LEADERBOARD_DEFAULT, LEADERBOARD_MOST
from raffle_system.entrants import Present


class RaffleCog(
    RaffleAdmin, RaffleGifts, LinkAdmin, RaffleWagers, RaffleMonths, RaffleReports, RaffleConfig, RaffleGroup,
    commands.Cog, name="Raffle",
):  # fmt: skip
    def __init__(self, bot: DrumrollBot) -> None:
        self.bot = bot
        self._menu = app_commands.ContextMenu(name="Tickets", callback=self._tickets_menu)
        bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=discord.AppCommandType.user)

    async def _balance(self, guild_id: int, member_id: int, viewer_id: int, present: Present) -> Embed:
        services = self.bot.services
        async with services.db.reading() as conn:
            period = await periods.active(conn, guild_id)
            rule = await entrants.entering(conn, services.guilds.get(guild_id), period, present)
            place = pages.Place(
                balance=await entrants.balance_of(conn, period, member_id, rule),
                chances=await entrants.chances(conn, period, rule), minimum=rule.minimum,
                left=present is not None and member_id not in present,
            )  # fmt: skip
            missing = await entrants.missing_to_top(conn, period, place.balance.total, rule)
            link = await identity.link_of(conn, guild_id, member_id)
            over = None
            if link is not None and link.kick_user_id is not None:
                minutes, _converted = await watchtime_converter.minutes_of(conn, period, link.kick_user_id)
                over = minutes % 60
        return pages.tickets(services.guilds.reader(guild_id, viewer_id), place, period, over, missing)

    @app_commands.guild_only()
    async def _tickets_menu(self, interaction: discord.Interaction, member: discord.Member) -> None:
        present = present_in(member.guild, self.bot.intents)
        page = await self._balance(member.guild.id, member.id, interaction.user.id, present)
        await _answers.privately(interaction, page)

    @hybrid_command(audience="public")
    @commands.guild_only()
    @look_cooldown()
    async def tickets(self, ctx: Context, user: discord.User | None = None) -> None:
        here = ctx.members_present()
        await ctx.say(await self._balance(ctx.settings.guild_id, (user or ctx.author).id, ctx.author.id, here))

    @hybrid_command(aliases=["lb", "top"], audience="public")
    @commands.guild_only()
    @look_cooldown()
    async def leaderboard(self, ctx: Context, top: int = LEADERBOARD_DEFAULT) -> None:
        if not 1 <= top <= LEADERBOARD_MOST:
            raise UserError("leaderboard.range", most=LEADERBOARD_MOST)
        async with ctx.services.db.reading() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            rule = await entrants.entering(conn, ctx.settings, period, ctx.members_present())
            standings = await entrants.leaderboard(conn, period, top, rule)
            stats = await entrants.stats(conn, period, rule)
            chances = await entrants.chances(conn, period, rule)
        await ctx.say(pages.leaderboard(ctx.reader, ctx.settings, period, standings, stats, chances))

    @subcommand(RaffleGroup.raffle, audience="public")
    @look_cooldown()
    async def info(self, ctx: Context) -> None:
        await show_info(ctx)

    @subcommand(RaffleGroup.raffle, audience="public")
    @look_cooldown()
    async def history(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            past = await periods.history(conn, ctx.settings.guild_id, HISTORY_LENGTH)
        await ctx.say(pages.history(ctx.reader, past))


async def setup(bot: DrumrollBot) -> None:
    bot.add_dynamic_items(GiftButton, ClaimButton)
    await bot.add_cog(RaffleCog(bot))
