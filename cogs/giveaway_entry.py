"""The buttons of a giveaway: enter, leave, entrants, claim. They answer however often the bot was restarted."""

from __future__ import annotations

import re
from typing import Any

import discord

from cogs import _answers, _errors
from cogs._acting import perform
from cogs._answers import Press
from cogs._giveaway_group import is_manager, reader_of
from cogs._members import person_of
from cogs._messages import view_of
from cogs._panels import Pager
from cogs._services import Services
from core.db import Connection, is_away
from core.errors import UserError
from core.messages import GREEN, Button, Embed
from core.texts import Reader, escape
from giveaway import giveaway_system as system
from giveaway import presets, queries, replies
from giveaway.announcements import button_id
from giveaway.models import Giveaway
from giveaway.requirements import NotEligible


class GiveawayButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"giveaway:(?P<act>enter|leave|entrants|claim):(?P<id>[0-9]{1,18})",
):
    """Any button of any giveaway: its id says what it does, and to which one."""

    def __init__(self, button: discord.ui.Button[Any], act: str, giveaway_id: int) -> None:
        super().__init__(button)
        self.act = act
        self.giveaway_id = giveaway_id

    @classmethod
    async def from_custom_id(
        cls, interaction: Press, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> GiveawayButton:  # fmt: skip
        assert isinstance(item, discord.ui.Button)
        _answers.take(interaction)
        return cls(item, match["act"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        services: Services = interaction.client.services  # type: ignore[attr-defined]
        try:
            await _ACTS[self.act](services, interaction, self.giveaway_id)
        except Exception as error:  # noqa: BLE001 - told to whoever pressed
            reader = await _reader(services, interaction, self.giveaway_id)
            await _errors.answer_interaction(interaction, _errors.explain(error, reader))


async def _reader(services: Services, interaction: Press, giveaway_id: int) -> Reader:
    """The presser's language; in a direct message as in the giveaway's server."""
    if interaction.guild_id is not None:
        return reader_of(services, interaction)
    try:
        async with services.db.reading() as conn:
            guild_id = await queries.guild_of(conn, giveaway_id)
    except Exception as error:
        if not is_away(error):
            raise
        guild_id = None
    return services.guilds.reader(guild_id, interaction.user.id)


def _member(interaction: Press) -> discord.Member:
    if not isinstance(interaction.user, discord.Member) or interaction.guild_id is None:
        raise UserError("error.guild_only")
    return interaction.user


async def enter(services: Services, interaction: Press, giveaway_id: int) -> None:
    """In, with own entries and honest odds; who is in already may leave; who may not sees why."""
    member = _member(interaction)
    reader = reader_of(services, interaction)
    try:
        entry = await services.acts.repeat(
            lambda conn: system.add_entry(conn, services.tools, member.guild.id, giveaway_id, person_of(member))
        )
    except NotEligible as refusal:
        page = replies.checklist(reader, refusal.judgement)
        await _privately(interaction, page, _leave_button(reader, giveaway_id) if refusal.entered else ())
        return
    buttons = () if entry.joined else _leave_button(reader, giveaway_id)
    await _privately(interaction, replies.entered(reader, entry), buttons)


def _leave_button(reader: Reader, giveaway_id: int) -> tuple[Button, ...]:
    label = reader("giveaway.button_leave")
    return (Button(label=label, custom_id=button_id("leave", giveaway_id), style="danger"),)


async def _privately(interaction: Press, page: Embed, buttons: tuple[Button, ...] = ()) -> None:
    view = view_of(buttons)
    await _answers.privately(interaction, page, **({} if view is None else {"view": view}))


async def leave(services: Services, interaction: Press, giveaway_id: int) -> None:
    member = _member(interaction)

    async def work(conn: Connection) -> Embed:
        await system.leave(conn, services.tools, member.guild.id, giveaway_id, member.id)
        return Embed(description=reader_of(services, interaction)("giveaway.left"), colour=GREEN)

    page = await perform(services, interaction.id, member.guild.id, member.id, "giveaway.leave", work)
    await _answers.in_place(interaction, page)


async def entrants(services: Services, interaction: Press, giveaway_id: int) -> None:
    member = _member(interaction)
    async with services.db.reading() as conn:
        giveaway = await system.find(conn, member.guild.id, giveaway_id)
    await require_to_see(services, member, giveaway)
    await show_entries(services, interaction, giveaway)


async def require_to_see(services: Services, member: discord.abc.User, giveaway: Giveaway) -> None:
    """Errors: `giveaway.entrants_hidden` for who may not see the entrants."""
    if giveaway.options.show_participants:
        return
    async with services.db.reading() as conn:
        if not await is_manager(services, conn, member, giveaway.guild_id):
            raise UserError("giveaway.entrants_hidden")


async def show_entries(services: Services, interaction: Press, giveaway: Giveaway) -> None:
    """The entrants, page by page, for one person alone."""
    reader = reader_of(services, interaction)

    async def may(press: Press) -> None:
        await require_to_see(services, press.user, giveaway)

    async def page(number: int) -> tuple[Embed, int, int]:
        return await entries_page(services, reader, giveaway, interaction.user.id, number)

    await Pager(interaction.user.id, reader, page, may).open(interaction)


async def entries_page(
    services: Services, reader: Reader, giveaway: Giveaway, user_id: int, number: int
) -> tuple[Embed, int, int]:
    """(page, its number, number of pages)."""
    async with services.db.reading() as conn:
        current = await system.find(conn, giveaway.guild_id, giveaway.giveaway_id)
        found = await queries.entries_page(conn, current, number)
        own = await queries.own_entry(conn, current, user_id)
        tiers = await presets.tiers(conn, current.guild_id) if current.entities.enabled else []
        now = services.clock.now()
        chances = await services.tools.odds.of(conn, current, found.entries, found.total_tickets, now)
    return replies.entries(reader, current, found, own, chances, tiers), found.page, found.pages


async def claim(services: Services, interaction: Press, giveaway_id: int) -> None:
    """Also from the winner's direct message."""
    who = interaction.user.id

    async def work(conn: Connection) -> Embed:
        giveaway = await system.claim(conn, services.tools, giveaway_id, who)
        reader = services.guilds.reader(giveaway.guild_id, who)
        text = reader("giveaway.claimed", prize=escape(giveaway.prize), host=f"<@{giveaway.host_id}>")
        return Embed(description=text, colour=GREEN)

    await services.attendance.there(pressed=True)
    await _privately(interaction, await perform(services, interaction.id, None, who, "giveaway.claim", work))


_ACTS = {"enter": enter, "leave": leave, "entrants": entrants, "claim": claim}
