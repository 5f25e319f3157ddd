"""`tickets`, `leaderboard` and `raffle ...`: parse, call the service, render."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from cogs import _errors
from cogs import _raffle_pages as pages
from cogs._checks import act_cooldown, admin_only, look_cooldown
from cogs._commands import hybrid_command, hybrid_group, subcommand, subgroup
from cogs._context import Context
from cogs._messages import NOBODY, embed_of
from cogs.client import DrumrollBot
from core import draws, identity, outbox, settings_schema
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed, EmbedField
from core.texts import mention
from raffle_system import announcements, draw, periods, tickets, watchtime_converter
from raffle_system.config import HISTORY_LENGTH, LEADERBOARD_DEFAULT, LEADERBOARD_MOST, REASON_LENGTH
from raffle_system.draw import DrawRequest


class RaffleCog(commands.Cog, name="Raffle"):
    def __init__(self, bot: DrumrollBot) -> None:
        self.bot = bot
        self._menu = app_commands.ContextMenu(name="Tickets", callback=self._tickets_menu)
        bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=discord.AppCommandType.user)

    async def _balance(self, guild_id: int, member_id: int, viewer_id: int) -> Embed:
        services = self.bot.services
        async with services.db.transaction() as conn:
            period = await periods.active(conn, guild_id)
            balance = await tickets.balance_of(conn, period, member_id)
            link = await identity.link_of(conn, guild_id, member_id)
            over = None
            if link is not None and link.kick_user_id is not None:
                minutes, _converted = await watchtime_converter.minutes_of(conn, period, link.kick_user_id)
                over = minutes % 60
        return pages.tickets(services.guilds.reader(guild_id, viewer_id), balance, period, over)

    @app_commands.guild_only()
    async def _tickets_menu(self, interaction: discord.Interaction, member: discord.Member) -> None:
        page = await self._balance(member.guild.id, member.id, interaction.user.id)
        await interaction.response.send_message(embed=embed_of(page), ephemeral=True, allowed_mentions=NOBODY)

    @hybrid_command()
    @commands.guild_only()
    @look_cooldown()
    async def tickets(self, ctx: Context, user: discord.User | None = None) -> None:
        await ctx.say(await self._balance(ctx.settings.guild_id, (user or ctx.author).id, ctx.author.id))

    @hybrid_command(aliases=["lb", "top"])
    @commands.guild_only()
    @look_cooldown()
    async def leaderboard(self, ctx: Context, top: int = LEADERBOARD_DEFAULT) -> None:
        if not 1 <= top <= LEADERBOARD_MOST:
            raise UserError("leaderboard.range", most=LEADERBOARD_MOST)
        async with ctx.services.db.transaction() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            standings = await tickets.leaderboard(conn, period, top)
            stats = await tickets.stats(conn, period)
        await ctx.say(pages.leaderboard(ctx.reader, ctx.settings, period, standings, stats))

    @hybrid_group(invoke_without_command=True)
    @commands.guild_only()
    @look_cooldown()
    async def raffle(self, ctx: Context) -> None:
        await self._info(ctx)

    @subcommand(raffle)
    @look_cooldown()
    async def info(self, ctx: Context) -> None:
        await self._info(ctx)

    async def _info(self, ctx: Context) -> None:
        async with ctx.services.db.transaction() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            stats = await tickets.stats(conn, period)
            waiting = await periods.undrawn(conn, ctx.settings.guild_id)
            opened = await draws.get_draw(conn, period.draw_id)
        if opened is None:
            raise UserError("raffle.not_open_yet")
        page = pages.info(ctx.reader, ctx.settings, period, stats, opened["commitment"], opened["mode"], waiting)
        await ctx.say(page)

    @subcommand(raffle)
    @look_cooldown()
    async def history(self, ctx: Context) -> None:
        async with ctx.services.db.transaction() as conn:
            past = await periods.history(conn, ctx.settings.guild_id, HISTORY_LENGTH)
        await ctx.say(pages.history(ctx.reader, past))

    @subcommand(raffle)
    @admin_only()
    @look_cooldown()
    async def stats(self, ctx: Context) -> None:
        async with ctx.services.db.transaction() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            stats = await tickets.stats(conn, period)
            top = await tickets.leaderboard(conn, period, 5)
        live = ctx.services.intake.live_of(ctx.settings.guild_id)
        now = ctx.services.clock.now()
        await ctx.say(pages.stats(ctx.reader, ctx.settings, period, stats, top, now, live), private=True)

    @subcommand(raffle)
    @admin_only()
    @act_cooldown()
    async def give(self, ctx: Context, user: discord.User, amount: int, *, reason: str = "") -> None:
        tickets.check_amount(amount)
        if user.bot or (ctx.guild is not None and ctx.guild.get_member(user.id) is None and self.bot.intents.members):
            raise UserError("give.not_a_member", member=mention(user.id))
        await self._bonus(ctx, user.id, amount, reason, give=True)

    @subcommand(raffle)
    @admin_only()
    @act_cooldown()
    async def remove(self, ctx: Context, user: discord.User, amount: int, *, reason: str = "") -> None:
        tickets.check_amount(amount)
        await self._bonus(ctx, user.id, amount, reason, give=False)

    async def _bonus(self, ctx: Context, member_id: int, amount: int, reason: str, *, give: bool) -> None:
        if len(reason) > REASON_LENGTH:
            raise UserError("error.too_long", most=REASON_LENGTH)
        change = tickets.give if give else tickets.remove
        async with ctx.services.db.transaction() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            made = await change(
                conn, period, member_id, amount, reason=reason, actor=ctx.author.id,
                ref=f"request:{ctx.request_id}", now=ctx.services.clock.now(),
            )  # fmt: skip
        if made is None:
            raise UserError("give.done_before")
        await ctx.say(pages.given(ctx.reader, made, reason))

    @subcommand(raffle)
    @admin_only()
    @act_cooldown()
    async def draw(self, ctx: Context, *, prize: str = "") -> None:
        await self._draw(ctx, None, prize)

    @subcommand(raffle)
    @admin_only()
    @act_cooldown()
    async def drawperiod(self, ctx: Context, number: int, *, prize: str = "") -> None:
        await self._draw(ctx, number, prize)

    async def _draw(self, ctx: Context, number: int | None, prize: str) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            plan = await draw.plan(conn, settings, number)
        label = ctx.reader("draw.confirm_button")
        answer = await ctx.confirm(pages.confirm_draw(ctx.reader, settings, plan, prize), label)
        if not answer.confirmed:
            return
        request = DrawRequest(
            actor=ctx.author.id, channel_id=ctx.channel.id, prize=prize, present=ctx.members_present()
        )
        try:
            async with services.db.transaction() as conn:
                await draw.start(
                    conn, services.clock, settings, services.chain, services.guilds, plan.period.id, request,
                    services.schedule.last_call,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            await answer.fail(_errors.explain(error, ctx.reader))
            return
        await answer.finish(Embed(description=ctx.reader("draw.started"), colour=GREEN))

    @subcommand(raffle)
    @admin_only()
    @act_cooldown()
    async def reset(self, ctx: Context) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            period = await periods.active(conn, settings.guild_id)
            stats = await tickets.stats(conn, period)
        question = pages.confirm_reset(ctx.reader, settings, period, stats)
        answer = await ctx.confirm(question, ctx.reader("reset.confirm_button"), danger=True)
        if not answer.confirmed:
            return
        try:
            await self._reset(ctx, period.id)
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            await answer.fail(_errors.explain(error, ctx.reader))
            return
        await answer.finish(Embed(description=ctx.reader("reset.done", number=str(period.number)), colour=GREEN))

    async def _reset(self, ctx: Context, period_id: int) -> None:
        """End the period that was shown, if it still runs; a second press ends nothing."""
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            period = await periods.active(conn, settings.guild_id, for_update=True)
            if period.id != period_id:
                raise UserError("reset.already")
            ended, opened = await periods.end_now(
                conn, services.clock, settings, period, services.schedule.last_call, status="archived"
            )
            reader = services.guilds.reader(settings.guild_id)
            message = announcements.new_period(reader, settings, ended, opened, None, 0)
            target = settings.announcement_channel_id or ctx.channel.id
            await outbox.post(conn, services.clock, settings.guild_id, target, message)

    @subcommand(raffle)
    @admin_only()
    @act_cooldown()
    async def reroll(self, ctx: Context, *, reason: str = "") -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            period = await draw.drawn_period(conn, settings, None)
            winners = await draws.current_winners(conn, period.draw_id)
        question = Embed(
            title=ctx.reader("reroll.confirm_title"),
            description=ctx.reader("reroll.confirm", member=mention(winners[0]), number=str(period.number)),
        )
        answer = await ctx.confirm(question, ctx.reader("reroll.confirm_button"), danger=True)
        if not answer.confirmed:
            return
        try:
            async with services.db.transaction() as conn:
                _period, taken = await draw.reroll(
                    conn, services.clock, settings, services.guilds, number=period.number,
                    actor=ctx.author.id, channel_id=ctx.channel.id, reason=reason,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            await answer.fail(_errors.explain(error, ctx.reader))
            return
        await answer.finish(Embed(description=ctx.reader("reroll.done", member=mention(taken.winner.id)), colour=GREEN))

    @subgroup(raffle)
    @admin_only()
    async def config(self, ctx: Context) -> None:
        if ctx.invoked_subcommand is None:
            await self._config_page(ctx)

    @subcommand(config)
    @admin_only()
    async def show(self, ctx: Context) -> None:
        await self._config_page(ctx)

    async def _config_page(self, ctx: Context) -> None:
        fields = tuple(
            EmbedField(
                name=name, value=settings_schema.shown(name, getattr(ctx.settings, name)) or ctx.reader("config.unset")
            )
            for name in settings_schema.NAMES
        )  # fmt: skip
        await ctx.say(
            Embed(
                title=ctx.reader("config.title"), description=ctx.reader("config.how"), fields=fields, colour=BLUE
            ),
            private=True,
        )  # fmt: skip

    @subcommand(config)
    @admin_only()
    @act_cooldown()
    async def set(self, ctx: Context, name: str, *, value: str) -> None:
        parsed = settings_schema.parse(name, value)
        await ctx.services.guilds.change(ctx.settings.guild_id, name.casefold(), parsed, ctx.author.id)
        now = settings_schema.shown(name, getattr(ctx.settings, name.casefold())) or ctx.reader("config.unset")
        await ctx.say(
            Embed(description=ctx.reader("config.done", name=f"`{name}`", value=now), colour=GREEN), private=True
        )  # fmt: skip

    @set.autocomplete("name")
    async def _names(self, _interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        found = [name for name in settings_schema.NAMES if current.casefold() in name]
        return [app_commands.Choice(name=name, value=name) for name in found[:25]]


async def setup(bot: DrumrollBot) -> None:
    await bot.add_cog(RaffleCog(bot))
