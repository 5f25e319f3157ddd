"""`raffle verify`, `raffle links`, `raffle wagers ...`: casino names and feeds, for admins."""

from __future__ import annotations

from cogs import _wager_pages as pages
from cogs._checks import act_cooldown, admin_only, look_cooldown
from cogs._commands import subcommand, subgroup
from cogs._context import Context
from cogs._raffle_group import RaffleGroup
from cogs.link_shuffle import Casino
from core.db import Connection
from core.errors import UserError
from core.messages import GREEN, Embed
from core.texts import Reader, escape, mention
from raffle_system import feed_store, shuffle_links
from raffle_system.shuffle_links import Decision
from raffle_system.wager_sources import feeds_of


class RaffleWagers(RaffleGroup):
    @subgroup(RaffleGroup.raffle, audience="secret")
    @admin_only()
    async def verify(self, ctx: Context) -> None:
        if ctx.invoked_subcommand is None:
            await self._links(ctx)

    @subcommand(verify, name="shuffle", audience="secret")
    @admin_only()
    @act_cooldown()
    async def verify_shuffle(self, ctx: Context, shuffle_user: str, kick_user: str) -> None:
        await self._verify(ctx, "shuffle", shuffle_user, kick_user)

    @subcommand(verify, name="casino", audience="secret")
    @admin_only()
    @act_cooldown()
    async def verify_casino(self, ctx: Context, casino: Casino, name: str, kick_user: str) -> None:
        await self._verify(ctx, casino, name, kick_user)

    async def _verify(self, ctx: Context, casino: str, name: str, kick_user: str) -> None:
        services = ctx.services

        async def work(conn: Connection) -> Embed:
            made = await shuffle_links.verify(
                conn, services.clock, services.guilds, ctx.settings, casino, name, kick_user, ctx.author.id
            )
            return _linked(ctx.reader, made)

        await ctx.act("wagers.verify", work)

    @subcommand(RaffleGroup.raffle, audience="secret")
    @admin_only()
    @look_cooldown()
    async def links(self, ctx: Context) -> None:
        await self._links(ctx)

    async def _links(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            found = await shuffle_links.overview(conn, ctx.settings)
        await ctx.say(pages.links(ctx.reader, found))

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
        async with ctx.services.db.reading() as conn:
            rows = await feed_store.all_of(conn, ctx.settings.guild_id)
        await ctx.say(pages.feeds(ctx.reader, feeds_of(ctx.settings), rows))

    @subcommand(wagers, name="accept")
    @admin_only()
    @act_cooldown()
    async def wagers_accept(self, ctx: Context) -> None:
        async def work(conn: Connection) -> Embed:
            if not await ctx.services.tracker.thaw(conn, ctx.settings.guild_id, ctx.author.id):
                raise UserError("wagers.not_frozen")
            return _done(ctx.reader("wagers.accepted"))

        await ctx.act("wagers.accept", work)

    @subcommand(wagers, name="count", audience="secret")
    @admin_only()
    @act_cooldown()
    async def wagers_count(self, ctx: Context, name: str, casino: Casino = "shuffle") -> None:
        await self._decide(ctx, name, casino, count=True)

    @subcommand(wagers, name="skip", audience="secret")
    @admin_only()
    @act_cooldown()
    async def wagers_skip(self, ctx: Context, name: str, casino: Casino = "shuffle") -> None:
        await self._decide(ctx, name, casino, count=False)

    async def _decide(self, ctx: Context, name: str, casino: str, *, count: bool) -> None:
        async def work(conn: Connection) -> Embed:
            paid = await shuffle_links.decide_waiting(
                conn, ctx.services.clock, ctx.settings, casino, name, ctx.author.id, count=count
            )
            tickets = ctx.reader.count("count.tickets", paid)
            key = "wagers.counted" if count else "wagers.skipped"
            return _done(ctx.reader(key, name=escape(name), tickets=tickets))

        await ctx.act("wagers.decide", work)

    @subcommand(wagers, name="rename", audience="secret")
    @admin_only()
    @act_cooldown()
    async def wagers_rename(self, ctx: Context, old: str, new: str, casino: Casino = "shuffle") -> None:
        async def work(conn: Connection) -> Embed:
            made = await shuffle_links.rename(
                conn, ctx.services.clock, ctx.settings, casino, old, new, ctx.author.id
            )  # fmt: skip
            return _linked(ctx.reader, made)

        await ctx.act("wagers.rename", work)

    @subcommand(wagers, name="unlink", audience="secret")
    @admin_only()
    @act_cooldown()
    async def wagers_unlink(self, ctx: Context, name: str, casino: Casino = "shuffle") -> None:
        async def work(conn: Connection) -> Embed:
            link = await shuffle_links.unlink(conn, ctx.services.clock, ctx.settings, casino, name, ctx.author.id)
            text = ctx.reader("shuffle.unlinked", name=escape(link.username), member=mention(link.discord_id))
            return _done(text)

        await ctx.act("wagers.unlink", work)


def _linked(reader: Reader, made: Decision) -> Embed:
    tickets = reader.count("count.tickets", made.tickets)
    member = mention(made.link.discord_id)
    return _done(reader("shuffle.verified", name=escape(made.link.username), member=member, tickets=tickets))


def _done(text: str) -> Embed:
    return Embed(description=text, colour=GREEN)
