"""`raffle verify`, `raffle links`, `raffle wagers ...`: casino names and feeds, for admins."""

from __future__ import annotations

from cogs import _wager_pages as pages
from cogs._checks import act_cooldown, admin_only, look_cooldown
from cogs._commands import subcommand, subgroup
from cogs._context import Context
from cogs._raffle_group import RaffleGroup
from cogs.link_shuffle import Casino
from core.errors import UserError
from core.messages import GREEN, Embed
from core.texts import escape, mention
from raffle_system import feed_store, shuffle_links
from raffle_system.shuffle_links import Decision
from raffle_system.wager_sources import feeds_of


class RaffleWagers(RaffleGroup):
    @subgroup(RaffleGroup.raffle)
    @admin_only()
    async def verify(self, ctx: Context) -> None:
        if ctx.invoked_subcommand is None:
            await self._links(ctx)

    @subcommand(verify, name="shuffle")
    @admin_only()
    @act_cooldown()
    async def verify_shuffle(self, ctx: Context, shuffle_user: str, kick_user: str) -> None:
        await self._verify(ctx, "shuffle", shuffle_user, kick_user)

    @subcommand(verify, name="casino")
    @admin_only()
    @act_cooldown()
    async def verify_casino(self, ctx: Context, casino: Casino, name: str, kick_user: str) -> None:
        await self._verify(ctx, casino, name, kick_user)

    async def _verify(self, ctx: Context, casino: str, name: str, kick_user: str) -> None:
        services = ctx.services
        async with services.db.transaction() as conn:
            made = await shuffle_links.verify(
                conn, services.clock, services.guilds, ctx.settings, casino, name, kick_user, ctx.author.id
            )
        await self._say_linked(ctx, made)

    async def _say_linked(self, ctx: Context, made: Decision) -> None:
        text = ctx.reader(
            "shuffle.verified", name=escape(made.link.username), member=mention(made.link.discord_id),
            tickets=ctx.reader.count("count.tickets", made.tickets),
        )  # fmt: skip
        await ctx.say(Embed(description=text, colour=GREEN), private=True)

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @look_cooldown()
    async def links(self, ctx: Context) -> None:
        await self._links(ctx)

    async def _links(self, ctx: Context) -> None:
        async with ctx.services.db.transaction() as conn:
            found = await shuffle_links.overview(conn, ctx.settings)
        await ctx.say(pages.links(ctx.reader, found), private=True)

    @subgroup(RaffleGroup.raffle)
    @admin_only()
    async def wagers(self, ctx: Context) -> None:
        if ctx.invoked_subcommand is None:
            await self._feeds(ctx)

    @subcommand(wagers, name="status")
    @admin_only()
    @look_cooldown()
    async def wagers_status(self, ctx: Context) -> None:
        await self._feeds(ctx)

    async def _feeds(self, ctx: Context) -> None:
        async with ctx.services.db.transaction() as conn:
            rows = await feed_store.all_of(conn, ctx.settings.guild_id)
        await ctx.say(pages.feeds(ctx.reader, feeds_of(ctx.settings), rows), private=True)

    @subcommand(wagers, name="accept")
    @admin_only()
    @act_cooldown()
    async def wagers_accept(self, ctx: Context) -> None:
        if not await ctx.services.tracker.thaw(ctx.settings.guild_id, ctx.author.id):
            raise UserError("wagers.not_frozen")
        await self._done(ctx, ctx.reader("wagers.accepted"))

    @subcommand(wagers, name="count")
    @admin_only()
    @act_cooldown()
    async def wagers_count(self, ctx: Context, name: str, casino: Casino = "shuffle") -> None:
        await self._decide(ctx, name, casino, count=True)

    @subcommand(wagers, name="skip")
    @admin_only()
    @act_cooldown()
    async def wagers_skip(self, ctx: Context, name: str, casino: Casino = "shuffle") -> None:
        await self._decide(ctx, name, casino, count=False)

    async def _decide(self, ctx: Context, name: str, casino: str, *, count: bool) -> None:
        async with ctx.services.db.transaction() as conn:
            paid = await shuffle_links.decide_waiting(
                conn, ctx.services.clock, ctx.settings, casino, name, ctx.author.id, count=count
            )
        tickets = ctx.reader.count("count.tickets", paid)
        await self._done(
            ctx, ctx.reader("wagers.counted" if count else "wagers.skipped", name=escape(name), tickets=tickets)
        )

    @subcommand(wagers, name="rename")
    @admin_only()
    @act_cooldown()
    async def wagers_rename(self, ctx: Context, old: str, new: str, casino: Casino = "shuffle") -> None:
        async with ctx.services.db.transaction() as conn:
            made = await shuffle_links.rename(conn, ctx.services.clock, ctx.settings, casino, old, new, ctx.author.id)
        await self._say_linked(ctx, made)

    @subcommand(wagers, name="unlink")
    @admin_only()
    @act_cooldown()
    async def wagers_unlink(self, ctx: Context, name: str, casino: Casino = "shuffle") -> None:
        async with ctx.services.db.transaction() as conn:
            link = await shuffle_links.unlink(conn, ctx.services.clock, ctx.settings, casino, name, ctx.author.id)
        member = mention(link.discord_id)
        await self._done(ctx, ctx.reader("shuffle.unlinked", name=escape(link.username), member=member))

    async def _done(self, ctx: Context, text: str) -> None:
        await ctx.say(Embed(description=text, colour=GREEN), private=True)
