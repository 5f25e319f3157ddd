"""Channels, roles and numbers as people type them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar, get_args

import discord
from discord.ext import commands
from discord.ext.commands import converter

from core import numbers, settings_schema
from core.errors import UserError


class _Named(Protocol):
    id: int
    name: str


N = TypeVar("N", bound=_Named)
_MENTION = re.compile(r"<(?:#|@&)(\d+)>|(\d{15,20})")


def _meant(all_of_them: Iterable[N], typed: str, sign: str) -> N | None:
    """The one that is called so; as written before another spelling."""
    found = _MENTION.fullmatch(typed)
    if found is not None:
        wanted = int(found.group(1) or found.group(2))
        return next((one for one in all_of_them if one.id == wanted), None)
    names = {typed, typed.removeprefix(sign)}
    spelt = {name.casefold() for name in names}
    alike = [one for one in all_of_them if one.name.casefold() in spelt]
    return next((one for one in alike if one.name in names), alike[0] if alike else None)


class TypedChannel(commands.Converter[discord.TextChannel]):
    """Errors: `error.no_such_channel`; `error.not_a_text_channel` for threads, voice and other channels."""

    async def convert(self, ctx: commands.Context[Any], argument: str) -> discord.TextChannel:
        if ctx.guild is None:
            raise UserError("error.guild_only")
        found = _meant(ctx.guild.text_channels, argument, "#")
        if found is not None:
            return found
        other = _meant((*ctx.guild.channels, *ctx.guild.threads), argument, "#")
        raise UserError("error.no_such_channel" if other is None else "error.not_a_text_channel", name=argument)


class TypedRole(commands.Converter[discord.Role]):
    """Errors: `error.no_such_role`."""

    async def convert(self, ctx: commands.Context[Any], argument: str) -> discord.Role:
        if ctx.guild is None:
            raise UserError("error.guild_only")
        found = _meant(ctx.guild.roles, argument, "@")
        if found is None:
            raise UserError("error.no_such_role", name=argument)
        return found


class WrittenNumber(commands.Converter[int]):
    """A whole number in any digits, its thousands apart or not. Errors: `BadArgument`."""

    async def convert(self, _ctx: commands.Context[Any], argument: str) -> int:
        try:
            return numbers.written(argument)
        except ValueError as error:
            raise commands.BadArgument(argument) from error


def numbers_as_written(command: commands.Command[Any, ..., Any]) -> None:
    """For the command as a message; as a slash command Discord asks for a number."""
    for name, param in command.params.items():
        if param.annotation is int:
            command.params[name] = param.replace(annotation=WrittenNumber)
        elif set(get_args(param.annotation)) == {int, type(None)}:
            command.params[name] = param.replace(annotation=WrittenNumber | None)


async def setting_as_id(ctx: commands.Context[Any], name: str, typed: str) -> str:
    """A setting's channel or role as its id; any other value as it was typed. Errors: as the converters'."""
    name, typed = name.casefold(), typed.strip()
    if typed.casefold() in settings_schema.UNSET:
        return typed
    if name in settings_schema.CHANNELS:
        return str((await TypedChannel().convert(ctx, typed)).id)
    return str((await TypedRole().convert(ctx, typed)).id) if name in settings_schema.ROLES else typed


def know_typed_names() -> None:
    """For every command that has such an option. Slash commands bring the channel or role itself."""
    converter.CONVERTER_MAPPING[discord.TextChannel] = TypedChannel
    converter.CONVERTER_MAPPING[discord.Role] = TypedRole
