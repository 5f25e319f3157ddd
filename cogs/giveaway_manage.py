"""`giveaway edit, start, pause, resume, end, cancel, reroll`: for managers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord

from cogs._checks import act_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._giveaway_group import (
    DRAWN,
    EDITABLE,
    PAUSABLE,
    RESUMABLE,
    RUNNING,
    STARTABLE,
    GiveawayGroup,
    manager_only,
    meant,
    offers_giveaways,
)
from cogs._giveaway_wish import Wish
from cogs._giveaway_wizard import Wizard
from cogs._words import GiveawayName
from core.db import Connection
from core.errors import UserError
from core.messages import GREEN, RED, Embed
from core.reserves import Look
from core.texts import escape, mention
from giveaway import giveaway_system as system
from giveaway.models import Giveaway
from giveaway.winners import places


class GiveawayManage(GiveawayGroup):
    @offers_giveaways(EDITABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def edit(
        self, ctx: Context, giveaway: GiveawayName = "", prize: str = "", end: str = "", winners: str = "",
        description: str = "",
    ) -> None:  # fmt: skip
        """With something to change given the preview comes at once, else too: from there everything can be changed."""
        if not isinstance(ctx.author, discord.Member):
            raise UserError("error.guild_only")
        found = await self._meant(ctx, giveaway, EDITABLE)
        if found.status not in EDITABLE:
            raise UserError("giveaway.not_active")
        wish = Wish.of_giveaway(found)
        wish.prize, wish.duration = prize or wish.prize, end or wish.duration
        wish.winners, wish.description = winners or wish.winners, description or wish.description
        await Wizard(ctx.services, ctx.author, ctx.reader, wish).open(ctx, preview=True)

    async def _meant(self, ctx: Context, typed: str, statuses: tuple[str, ...]) -> Giveaway:
        async with ctx.services.db.reading() as conn:
            return await meant(conn, ctx.settings.guild_id, ctx.channel.id, typed, statuses)

    async def _act(
        self, ctx: Context, found: Giveaway, act: Callable[[Connection], Awaitable[object]], key: str
    ) -> None:  # fmt: skip
        """One act, a look at what is due now, and the answer."""

        async def work(conn: Connection) -> Embed:
            await act(conn)
            text = ctx.reader(key, number=str(found.giveaway_id), prize=escape(found.prize))
            return Embed(description=text, colour=GREEN)

        await ctx.act(key, work, then=ctx.services.checker.wake)

    @offers_giveaways(STARTABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def start(self, ctx: Context, *, giveaway: str) -> None:
        found = await self._meant(ctx, giveaway, STARTABLE)
        guild, tools = ctx.settings, ctx.services.tools
        await self._act(
            ctx, found, lambda conn: system.start(conn, tools, guild, found, ctx.author.id), "giveaway.started_now"
        )

    @offers_giveaways(PAUSABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def pause(self, ctx: Context, giveaway: GiveawayName = "", *, reason: str = "") -> None:
        found, tools, who = await self._meant(ctx, giveaway, PAUSABLE), ctx.services.tools, ctx.author.id
        await self._act(ctx, found, lambda conn: system.pause(conn, tools, found, who, reason), "giveaway.paused_now")

    @offers_giveaways(RESUMABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def resume(self, ctx: Context, giveaway: GiveawayName = "", *, reason: str = "") -> None:
        found, tools, who = await self._meant(ctx, giveaway, RESUMABLE), ctx.services.tools, ctx.author.id
        await self._act(ctx, found, lambda conn: system.resume(conn, tools, found, who, reason), "giveaway.resumed")

    @offers_giveaways(RUNNING)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def end(self, ctx: Context, giveaway: GiveawayName = "", *, reason: str = "") -> None:
        found, tools, who = await self._meant(ctx, giveaway, RUNNING), ctx.services.tools, ctx.author.id

        async def act(conn: Connection) -> None:
            if not await system.end_giveaway(conn, tools, found, who, reason):
                raise UserError("giveaway.closed_already")

        await self._act(ctx, found, act, "giveaway.ending_now")

    @offers_giveaways(EDITABLE)
    @subcommand(GiveawayGroup.giveaway, audience="public")
    @manager_only()
    @act_cooldown()
    async def cancel(
        self, ctx: Context, giveaway: GiveawayName = "", series: bool = False, *, reason: str = ""
    ) -> None:
        found = await self._meant(ctx, giveaway, EDITABLE)
        question = Embed(
            title=ctx.reader("giveaway.cancel_title"), colour=RED,
            description=ctx.reader("giveaway.cancel_question", prize=escape(found.prize)),
        )  # fmt: skip

        async def work(conn: Connection) -> Embed:
            await system.cancel(conn, ctx.services.tools, found, ctx.author.id, reason, series=series)
            text = ctx.reader("giveaway.cancelled_now", number=str(found.giveaway_id))
            return Embed(description=text, colour=GREEN)

        await ctx.confirm(question, ctx.reader("giveaway.cancel_button"), "giveaway.cancel", work, danger=True)

    @offers_giveaways(DRAWN)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def reroll(
        self, ctx: Context, giveaway: GiveawayName = "", winner: discord.User | None = None, count: int | None = None,
        disqualify: bool = False, *, reason: str = "",
    ) -> None:  # fmt: skip
        async with ctx.services.db.reading() as conn:
            found = await meant(conn, ctx.settings.guild_id, ctx.channel.id, giveaway, DRAWN)
            seen = await places(conn, found.giveaway_id)
        look = Look(own_id=ctx.services.members.own_id)

        async def work(conn: Connection) -> Embed:
            changes = await system.reroll_giveaway(
                conn, ctx.services.tools, found, ctx.author.id, look, reason, winner=winner.id if winner else None,
                count=count, kind="disqualified" if disqualify else "reroll", seen=[one.user_id for one in seen],
            )  # fmt: skip
            members = ctx.reader("giveaway.list_separator").join(mention(change.new.user_id) for change in changes)
            return Embed(description=ctx.reader("giveaway.rerolled", members=members), colour=GREEN)

        await ctx.act("giveaway.reroll", work, then=ctx.services.checker.wake)
