"""`raffle stats, give, remove, draw, reset, reroll`: for admins."""

from __future__ import annotations

import discord

from cogs import _errors
from cogs import _raffle_pages as pages
from cogs._checks import act_cooldown, admin_only
from cogs._commands import subcommand
from cogs._context import Context
from cogs._raffle_group import RaffleGroup
from core import draws, outbox
from core.draws import Replacement
from core.errors import UserError
from core.messages import GREEN, Embed
from core.reserves import Look, looked_up
from core.texts import mention
from raffle_system import announcements, draw, entrants, periods, tickets
from raffle_system.config import REASON_LENGTH
from raffle_system.draw import DrawRequest
from raffle_system.models import ARCHIVED


class RaffleAdmin(RaffleGroup):
    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def give(self, ctx: Context, user: discord.User, amount: int, *, reason: str = "") -> None:
        tickets.check_amount(amount)
        if user.bot or (ctx.guild is not None and ctx.guild.get_member(user.id) is None and ctx.bot.intents.members):
            raise UserError("give.not_a_member", member=user.display_name)
        await self._bonus(ctx, user.id, amount, reason, give=True)

    @subcommand(RaffleGroup.raffle)
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

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def draw(self, ctx: Context, *, prize: str = "") -> None:
        await self._draw(ctx, None, prize)

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def drawperiod(self, ctx: Context, number: int, *, prize: str = "") -> None:
        await self._draw(ctx, number, prize)

    async def _draw(self, ctx: Context, number: int | None, prize: str) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            plan = await draw.plan(conn, settings, number, ctx.members_present())
        label = ctx.reader("draw.confirm_button")
        answer = await ctx.confirm(pages.confirm_draw(ctx.reader, settings, plan, prize), label)
        if not answer.confirmed:
            return
        request = DrawRequest(
            actor=ctx.author.id, channel_id=ctx.channel.id, prize=prize, present=ctx.members_present()
        )
        try:
            if plan.ends_now:
                await services.schedule.look_before_end(settings.guild_id)
            async with services.db.transaction() as conn:
                await draw.start(
                    conn, services.clock, settings, services.chain, services.guilds, plan.period.id, request,
                    services.schedule.last_call,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            await answer.fail(_errors.explain(error, ctx.reader))
            return
        await answer.finish(Embed(description=ctx.reader("draw.started"), colour=GREEN))

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def reset(self, ctx: Context) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            period = await periods.active(conn, settings.guild_id)
            rule = await entrants.entering(conn, settings, period, ctx.members_present())
            stats = await entrants.stats(conn, period, rule)
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
        await services.schedule.look_before_end(settings.guild_id)
        async with services.db.transaction() as conn:
            period = await periods.active(conn, settings.guild_id, for_update=True)
            if period.id != period_id:
                raise UserError("reset.already")
            ended, opened = await periods.end_now(
                conn, services.clock, settings, period, services.schedule.last_call, status=ARCHIVED
            )
            reader = services.guilds.reader(settings.guild_id)
            last = await draw.last_draw(conn, settings.guild_id)
            message = announcements.new_period(reader, settings, ended, opened, last, waits=False)
            target = settings.announcement_channel_id or ctx.channel.id
            await outbox.post(conn, services.clock, settings.guild_id, target, message)

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def reroll(self, ctx: Context, *, reason: str = "") -> None:
        await self._reroll(ctx, 1, reason)

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def rerollplace(self, ctx: Context, place: int, *, reason: str = "") -> None:
        await self._reroll(ctx, place, reason)

    async def _reroll(self, ctx: Context, place: int, reason: str) -> None:
        settings, services = ctx.settings, ctx.services
        async with services.db.transaction() as conn:
            period = await draw.drawn_period(conn, settings, None)
            winners = await draws.current_winners(conn, period.draw_id)
        if not 1 <= place <= len(winners):
            raise UserError("draw.no_such_place", place=str(place))
        question = Embed(
            title=ctx.reader("reroll.confirm_title"),
            description=ctx.reader("reroll.confirm", member=mention(winners[place - 1]), number=str(period.number)),
        )
        answer = await ctx.confirm(question, ctx.reader("reroll.confirm_button"), danger=True)
        if not answer.confirmed:
            return

        async def reroll(look: Look) -> Replacement:
            async with services.db.transaction() as conn:
                _period, taken = await draw.reroll(
                    conn, services.clock, settings, services.guilds, number=period.number, actor=ctx.author.id,
                    channel_id=ctx.channel.id, reason=reason, look=look, position=place - 1,
                )  # fmt: skip
                return taken

        try:
            taken = await looked_up(services.members, settings.guild_id, reroll)
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            await answer.fail(_errors.explain(error, ctx.reader))
            return
        await answer.finish(Embed(description=ctx.reader("reroll.done", member=mention(taken.winner.id)), colour=GREEN))
