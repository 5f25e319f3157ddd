"""`giveaway template create, save, list, use, favourite, default, delete`."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from cogs._checks import act_cooldown, look_cooldown
from cogs._commands import Command, subcommand
from cogs._context import Context
from cogs._giveaway_group import ANY, GiveawayGroup, manager_only, meant, offers_giveaways
from cogs._giveaway_wish import Wish, require_channel, span_text
from cogs._giveaway_wizard import Wizard
from cogs._services import Services
from core.db import Connection
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed
from core.texts import escape
from giveaway import presets, settings, templates
from giveaway.templates import Template


async def named(conn: Connection, guild_id: int, typed: str) -> Template:
    """By its name, or by the number that the autocomplete fills in. Errors: `giveaway.no_such_template`."""
    tidy = " ".join(typed.split()).casefold()
    for one in await templates.listing(conn, guild_id):
        if tidy in (one.name.casefold(), f"#{one.template_id}"):
            return one
    raise UserError("giveaway.no_such_template")


def offers_templates(command: Command) -> Command:
    async def offer(interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        services: Services = interaction.client.services
        async with services.db.reading() as conn:
            known = await templates.listing(conn, interaction.guild_id or 0)
        found = [one for one in known if current.casefold() in one.name.casefold()]
        return [
            app_commands.Choice(name=f"{'⭐ ' if one.favourite else ''}{one.name}", value=one.name)
            for one in found[:25]
        ]  # fmt: skip

    command.autocomplete("template")(offer)
    return command


class GiveawayTemplates(GiveawayGroup):
    @subcommand(GiveawayGroup.template, name="create")
    @manager_only()
    @act_cooldown()
    async def template_create(self, ctx: Context, *, name: str) -> None:
        """From scratch: the same pages as for a giveaway, saved instead of started."""
        await self._wizard(ctx, await self._default_wish(ctx), presets.checked_name(name), preview=False)

    async def _default_wish(self, ctx: Context) -> Wish:
        async with ctx.services.db.reading() as conn:
            return Wish.of_settings(await settings.load(conn, ctx.settings.guild_id), 0, ctx.author.id)

    async def _wizard(self, ctx: Context, wish: Wish, name: str | None, *, preview: bool) -> None:
        if not isinstance(ctx.author, discord.Member):
            raise UserError("error.guild_only")
        await Wizard(ctx.services, ctx.author, ctx.reader, wish, name).open(ctx, preview=preview)

    @offers_giveaways(ANY)
    @subcommand(GiveawayGroup.template, name="save")
    @manager_only()
    @act_cooldown()
    async def template_save(self, ctx: Context, name: str, giveaway: str = "") -> None:
        async def work(conn: Connection) -> Embed:
            found = await meant(conn, ctx.settings.guild_id, ctx.channel.id, giveaway)
            draft = templates.draft_of(found)
            await templates.save(conn, ctx.services.clock, found.guild_id, name, draft, ctx.author.id)
            return self._say(ctx, "giveaway.template_saved", name)

        await ctx.act("giveaway.template_save", work)

    def _say(self, ctx: Context, key: str, name: str = "") -> Embed:
        return Embed(description=ctx.reader(key, name=escape(name)), colour=GREEN)

    @subcommand(GiveawayGroup.template, name="list")
    @manager_only()
    @look_cooldown()
    async def template_list(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            found = await templates.listing(conn, ctx.settings.guild_id)
            default = (await settings.load(conn, ctx.settings.guild_id)).default_template_id
        lines = [self._line(ctx, one, default) for one in found] or [ctx.reader("giveaway.list_empty")]
        await ctx.say(
            Embed(title=ctx.reader("giveaway.template_title"), description="\n".join(lines), colour=BLUE)
        )  # fmt: skip

    def _line(self, ctx: Context, one: Template, default: int | None) -> str:
        marks = ("⭐ " if one.favourite else "") + ("📌 " if one.template_id == default else "")
        return marks + ctx.reader(
            "giveaway.template_line", name=escape(one.name), prize=escape(one.draft.prize),
            span=span_text(one.draft.duration), used=one.used_count,
        )  # fmt: skip

    @offers_templates
    @subcommand(GiveawayGroup.template, name="use")
    @manager_only()
    @act_cooldown()
    async def template_use(self, ctx: Context, template: str, channel: discord.TextChannel) -> None:
        guild_id = ctx.settings.guild_id
        require_channel(channel.guild, channel.id)
        async with ctx.services.db.reading() as conn:
            found = await named(conn, guild_id, template)
        wish = Wish.of_draft(found.draft, channel.id, ctx.author.id, found.template_id)
        await self._wizard(ctx, wish, None, preview=True)

    @offers_templates
    @subcommand(GiveawayGroup.template, name="favourite")
    @manager_only()
    @act_cooldown()
    async def template_favourite(self, ctx: Context, template: str, favourite: bool = True) -> None:
        async def work(conn: Connection) -> Embed:
            found = await named(conn, ctx.settings.guild_id, template)
            await templates.set_favourite(
                conn, ctx.services.clock, ctx.settings.guild_id, found.template_id, favourite, ctx.author.id
            )  # fmt: skip
            return self._say(
                ctx, "giveaway.template_favourite" if favourite else "giveaway.template_no_favourite", found.name
            )

        await ctx.act("giveaway.template_favourite", work)

    @offers_templates
    @subcommand(GiveawayGroup.template, name="default")
    @manager_only()
    @act_cooldown()
    async def template_default(self, ctx: Context, *, template: str = "") -> None:
        """Without a name: none."""

        async def work(conn: Connection) -> Embed:
            found = await named(conn, ctx.settings.guild_id, template) if template.strip() else None
            await templates.set_default(
                conn, ctx.services.clock, ctx.settings.guild_id, found.template_id if found else None, ctx.author.id
            )
            return self._say(
                ctx,
                "giveaway.template_default" if found else "giveaway.template_no_default",
                found.name if found else "",
            )

        await ctx.act("giveaway.template_default", work)

    @offers_templates
    @subcommand(GiveawayGroup.template, name="delete")
    @manager_only()
    @act_cooldown()
    async def template_delete(self, ctx: Context, *, template: str) -> None:
        async def work(conn: Connection) -> Embed:
            found = await named(conn, ctx.settings.guild_id, template)
            await templates.remove(
                conn, ctx.services.clock, ctx.settings.guild_id, found.template_id, ctx.author.id
            )  # fmt: skip
            return self._say(ctx, "giveaway.template_deleted", found.name)

        await ctx.act("giveaway.template_delete", work)
