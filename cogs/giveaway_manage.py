"""`giveaway edit, start, pause, resume, end, cancel, reroll`: for managers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord

from cogs import _errors
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
from cogs._services import Services
from core.db import Connection
from core.errors import UserError
from core.messages import GREEN, RED, Embed
from core.reserves import Look, looked_up
from core.texts import escape, mention
from giveaway import giveaway_system as system
from giveaway.announcements import Change
from giveaway.models import Giveaway


async def reroll_by(
    services: Services, giveaway: Giveaway, actor: int, reason: str, *, winner: int | None = None,
    count: int | None = None, kind: str = "reroll",
) -> list[Change]:  # fmt: skip
    """`system.reroll_giveaway` in a transaction of its own; the reserves are looked up before."""

    async def act(look: Look) -> list[Change]:
        async with services.db.transaction() as conn:
            return await system.reroll_giveaway(
                conn, services.tools, giveaway, actor, look, reason, winner=winner, count=count, kind=kind
            )

    return await looked_up(services.members, giveaway.guild_id, act)


class GiveawayManage(GiveawayGroup):
    @offers_giveaways(EDITABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def edit(
        self, ctx: Context, giveaway: str = "", prize: str = "", end: str = "", winners: str = "",
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
        async with ctx.services.db.transaction() as conn:
            return await meant(conn, ctx.settings.guild_id, ctx.channel.id, typed, statuses)

    async def _act(
        self, ctx: Context, found: Giveaway, act: Callable[[Connection], Awaitable[object]], key: str
    ) -> None:  # fmt: skip
        """One transaction, a look at what is due now, and the answer."""
        async with ctx.services.db.transaction() as conn:
            await act(conn)
        ctx.services.checker.wake()
        text = ctx.reader(key, number=str(found.giveaway_id), prize=escape(found.prize))
        await ctx.say(Embed(description=text, colour=GREEN), private=True)

    @offers_giveaways(STARTABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def start(self, ctx: Context, *, giveaway: str) -> None:
        found = await self._meant(ctx, giveaway, STARTABLE)
        guild, tools = ctx.settings, ctx.services.tools
        await self._act(ctx, found, lambda conn: system.start(conn, tools, guild, found), "giveaway.started_now")

    @offers_giveaways(PAUSABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def pause(self, ctx: Context, giveaway: str = "", *, reason: str = "") -> None:
        found, tools, who = await self._meant(ctx, giveaway, PAUSABLE), ctx.services.tools, ctx.author.id
        await self._act(ctx, found, lambda conn: system.pause(conn, tools, found, who, reason), "giveaway.paused_now")

    @offers_giveaways(RESUMABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def resume(self, ctx: Context, giveaway: str = "", *, reason: str = "") -> None:
        found, tools, who = await self._meant(ctx, giveaway, RESUMABLE), ctx.services.tools, ctx.author.id
        await self._act(ctx, found, lambda conn: system.resume(conn, tools, found, who, reason), "giveaway.resumed")

    @offers_giveaways(RUNNING)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def end(self, ctx: Context, giveaway: str = "", *, reason: str = "") -> None:
        found, tools, who = await self._meant(ctx, giveaway, RUNNING), ctx.services.tools, ctx.author.id

        async def act(conn: Connection) -> None:
            if not await system.end_giveaway(conn, tools, found, who, reason):
                raise UserError("giveaway.closed_already")

        await self._act(ctx, found, act, "giveaway.ending_now")

    @offers_giveaways(EDITABLE)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def cancel(self, ctx: Context, giveaway: str = "", series: bool = False, *, reason: str = "") -> None:
        found = await self._meant(ctx, giveaway, EDITABLE)
        question = Embed(
            title=ctx.reader("giveaway.cancel_title"), colour=RED,
            description=ctx.reader("giveaway.cancel_question", prize=escape(found.prize)),
        )  # fmt: skip
        answer = await ctx.confirm(question, ctx.reader("giveaway.cancel_button"), danger=True)
        if not answer.confirmed:
            return
        try:
            async with ctx.services.db.transaction() as conn:
                await system.cancel(conn, ctx.services.tools, found, ctx.author.id, reason, series=series)
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            await answer.fail(_errors.explain(error, ctx.reader))
            return
        text = ctx.reader("giveaway.cancelled_now", number=str(found.giveaway_id))
        await answer.finish(Embed(description=text, colour=GREEN))

    @offers_giveaways(DRAWN)
    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def reroll(
        self, ctx: Context, giveaway: str = "", winner: discord.User | None = None, count: int | None = None,
        disqualify: bool = False, *, reason: str = "",
    ) -> None:  # fmt: skip
        found = await self._meant(ctx, giveaway, DRAWN)
        changes = await reroll_by(
            ctx.services, found, ctx.author.id, reason, winner=winner.id if winner else None, count=count,
            kind="disqualified" if disqualify else "reroll",
        )  # fmt: skip
        ctx.services.checker.wake()
        members = ctx.reader("giveaway.list_separator").join(mention(change.new.user_id) for change in changes)
        await ctx.say(Embed(description=ctx.reader("giveaway.rerolled", members=members), colour=GREEN), private=True)
