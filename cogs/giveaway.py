"""`giveaway create, list, info, entries, export`, and the cog that all the giveaways' commands are in."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from cogs import giveaway_menus as menus
from cogs._checks import act_cooldown, look_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._giveaway_group import ANY, DRAWN, GiveawayGroup, author, is_manager, manager_only, meant, offers_giveaways
from cogs._giveaway_wish import Wish, require_channel
from cogs._giveaway_wizard import Wizard
from cogs._messages import embed_of
from cogs._panels import Pager, Press
from cogs._words import GiveawayName
from cogs.client import DrumrollBot
from cogs.giveaway_entry import GiveawayButton, entries_page, require_to_see
from cogs.giveaway_insight import GiveawayInsight
from cogs.giveaway_manage import GiveawayManage
from cogs.giveaway_setup import GiveawaySetup
from cogs.giveaway_templates import GiveawayTemplates
from core.durations import plain
from core.errors import UserError
from core.messages import Embed
from giveaway import presets, queries, replies, settings, templates
from giveaway.models import Entities

LARGEST_FILE = 8 * 1024 * 1024


def role_names(guild: discord.Guild) -> dict[str, int]:
    """Every role's id by its name as `plain` makes it."""
    return {plain(role.name): role.id for role in guild.roles}


class GiveawayCog(
    GiveawayManage, GiveawayInsight, GiveawaySetup, GiveawayTemplates, GiveawayGroup, commands.Cog, name="Giveaway"
):
    def __init__(self, bot: DrumrollBot) -> None:
        self.bot = bot
        self._menus = [
            app_commands.ContextMenu(name="End giveaway", callback=menus.end_menu),
            app_commands.ContextMenu(name="Reroll giveaway", callback=menus.reroll_menu),
            app_commands.ContextMenu(name="Entrants", callback=menus.entrants_menu),
        ]
        for menu in self._menus:
            bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        for menu in self._menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)

    @subcommand(GiveawayGroup.giveaway)
    @manager_only()
    @act_cooldown()
    async def create(
        self, ctx: Context, channel: discord.TextChannel, prize: str = "", duration: str = "", winners: str = "",
        description: str = "", mode: Literal["cumulative", "highest"] | None = None, roles: str = "", start: str = "",
    ) -> None:  # fmt: skip
        member = author(ctx)
        require_channel(member.guild, channel.id)
        wish = await self._first_wish(ctx, channel.id)
        typed = {"prize": prize, "duration": duration, "winners": winners, "description": description, "start": start}
        for name, value in typed.items():
            if value:
                setattr(wish, name, value)
        if mode is not None or roles:
            wish.entities = await self._typed_entities(ctx, wish, mode, roles)
        wizard = Wizard(ctx.services, member, ctx.reader, wish)
        await wizard.open(ctx, preview=bool(prize and duration))

    async def _first_wish(self, ctx: Context, channel_id: int) -> Wish:
        """The server's default template, else its defaults."""
        async with ctx.services.db.reading() as conn:
            known = await settings.load(conn, ctx.settings.guild_id)
            if known.default_template_id is not None:
                found = await templates.find(conn, ctx.settings.guild_id, known.default_template_id)
                return Wish.of_draft(found.draft, channel_id, ctx.author.id, found.template_id)
        return Wish.of_settings(known, channel_id, ctx.author.id)

    async def _typed_entities(self, ctx: Context, wish: Wish, mode: str | None, roles: str) -> Entities:
        guild = author(ctx).guild
        async with ctx.services.db.reading() as conn:
            tiers = await presets.tiers(conn, guild.id)
        found = presets.parse_roles(roles, role_names(guild), tiers) if roles else wish.entities.roles
        if not found:
            raise UserError("giveaway.no_entity_roles")
        return replace(wish.entities, enabled=True, mode=mode or wish.entities.mode, roles=found)

    @subcommand(GiveawayGroup.giveaway)
    @look_cooldown()
    async def list(
        self, ctx: Context, which: Literal["active", "ended", "scheduled", "mine", "all"] = "active"
    ) -> None:  # fmt: skip
        guild_id, user = ctx.settings.guild_id, ctx.author.id

        async def page(number: int) -> tuple[Embed, int, int]:
            number = max(number, 0)
            async with ctx.services.db.reading() as conn:
                found, more = await queries.listing(conn, guild_id, which, user, number)
            return replies.listing(ctx.reader, found), number, number + 1 + more

        await send_pages(ctx, Pager(user, ctx.reader, page))

    @offers_giveaways(ANY)
    @subcommand(GiveawayGroup.giveaway, audience="public")
    @look_cooldown()
    async def info(self, ctx: Context, *, giveaway: str = "") -> None:
        async with ctx.services.db.reading() as conn:
            found = await meant(conn, ctx.settings.guild_id, ctx.channel.id, giveaway)
            shown = await queries.info(conn, ctx.services.tools, found)
        await ctx.say(replies.info(ctx.reader, shown))

    @offers_giveaways(ANY)
    @subcommand(GiveawayGroup.giveaway)
    @look_cooldown()
    async def entries(self, ctx: Context, giveaway: GiveawayName = "", csv: bool = False) -> None:
        services, reader = ctx.services, ctx.reader
        async with services.db.reading() as conn:
            found = await meant(conn, ctx.settings.guild_id, ctx.channel.id, giveaway)
            manages = await is_manager(services, conn, ctx.author, found.guild_id)
            if csv and not manages:
                raise UserError("giveaway.manager_only")
            if not found.options.show_participants and not manages:
                raise UserError("giveaway.entrants_hidden")
            table = await queries.entries_csv(conn, found) if csv else None
        if table is not None:
            await send_file(ctx, table, f"giveaway-{found.giveaway_id}-entries.csv")
            return

        async def page(number: int) -> tuple[Embed, int, int]:
            return await entries_page(services, reader, found, ctx.author.id, number)

        async def may(press: Press) -> None:
            await require_to_see(services, press.user, found)

        await send_pages(ctx, Pager(ctx.author.id, reader, page, may))

    @offers_giveaways(DRAWN)
    @subcommand(GiveawayGroup.giveaway, audience="public")
    @look_cooldown()
    async def export(self, ctx: Context, *, giveaway: str = "") -> None:
        """The record that `bot.py verify` checks; it is public, like the draw."""
        async with ctx.services.db.reading() as conn:
            found = await meant(conn, ctx.settings.guild_id, ctx.channel.id, giveaway, DRAWN)
            record = await queries.record(conn, found)
        await send_file(ctx, record, f"giveaway-{found.giveaway_id}.json")


async def send_pages(ctx: Context, pager: Pager) -> None:
    page = await pager.first()
    if pager.children:
        await ctx.send(embed=embed_of(page), view=pager)
        pager.shown = ctx.interaction
    else:
        await ctx.say(page)


async def send_file(ctx: Context, content: bytes, name: str) -> None:
    """Errors: `giveaway.file_too_large`."""
    if len(content) > LARGEST_FILE:
        raise UserError("giveaway.file_too_large")
    await ctx.send(file=discord.File(io.BytesIO(content), filename=name))


async def setup(bot: DrumrollBot) -> None:
    bot.add_dynamic_items(GiveawayButton)
    await bot.add_cog(GiveawayCog(bot))
