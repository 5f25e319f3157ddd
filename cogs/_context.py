"""The context of a command: whose guild, which language, how to answer and to ask."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from cogs._messages import NOBODY, embed_of
from cogs._presence import present_in
from cogs._services import Services
from core.errors import UserError
from core.guilds import GuildSettings
from core.messages import RED, Embed
from core.texts import Reader
from raffle_system.entrants import Present

CONFIRM_SECONDS = 60.0


class Context(commands.Context[Any]):
    """What every command gets."""

    @property
    def services(self) -> Services:
        services: Services = self.bot.services
        return services

    @property
    def settings(self) -> GuildSettings:
        """The guild's settings. Errors: `error.guild_only` outside of a guild, `error.starting` before it is known."""
        settings = self.services.guilds.find(self.guild.id if self.guild else None)
        if settings is None:
            raise UserError("error.starting" if self.guild else "error.guild_only")
        return settings

    @property
    def reader(self) -> Reader:
        return self.services.guilds.reader(self.guild.id if self.guild else None, self.author.id)

    @property
    def request_id(self) -> str:
        """Names this request for ever: the interaction's id, or the message's."""
        return str(self.interaction.id if self.interaction else self.message.id)

    async def say(self, embed: Embed, *, private: bool = False) -> discord.Message:
        """Answer with an embed; `private` is ephemeral where Discord can do that."""
        return await self.send(embed=embed_of(embed), ephemeral=private, allowed_mentions=NOBODY, mention_author=False)

    async def confirm(self, embed: Embed, label: str, *, danger: bool = False) -> Confirmation:
        """Ask the caller to press a button; nobody else can. The answer says whether they did."""
        view = Confirmation(self.author.id, self.reader, label, danger=danger)
        view.message = await self.send(embed=embed_of(embed), view=view, allowed_mentions=NOBODY)
        await view.wait()
        return view

    def members_present(self) -> Present:
        """Who is in the guild now, or None where the list is not complete."""
        return present_in(self.guild, self.bot.intents)


class Confirmation(discord.ui.View):
    """Two buttons for one person. `confirmed` is False until that person agrees."""

    def __init__(self, owner_id: int, reader: Reader, label: str, *, danger: bool) -> None:
        super().__init__(timeout=CONFIRM_SECONDS)
        self._owner_id = owner_id
        self._reader = reader
        self.confirmed = False
        self.message: discord.Message | None = None
        self.interaction: discord.Interaction | None = None
        style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.success
        self._add(label, style, agreed=True)
        self._add(reader("confirm.cancel"), discord.ButtonStyle.secondary, agreed=False)

    def _add(self, label: str, style: discord.ButtonStyle, *, agreed: bool) -> None:
        button: discord.ui.Button[Confirmation] = discord.ui.Button(label=label, style=style)

        async def pressed(interaction: discord.Interaction) -> None:
            await self._decide(interaction, agreed=agreed)

        button.callback = pressed  # type: ignore[method-assign]
        self.add_item(button)

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        if interaction.user.id == self._owner_id:
            return True
        await interaction.response.send_message(self._reader("confirm.not_yours"), ephemeral=True)
        return False

    async def _decide(self, interaction: discord.Interaction, *, agreed: bool) -> None:
        self.confirmed = agreed
        self.interaction = interaction
        if agreed:
            await interaction.response.defer()
        else:
            await interaction.response.edit_message(
                embed=embed_of(Embed(description=self._reader("confirm.cancelled"))), view=None
            )
        self.stop()

    async def on_timeout(self) -> None:
        await self.finish(Embed(description=self._reader("confirm.timed_out")))

    async def finish(self, embed: Embed) -> None:
        """Replace the question by what became of it."""
        if self.message is not None:
            await self.message.edit(embed=embed_of(embed), view=None)

    async def fail(self, text: str) -> None:
        await self.finish(Embed(description=text, colour=RED))
