"""`link shuffle`, `link casino`, and the buttons with which an admin decides."""

from __future__ import annotations

import re
from typing import Any, Literal

import discord

from cogs import _answers, _errors
from cogs._acting import perform
from cogs._checks import act_cooldown, is_admin
from cogs._commands import subcommand
from cogs._context import Context
from cogs._link_group import LinkGroup
from cogs._services import Services
from core.db import Connection
from core.errors import UserError
from core.messages import BLUE, GREEN, GREY, Embed
from core.texts import escape
from raffle_system import shuffle_links
from raffle_system.wager_announcements import NAMES

Casino = Literal["shuffle", "howl", "roobet", "rainbet", "gamdom", "packdraw", "csgobig"]


class ShuffleLinking(LinkGroup):
    @subcommand(LinkGroup.link, audience="secret")
    @act_cooldown()
    async def shuffle(self, ctx: Context, *, username: str) -> None:
        await self._ask(ctx, "shuffle", username)

    @subcommand(LinkGroup.link, audience="secret")
    @act_cooldown()
    async def casino(self, ctx: Context, casino: Casino, *, username: str) -> None:
        await self._ask(ctx, casino, username)

    async def _ask(self, ctx: Context, casino: str, username: str) -> None:
        services = ctx.services

        async def work(conn: Connection) -> Embed:
            link = await shuffle_links.request(
                conn, services.clock, services.guilds, ctx.settings, casino, username, ctx.author.id, ctx.channel.id,
                ctx.guild.owner_id if ctx.guild is not None else None,
            )  # fmt: skip
            text = ctx.reader("shuffle.requested", casino=NAMES[link.casino], name=escape(link.username))
            return Embed(description=text, colour=BLUE)

        await ctx.act("link.casino", work)


class DecisionButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=re.compile(r"shuffle-link:(?P<answer>approve|reject):(?P<id>[0-9]{1,18})"),
):
    """Approve or Reject on an admin's card: works for every card that was ever posted."""

    def __init__(self, answer: str, link_id: int) -> None:
        super().__init__(discord.ui.Button(label=answer, custom_id=f"shuffle-link:{answer}:{link_id}"))
        self.approve = answer == "approve"
        self.link_id = link_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> DecisionButton:
        _answers.take(interaction)
        return cls(match["answer"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        services = interaction.client.services  # type: ignore[attr-defined]
        guild_id = interaction.guild_id or await self._asked_in(services)
        reader = services.guilds.reader(guild_id, interaction.user.id)
        presser = await _as_member(interaction, guild_id)

        async def work(conn: Connection) -> Embed:
            settings = services.guilds.find(guild_id)
            if settings is None or not is_admin(presser, settings):
                raise UserError("error.admin_only")
            made = await shuffle_links.decide(
                conn, services.clock, services.guilds, settings, self.link_id, interaction.user.id,
                approve=self.approve,
            )  # fmt: skip
            key = "shuffle.done_verified" if self.approve else "shuffle.done_rejected"
            text = reader(key, name=escape(made.link.username), tickets=reader.count("count.tickets", made.tickets))
            return Embed(description=text, colour=GREEN if self.approve else GREY)

        try:
            page = await perform(
                services, interaction.id, guild_id, interaction.user.id, "link.decide", work
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - rendered to the person who pressed
            await _errors.answer_interaction(interaction, _errors.explain(error, reader))
            return
        if interaction.guild_id is None:
            await _answers.in_place(interaction, page)
        else:
            await _answers.privately(interaction, page)

    async def _asked_in(self, services: Services) -> int:
        """The server of a card that the owner got as a direct message; 0 where there is none."""
        async with services.db.reading() as conn:
            return await shuffle_links.guild_of(conn, self.link_id) or 0


async def _as_member(interaction: discord.Interaction, guild_id: int) -> discord.abc.User:
    """The presser with the rights of that server, which a press in a direct message does not tell."""
    guild = interaction.client.get_guild(guild_id) if interaction.guild_id is None else None
    if guild is None:
        return interaction.user
    try:
        return guild.get_member(interaction.user.id) or await guild.fetch_member(interaction.user.id)
    except discord.NotFound:
        return interaction.user
