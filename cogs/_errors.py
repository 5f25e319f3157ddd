"""The one place where errors become sentences, in the reader's language."""

from __future__ import annotations

import logging
import secrets

import discord
from discord import app_commands
from discord.ext import commands

from cogs import _answers
from cogs._messages import embed_of
from core.db import UnknownOutcome, is_away, is_beyond_column
from core.errors import NotReady, TextKey, UserError
from core.messages import RED, Embed
from core.texts import Mark, Reader, escape

log = logging.getLogger(__name__)

_UNSPOKEN = (commands.CommandNotFound, commands.DisabledCommand)


def innermost(error: BaseException) -> BaseException:
    """The error that a command raised, out of discord.py's wrappers."""
    wrappers = (
        commands.CommandInvokeError,
        commands.HybridCommandError,
        app_commands.CommandInvokeError,
        commands.ConversionError,
        commands.CheckFailure,
        app_commands.TransformerError,
    )
    while isinstance(error, wrappers):
        inner = getattr(error, "original", None) or error.__cause__
        if inner is None:
            return error
        error = inner
    return error


def explain(error: BaseException, reader: Reader) -> str:
    """What the user is told. The unexpected gets an incident id, which the log has with the traceback."""
    error = innermost(error)
    if isinstance(error, UserError):
        args = {name: _shown(value, reader) for name, value in error.args_.items()}
        return reader(error.key, **args)
    if isinstance(error, UnknownOutcome):
        log.warning("command_of_unknown_outcome", extra={"error": repr(error.__cause__)})
        return reader("error.outcome_unknown")
    if is_beyond_column(error):
        return reader("error.no_such_number")
    if is_away(error) and not isinstance(error, discord.DiscordException):
        log.warning("command_while_database_away", extra={"error": repr(error)})
        return reader("error.database_away")
    if isinstance(error, NotReady):
        return reader("error.discord_away")
    return _of_discord(error, reader) or _incident(error, reader)


def _shown(value: object, reader: Reader) -> object:
    if isinstance(value, TextKey):
        return reader(value)
    return escape(value) if isinstance(value, str) and not isinstance(value, Mark) else value


def _of_discord(error: BaseException, reader: Reader) -> str | None:
    match error:
        case commands.CommandOnCooldown() | app_commands.CommandOnCooldown():
            return reader.count("error.cooldown", max(1, round(error.retry_after)))
        case commands.NoPrivateMessage() | app_commands.NoPrivateMessage():
            return reader("error.guild_only")
        case commands.MissingRequiredArgument():
            return reader("error.missing_argument", name=error.param.name)
        case commands.UserNotFound() | commands.MemberNotFound():
            return reader("error.no_such_member", name=escape(error.argument))
        case commands.BadArgument() | commands.BadUnionArgument() | app_commands.TransformerError():
            return reader("error.bad_argument")
        case commands.UserInputError():
            return reader("error.bad_argument")
        case _:
            return None


def _incident(error: BaseException, reader: Reader) -> str:
    incident = secrets.token_hex(4)
    log.error("command_failed", exc_info=error, extra={"incident": incident})
    return reader("error.incident", incident=incident)


def error_embed(text: str) -> discord.Embed:
    return embed_of(Embed(description=text, colour=RED))


def spoken(error: BaseException) -> bool:
    """Whether an error is worth an answer: an unknown `!word` may be another bot's."""
    return not isinstance(error, _UNSPOKEN)


async def answer_interaction(interaction: discord.Interaction, text: str) -> None:
    """Tell the person alone, whether the interaction was answered before or not."""
    try:
        await _answers.privately(interaction, Embed(description=text, colour=RED))
    except discord.HTTPException as error:
        log.warning("error_not_delivered", extra={"error": repr(error)})
