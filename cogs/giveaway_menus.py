"""Message context menus: End, Reroll and Entrants on a giveaway's own message."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from cogs import _answers
from cogs._acting import perform
from cogs._giveaway_forms import NameForm
from cogs._giveaway_group import reader_of, require_manager
from cogs._panels import Panel, Press, show
from cogs._services import Services
from cogs.giveaway_entry import require_to_see, show_entries
from core.db import Connection
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed
from core.reserves import Look
from core.texts import escape, mention, one_line
from giveaway import giveaway_system as system
from giveaway import queries, winners
from giveaway.models import Giveaway

__all__ = ["end_menu", "entrants_menu", "reroll_menu"]


def _services(interaction: discord.Interaction[Any]) -> Services:
    services: Services = interaction.client.services
    return services


async def _manages(services: Services, interaction: Press, message: discord.Message) -> Giveaway:
    """Errors: `giveaway.manager_only`, `giveaway.not_a_giveaway`."""
    async with services.db.reading() as conn:
        await require_manager(services, conn, interaction.user, interaction.guild_id or 0)
        return await queries.of_message(conn, interaction.guild_id or 0, message.id)


@app_commands.guild_only()
async def end_menu(interaction: discord.Interaction, message: discord.Message) -> None:
    services = _services(interaction)
    reader = reader_of(services, interaction)
    giveaway = await _manages(services, interaction, message)
    panel = Panel(interaction.user.id, reader)

    async def end(press: Press) -> None:
        async def work(conn: Connection) -> Embed:
            await require_manager(services, conn, press.user, giveaway.guild_id)
            done = await system.end_giveaway(conn, services.tools, giveaway, press.user.id)
            key = "giveaway.ending_now" if done else "giveaway.closed_already"
            return Embed(description=reader(key, number=str(giveaway.giveaway_id)), colour=GREEN)

        page = await perform(services, press.id, giveaway.guild_id, press.user.id, "giveaway.end", work)
        services.checker.wake()
        await show(press, page, None)

    panel.button("giveaway.end_button", end, style=discord.ButtonStyle.danger)
    page = Embed(description=reader("giveaway.end_question", prize=escape(giveaway.prize)), colour=BLUE)
    await _answers.privately(interaction, page, view=panel)
    panel.shown = interaction


@app_commands.guild_only()
async def reroll_menu(interaction: discord.Interaction, message: discord.Message) -> None:
    """Choose which winner loses the prize, then say why."""
    services = _services(interaction)
    reader = reader_of(services, interaction)
    giveaway = await _manages(services, interaction, message)
    async with services.db.reading() as conn:
        standing = await winners.places(conn, giveaway.giveaway_id)
    if not standing:
        raise UserError("draw.not_drawn")
    panel = Panel(interaction.user.id, reader)

    async def chosen(press: Press, values: list[str]) -> None:
        async def reroll(final: Press, reason: str) -> None:
            await _reroll(services, final, giveaway, int(values[0]), reason)

        form = NameForm(reader, "giveaway.reroll_title", reroll, label="giveaway.form_reason")
        await _answers.open_form(press, form)

    guild = interaction.guild
    assert guild is not None
    options = [
        discord.SelectOption(label=_place(guild, held.position, held.user_id), value=str(held.user_id))
        for held in standing[:25]
    ]
    panel.menu("giveaway.choose_winner", options, chosen, opens_form=True)
    page = Embed(description=reader("giveaway.reroll_question", prize=escape(giveaway.prize)), colour=BLUE)
    await _answers.privately(interaction, page, view=panel)
    panel.shown = interaction


def _place(guild: discord.Guild, position: int, user_id: int) -> str:
    member = guild.get_member(user_id)
    return f"{position + 1}. {one_line(member.display_name) if member else user_id}"[:100]


async def _reroll(services: Services, interaction: Press, giveaway: Giveaway, winner: int, reason: str) -> None:
    reader = reader_of(services, interaction)
    who, look = interaction.user, Look(own_id=services.members.own_id)

    async def work(conn: Connection) -> Embed:
        await require_manager(services, conn, who, giveaway.guild_id)
        changes = await system.reroll_giveaway(conn, services.tools, giveaway, who.id, look, reason, winner=winner)
        members = mention(changes[0].new.user_id)
        return Embed(description=reader("giveaway.rerolled", members=members), colour=GREEN)

    page = await perform(services, interaction.id, giveaway.guild_id, who.id, "giveaway.reroll", work)
    services.checker.wake()
    await show(interaction, page, None)


@app_commands.guild_only()
async def entrants_menu(interaction: discord.Interaction, message: discord.Message) -> None:
    services = _services(interaction)
    async with services.db.reading() as conn:
        giveaway = await queries.of_message(conn, interaction.guild_id or 0, message.id)
    await require_to_see(services, interaction.user, giveaway)
    await show_entries(services, interaction, giveaway)
