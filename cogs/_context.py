"""The context of a command: whose guild, which language, how to answer, to act and to ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.ext import commands

from cogs import _answers, _errors
from cogs._acting import Work, perform
from cogs._commands import is_public, is_secret
from cogs._messages import NOBODY, embed_of
from cogs._presence import present_in
from cogs._services import Services
from core.errors import UserError
from core.guilds import GuildSettings
from core.messages import RED, Embed
from core.texts import Reader
from raffle_system.entrants import Present

CONFIRM_SECONDS = 60.0
Decide = Callable[[_answers.Press], Awaitable[Embed]]


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

    async def send(self, *args: Any, **arguments: Any) -> discord.Message:
        """Privately unless the command's answers are public; nobody is pinged.

        Without an interaction nothing is private in a channel: what only the author may read comes as a direct
        message. Errors: `error.use_slash` where their direct messages are closed.
        """
        arguments = {"allowed_mentions": NOBODY, "mention_author": False, **arguments}
        if self.interaction is not None:
            await _answers.settle(self.interaction)
            return await super().send(*args, **{"ephemeral": not is_public(self.command), **arguments})
        if self.guild is not None and is_secret(self.command):
            return await self._send_directly(*args, **arguments)
        return await super().send(*args, **arguments)

    async def _send_directly(self, *args: Any, **arguments: Any) -> discord.Message:
        del arguments["mention_author"]
        name = self.command.qualified_name if self.command else ""
        try:
            sent = await self.author.send(*args, **arguments)
        except discord.Forbidden as error:
            raise UserError("error.use_slash", command=f"/{name}") from error
        told = embed_of(Embed(description=self.reader("private.sent", command=f"`/{name}`")))
        await super().send(embed=told, allowed_mentions=NOBODY, mention_author=False)
        return sent

    async def say(self, embed: Embed) -> discord.Message:
        """Answer with an embed."""
        return await self.send(embed=embed_of(embed))

    async def act(self, name: str, work: Work, then: Callable[[], None] | None = None) -> None:
        """Do the command's work once, whatever happens on the wire, and answer with its page; `then` comes between."""
        guild_id = self.guild.id if self.guild else None
        page = await perform(self.services, self.request_id, guild_id, self.author.id, name, work)
        if then is not None:
            then()
        await self.say(page)

    async def allow(self, author: discord.User | discord.Member) -> None:
        """Ask the command's rights again, of the author as they are now. Errors: those of the command's checks."""
        self.author = author
        for check in self.command.checks if self.command else ():
            if not await discord.utils.maybe_coroutine(check, self):
                raise commands.CheckFailure

    async def confirm(
        self, question: Embed, label: str, name: str, work: Work, *, danger: bool = False,
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> None:  # fmt: skip
        """Ask the caller to press a button; then do the work once and show its page in the question's place.

        The press is an act of its own: whoever lost the right to the command since is refused. `work` compares what it
        finds with what the question showed. `before` is done first, outside of the act's transaction.
        """
        view = Confirmation(self, label, name, work, danger=danger, before=before)
        view.message = await self.send(embed=embed_of(question), view=view)

    def members_present(self) -> Present:
        """Who is in the guild now, or None where the list is not complete."""
        return present_in(self.guild, self.bot.intents)


class Confirmation(discord.ui.View):
    """Two buttons for one person; what became of the question takes its place."""

    def __init__(
        self, ctx: Context, label: str, name: str, work: Work, *, danger: bool,
        before: Callable[[], Awaitable[object]] | None,
    ) -> None:  # fmt: skip
        super().__init__(timeout=CONFIRM_SECONDS)
        self._ctx = ctx
        self._owner_id = ctx.author.id
        self._name, self._work, self._before = name, work, before
        self._decided = False
        self.message: discord.Message | None = None
        style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.success
        self._add(label, style, self._agreed)
        self._add(ctx.reader("confirm.cancel"), discord.ButtonStyle.secondary, self._refused)

    def _add(
        self, label: str, style: discord.ButtonStyle, decide: Callable[[_answers.Press], Awaitable[Embed]]
    ) -> None:
        button: discord.ui.Button[Confirmation] = discord.ui.Button(
            label=label, style=style, custom_id=_answers.live_id()
        )

        async def pressed(interaction: discord.Interaction) -> None:
            if self._decided:
                await _answers.acknowledge(interaction)
                return
            self._decided = True
            await _answers.in_place(interaction, await decide(interaction))
            self.stop()

        button.callback = pressed  # type: ignore[method-assign]
        self.add_item(button)

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        _answers.take(interaction)
        if interaction.user.id == self._owner_id:
            return True
        await _answers.privately(interaction, Embed(description=self._ctx.reader("confirm.not_yours")))
        return False

    async def _agreed(self, press: _answers.Press) -> Embed:
        ctx = self._ctx
        try:
            await ctx.allow(press.user)
            if self._before is not None:
                await self._before()
            return await perform(ctx.services, press.id, press.guild_id, press.user.id, self._name, self._work)
        except Exception as error:  # noqa: BLE001 - rendered in the place of the question
            return Embed(description=_errors.explain(error, ctx.reader), colour=RED)

    async def _refused(self, _press: _answers.Press) -> Embed:
        return Embed(description=self._ctx.reader("confirm.cancelled"))

    async def on_timeout(self) -> None:
        if self.message is not None and not self._decided:
            page = Embed(description=self._ctx.reader("confirm.timed_out"))
            await self.message.edit(embed=embed_of(page), view=None)
