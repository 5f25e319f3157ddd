"""`help` and `language`."""

from __future__ import annotations

from typing import Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from cogs._checks import look_cooldown
from cogs._commands import hybrid_command
from cogs._context import Context
from cogs._messages import embed_of
from cogs._panels import Panel, Press, show
from cogs.client import DrumrollBot
from core.db import Connection
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed, EmbedField
from core.texts import Reader

FIELD_LENGTH, PAGE_LENGTH = 1000, 3900


def _key(command: commands.Command[Any, ..., Any]) -> str:
    return f"command.{command.qualified_name.replace(' ', '.')}"


def _usage(prefix: str, command: commands.Command[Any, ..., Any]) -> str:
    signature = f" {command.signature}" if command.signature else ""
    return f"`{prefix}{command.qualified_name}{signature}`"


class GeneralCog(commands.Cog, name="General"):
    def __init__(self, bot: DrumrollBot) -> None:
        self.bot = bot

    @hybrid_command()
    @look_cooldown()
    async def help(self, ctx: Context, *, command: str | None = None) -> None:
        if command is None:
            panel = Panel(ctx.author.id, ctx.reader)
            self._add_menu(ctx, panel)
            page = embed_of(self._overview(ctx))
            await ctx.send(embed=page, view=panel)
            return
        found = self.bot.get_command(command.removeprefix(ctx.settings.prefix))
        if found is None:
            raise UserError("help.unknown", name=command)
        await ctx.say(self._page(ctx, found))

    def _prefix(self, ctx: Context) -> str:
        """How commands are written here: without message content nobody's `!name` arrives."""
        return "/" if "message_content" in self.bot.missing else ctx.settings.prefix

    def _overview(self, ctx: Context) -> Embed:
        prefix = self._prefix(ctx)
        how = ctx.reader("help.how_slash") if prefix == "/" else ctx.reader("help.how", prefix=prefix)
        fields = []
        for title, found in self._categories(ctx.reader):
            fields += _chunks(title, [f"`{prefix}{one.qualified_name}`" for one in found], " ")
        return Embed(title=ctx.reader("help.title"), description=how, fields=tuple(fields), colour=BLUE)

    def _categories(self, reader: Reader) -> list[tuple[str, list[commands.Command[Any, ..., Any]]]]:
        """(title, commands by name) of every cog."""
        return [
            (
                reader(f"help.{cog.qualified_name.lower()}"),
                sorted((one for one in cog.walk_commands() if not _is_group(one)), key=str),
            )
            for cog in self.bot.cogs.values()
        ]

    def _add_menu(self, ctx: Context, panel: Panel) -> None:
        """A category's commands with what they do; a long category has several pages."""
        pages: dict[str, Embed] = {}
        for title, found in self._categories(ctx.reader):
            parts = _parts([self._line(ctx.reader, self._prefix(ctx), one) for one in found], "\n", PAGE_LENGTH)
            for number, part in enumerate(parts, 1):
                shown = title if len(parts) == 1 else f"{title} ({number}/{len(parts)})"
                pages[shown] = Embed(title=shown, description=part, colour=BLUE)

        async def chosen(interaction: Press, values: list[str]) -> None:
            await show(interaction, pages[values[0]], panel)

        panel.menu("help.menu", [discord.SelectOption(label=name, value=name) for name in pages], chosen)

    def _line(self, reader: Reader, prefix: str, command: commands.Command[Any, ..., Any]) -> str:
        return f"{_usage(prefix, command)} {reader(_key(command))}"

    def _page(self, ctx: Context, command: commands.Command[Any, ..., Any]) -> Embed:
        lines = [ctx.reader(_key(command))]
        if isinstance(command, commands.Group):
            lines += [self._line(ctx.reader, self._prefix(ctx), one) for one in sorted(command.commands, key=str)]
        else:
            lines += [f"`{name}` {ctx.reader(f'{_key(command)}.{name}')}" for name in command.clean_params]
        return Embed(title=_usage(self._prefix(ctx), command), description="\n".join(lines), colour=BLUE)

    @help.autocomplete("command")
    async def _commands(self, _interaction: object, current: str) -> list[app_commands.Choice[str]]:
        names = sorted(one.qualified_name for one in self.bot.walk_commands() if not _is_group(one))
        found = [name for name in names if current.casefold() in name]
        return [app_commands.Choice(name=name, value=name) for name in found[:25]]

    @hybrid_command()
    @commands.guild_only()
    @look_cooldown()
    async def language(self, ctx: Context, language: Literal["en", "ar", "server"]) -> None:
        chosen = None if language == "server" else language
        guilds, guild_id, who = ctx.services.guilds, ctx.settings.guild_id, ctx.author.id

        async def work(conn: Connection) -> Embed:
            await guilds.set_member_locale(conn, guild_id, who, chosen)
            reader = guilds.reader_in(guild_id, chosen)
            return Embed(description=reader("language.done"), colour=GREEN)

        await ctx.act("language", work, then=lambda: guilds.adopt_locale(guild_id, who, chosen))


def _is_group(command: object) -> bool:
    return isinstance(command, commands.Group)


def _parts(pieces: list[str], between: str, most: int) -> list[str]:
    """Pieces put together into texts of at most so many characters."""
    parts: list[str] = [""]
    for piece in pieces:
        if len(parts[-1]) + len(piece) + len(between) > most:
            parts.append("")
        parts[-1] += f"{piece}{between}"
    return parts


def _chunks(title: str, pieces: list[str], between: str) -> list[EmbedField]:
    """Pieces in as many fields as Discord's limit on a field's length asks for."""
    return [
        EmbedField(name=title if index == 0 else "\u200b", value=part, inline=False)
        for index, part in enumerate(_parts(pieces, between, FIELD_LENGTH))
    ]


async def setup(bot: DrumrollBot) -> None:
    await bot.add_cog(GeneralCog(bot))
