"""`raffle stats`: success metrics with a chart, for admins."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace

import discord

from cogs import _month_pages
from cogs import _raffle_pages as pages
from cogs._checks import admin_only, look_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._messages import embed_of
from cogs._raffle_group import RaffleGroup
from core import outbox
from raffle_system import chart, entrants, periods, reports

CHART = "tickets.png"


class RaffleReports(RaffleGroup):
    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @look_cooldown()
    async def stats(self, ctx: Context) -> None:
        now = ctx.services.clock.now()
        async with ctx.services.db.reading() as conn:
            period = await periods.active(conn, ctx.settings.guild_id)
            rule = await entrants.entering(conn, ctx.settings, period, ctx.members_present())
            stats = await entrants.stats(conn, period, rule)
            top = await entrants.leaderboard(conn, period, 5, rule)
            success = await reports.success(conn, ctx.settings, period, stats, now)
        live = ctx.services.intake.live_of(ctx.settings.guild_id)
        page = pages.stats(
            ctx.reader, ctx.settings, period, stats, top, _month_pages.projection(ctx.reader, success), live
        )
        letters = pages.letters(ctx.reader, await outbox.waiting(ctx.services.db, ctx.services.clock, period.guild_id))
        page = replace(page, fields=(*page.fields, letters, *_month_pages.success(ctx.reader, success)))
        image = await asyncio.to_thread(chart.draw, *_month_pages.chart_of(ctx.reader, ctx.settings, success))
        shown = embed_of(page).set_image(url=f"attachment://{CHART}")
        await ctx.send(embed=shown, file=discord.File(io.BytesIO(image), filename=CHART))
