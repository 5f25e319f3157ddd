"""`raffle schedule, end, export, prizes, odds`, and the button with which a winner claims."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
from typing import Any
from zoneinfo import ZoneInfo

import discord

from cogs import _answers, _errors
from cogs import _month_pages as pages
from cogs._acting import perform
from cogs._checks import act_cooldown, admin_only, is_admin, look_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._raffle_group import RaffleGroup
from core.db import Connection
from core.durations import parse_end
from core.errors import UserError
from core.messages import GREEN, Embed
from core.texts import escape, moment
from raffle_system import claims, entrants, month_ends, periods, prizes

LARGEST_FILE = 8 * 1024 * 1024


class RaffleMonths(RaffleGroup):
    @subcommand(RaffleGroup.raffle, audience="public")
    @look_cooldown()
    async def schedule(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            found = await month_ends.calendar(conn, ctx.services.clock, ctx.settings, ctx.members_present())
        await ctx.say(pages.schedule(ctx.reader, ctx.settings, found))

    @subcommand(RaffleGroup.raffle, audience="public")
    @admin_only()
    @act_cooldown()
    async def end(self, ctx: Context, *, when: str) -> None:
        settings, services = ctx.settings, ctx.services
        end = parse_end(when, ZoneInfo(settings.timezone), services.clock.now())
        async with services.db.reading() as conn:
            period = await periods.active(conn, settings.guild_id)
        shown = f"{moment(end)} ({moment(end, 'R')})"

        async def work(conn: Connection) -> Embed:
            await month_ends.change_end(conn, services.clock, services.guilds, settings, period, end, ctx.author.id)
            return Embed(description=ctx.reader("end.done", when=shown), colour=GREEN)

        question = pages.confirm_end(ctx.reader, settings, period, shown)
        await ctx.confirm(question, ctx.reader("end.confirm_button"), "raffle.end", work)

    @subcommand(RaffleGroup.raffle, audience="secret")
    @admin_only()
    @act_cooldown()
    async def export(self, ctx: Context, number: int | None = None) -> None:
        async with ctx.services.db.reading() as conn:
            if number is None:
                period = await periods.active(conn, ctx.settings.guild_id)
            else:
                period = await periods.by_number(conn, ctx.settings.guild_id, number)
            file = await month_ends.export(conn, period)
        name = f"raffle-{period.number}-ledger.csv"
        if len(file) > LARGEST_FILE:
            file, name = await asyncio.to_thread(gzip.compress, file), f"{name}.gz"
        if len(file) > LARGEST_FILE:
            raise UserError("export.too_large")
        text = ctx.reader("export.done", number=str(period.number))
        await ctx.send(text, file=discord.File(io.BytesIO(file), filename=name))

    @subcommand(RaffleGroup.raffle, audience="public")
    @act_cooldown()
    async def prizes(self, ctx: Context, *, items: str = "") -> None:
        if items:
            await self._set_prizes(ctx, items)
            return
        async with ctx.services.db.reading() as conn:
            page = await self._prizes_page(conn, ctx)
        await ctx.say(page)

    async def _prizes_page(self, conn: Connection, ctx: Context) -> Embed:
        period = await periods.active(conn, ctx.settings.guild_id)
        return pages.prizes(ctx.reader, ctx.settings, period, await prizes.of(conn, period))

    async def _set_prizes(self, ctx: Context, written: str) -> None:
        if not is_admin(ctx.author, ctx.settings):
            raise UserError("error.admin_only")
        wanted = prizes.split(written)

        async def work(conn: Connection) -> Embed:
            await prizes.set_(conn, ctx.services.clock, ctx.settings, None, wanted, ctx.author.id)
            return await self._prizes_page(conn, ctx)

        await ctx.act("raffle.prizes", work)

    @subcommand(RaffleGroup.raffle, audience="public")
    @look_cooldown()
    async def odds(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            rule = await entrants.entering(conn, ctx.settings, period, ctx.members_present())
            bands = await entrants.odds(conn, period, rule)
            chances = await entrants.chances(conn, period, rule)
            own = await entrants.balance_of(conn, period, ctx.author.id, rule)
        await ctx.say(pages.odds(ctx.reader, ctx.settings, period, bands, chances, own, rule.minimum))


class ClaimButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]], template=re.compile(r"raffle-claim:(?P<period>[0-9]{1,18})")
):
    """Claim under an announcement or in a direct message: works for every message that was ever posted."""

    def __init__(self, period_id: int) -> None:
        super().__init__(discord.ui.Button(label="Claim", custom_id=f"raffle-claim:{period_id}"))
        self.period_id = period_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> ClaimButton:
        _answers.take(interaction)
        return cls(int(match["period"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        services = interaction.client.services  # type: ignore[attr-defined]
        reader = services.guilds.reader(interaction.guild_id, interaction.user.id)
        who = interaction.user.id

        async def work(conn: Connection) -> Embed:
            row = await claims.claim(conn, services.clock, services.guilds, self.period_id, who)
            return Embed(description=reader("claim.thanks", prize=escape(row["prize"]) or "-"), colour=GREEN)

        try:
            await services.attendance.there(pressed=True)
            page = await perform(services, interaction.id, interaction.guild_id, who, "raffle.claim", work)
        except Exception as error:  # noqa: BLE001 - rendered to the person who pressed
            await _errors.answer_interaction(interaction, _errors.explain(error, reader))
            return
        await _answers.privately(interaction, page)
