"""`raffle stats, give, remove, draw, reset, reroll`: for admins."""

from __future__ import annotations

import discord

from cogs import _raffle_pages as pages
from cogs._checks import act_cooldown, admin_only
from cogs._commands import subcommand
from cogs._context import Context
from cogs._raffle_group import RaffleGroup
from core.db import Connection
from core.errors import UserError
from core.messages import GREEN, Embed
from core.reserves import Look
from core.texts import mention
from raffle_system import draw, entrants, month_ends, periods, tickets
from raffle_system.config import REASON_LENGTH
from raffle_system.draw import DrawRequest


class RaffleAdmin(RaffleGroup):
    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def give(self, ctx: Context, user: discord.User, amount: int, *, reason: str = "") -> None:
        tickets.check_amount(amount)
        if user.bot or (ctx.guild is not None and ctx.guild.get_member(user.id) is None and ctx.bot.intents.members):
            raise UserError("give.not_a_member", member=user.display_name)
        await self._bonus(ctx, user.id, amount, reason, give=True)

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def remove(self, ctx: Context, user: discord.User, amount: int, *, reason: str = "") -> None:
        tickets.check_amount(amount)
        await self._bonus(ctx, user.id, amount, reason, give=False)

    async def _bonus(self, ctx: Context, member_id: int, amount: int, reason: str, *, give: bool) -> None:
        if len(reason) > REASON_LENGTH:
            raise UserError("error.too_long", most=REASON_LENGTH)
        change = tickets.give if give else tickets.remove

        async def work(conn: Connection) -> Embed:
            period = await periods.active(conn, ctx.settings.guild_id)
            made = await change(
                conn, period, member_id, amount, reason=reason, actor=ctx.author.id,
                ref=f"request:{ctx.request_id}", now=ctx.services.clock.now(),
            )  # fmt: skip
            if made is None:
                raise UserError("give.done_before")
            return pages.given(ctx.reader, made, reason)

        await ctx.act("raffle.bonus", work)

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def draw(self, ctx: Context, *, prize: str = "") -> None:
        await self._draw(ctx, None, prize)

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def drawperiod(self, ctx: Context, number: int, *, prize: str = "") -> None:
        await self._draw(ctx, number, prize)

    async def _draw(self, ctx: Context, number: int | None, prize: str) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.reading() as conn:
            plan = await draw.plan(conn, settings, number, ctx.members_present())

        async def last_look() -> None:
            if plan.ends_now:
                await services.schedule.look_before_end(settings.guild_id)

        async def work(conn: Connection) -> Embed:
            request = DrawRequest(
                actor=ctx.author.id, channel_id=ctx.channel.id, prize=prize, present=ctx.members_present()
            )
            await draw.start(
                conn, services.clock, settings, services.chain, services.guilds, plan.period.id, request,
                services.schedule.last_call, plan,
            )  # fmt: skip
            return Embed(description=ctx.reader("draw.started"), colour=GREEN)

        question = pages.confirm_draw(ctx.reader, settings, plan, prize)
        await ctx.confirm(question, ctx.reader("draw.confirm_button"), "raffle.draw", work, before=last_look)

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def reset(self, ctx: Context) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.reading() as conn:
            period = await periods.active(conn, settings.guild_id)
            rule = await entrants.entering(conn, settings, period, ctx.members_present())
            stats = await entrants.stats(conn, period, rule)

        async def last_look() -> None:
            await services.schedule.look_before_end(settings.guild_id)

        async def work(conn: Connection) -> Embed:
            await month_ends.set_aside(
                conn, services.clock, services.guilds, settings, period.id, services.schedule.last_call,
                ctx.author.id, ctx.channel.id,
            )  # fmt: skip
            return Embed(description=ctx.reader("reset.done", number=str(period.number)), colour=GREEN)

        question = pages.confirm_reset(ctx.reader, settings, period, stats)
        label = ctx.reader("reset.confirm_button")
        await ctx.confirm(question, label, "raffle.reset", work, danger=True, before=last_look)

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def reroll(self, ctx: Context, *, reason: str = "") -> None:
        await self._reroll(ctx, 1, reason)

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def rerollplace(self, ctx: Context, place: int, *, reason: str = "") -> None:
        await self._reroll(ctx, place, reason)

    async def _reroll(self, ctx: Context, place: int, reason: str) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.reading() as conn:
            period, holder = await draw.place_to_reroll(conn, settings, place - 1)
        look = Look(own_id=services.members.own_id)

        async def work(conn: Connection) -> Embed:
            _period, taken = await draw.reroll(
                conn, services.clock, settings, services.guilds, number=period.number, actor=ctx.author.id,
                channel_id=ctx.channel.id, reason=reason, look=look, position=place - 1, holder=holder,
            )  # fmt: skip
            return Embed(description=ctx.reader("reroll.done", member=mention(taken.winner.id)), colour=GREEN)

        question = Embed(
            title=ctx.reader("reroll.confirm_title"),
            description=ctx.reader("reroll.confirm", member=mention(holder), number=str(period.number)),
        )
        await ctx.confirm(question, ctx.reader("reroll.confirm_button"), "raffle.reroll", work, danger=True)
