"""The Discord client: intents, languages, errors, and commands that are registered only when they changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from cogs import _answers, _errors
from cogs import _left_behind as left_behind
from cogs._commands import is_public
from cogs._context import Context
from cogs._converters import know_typed_names, numbers_as_written
from cogs._messages import NOBODY
from cogs._services import Services
from cogs._words import Words
from core import process_state
from core.db import Connection, is_away
from core.texts import Reader, plain

log = logging.getLogger(__name__)

COG_MODULES: Sequence[str] = ("cogs.raffle", "cogs.giveaway", "cogs.link", "cogs.general")
AWAY_RETRY_SECONDS = 1.0
# So long after a server nothing more came: the last one is known. The stand-in tells all in one breath.
LAST_GUILD_SECONDS, LAST_GUILD_SANDBOXED = 2.0, 0.3
_FLAGS = {"members": (1 << 14, 1 << 15), "message_content": (1 << 18, 1 << 19)}


def wanted_intents(missing: frozenset[str] = frozenset()) -> discord.Intents:
    """Everything that the bot uses, less the privileged intents that the application lacks."""
    intents = discord.Intents(guilds=True, messages=True, members=True, message_content=True)
    for name in missing:
        setattr(intents, name, False)
    return intents


def missing_intents(application: dict[str, Any]) -> frozenset[str]:
    """Which privileged intents the application's flags do not grant; none where the flags are not told."""
    flags = application.get("flags")
    if not isinstance(flags, int):
        return frozenset()
    return frozenset(name for name, (full, limited) in _FLAGS.items() if not flags & (full | limited))


class DrumrollTree(app_commands.CommandTree["DrumrollBot"]):
    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        reader = self.client.services.guilds.reader(interaction.guild_id, interaction.user.id)
        await _errors.answer_interaction(interaction, _errors.explain(error, reader))


class DrumrollBot(commands.AutoShardedBot):
    """One connection to Discord; the supervisor makes a new one when it fails."""

    def __init__(self, services: Services, missing: frozenset[str] = frozenset()) -> None:
        super().__init__(
            command_prefix=_prefixes,
            intents=wanted_intents(missing),
            tree_cls=DrumrollTree,
            help_command=None,
            case_insensitive=True,
            strip_after_prefix=True,
            allowed_mentions=NOBODY,
            chunk_guilds_at_startup="members" not in missing,
            guild_ready_timeout=LAST_GUILD_SANDBOXED if services.config.sandboxed else LAST_GUILD_SECONDS,
        )
        self.before_invoke(_tidied)
        know_typed_names()
        self.services = services
        self.missing = missing
        self.at_work = False

    async def setup_hook(self) -> None:
        for name in COG_MODULES:
            # Not load_extension: it would run the module anew for every client, and add its commands to the groups
            # that other modules own a second time.
            await import_module(name).setup(self)
        for command in self.walk_commands():
            numbers_as_written(command)
        describe_commands(self.tree, self.services.texts.reader("en"))
        await self._register_commands()

    async def get_context(self, origin: Any, /, *, cls: Any = Context) -> Any:
        context = await super().get_context(origin, cls=cls)
        context.view = Words.after(context.view)
        return context

    async def _register_commands(self) -> None:
        """Tell Discord the commands when they differ from those that it was told last."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        payload += [
            command.to_dict(self.tree)
            for kind in (discord.AppCommandType.user, discord.AppCommandType.message)
            for command in self.tree.get_commands(type=kind)
        ]
        shape = json.dumps([self.application_id, self.services.config.discord_api_base, payload], sort_keys=True)
        digest = hashlib.sha256(shape.encode()).hexdigest()
        async with self.services.db.reading() as conn:
            known = await process_state.get(conn, "commands")
        if known == digest and len(await self.tree.fetch_commands()) == len(payload):
            return
        await self.tree.sync()
        async with self.services.db.transaction() as conn:
            await process_state.put(conn, "commands", digest)
        log.info("commands_registered", extra={"count": len(payload)})

    async def on_ready(self) -> None:
        """May come again after every reconnect: all of it can be repeated."""
        for name in sorted(self.missing):
            log.warning("intent_missing", extra={"intent": name, "lost": _LOST[name]})
        while not await self._stored(self._meet_guilds()):
            await asyncio.sleep(AWAY_RETRY_SECONDS)
        self.at_work = True
        self.services.checker.guilds_changed()
        log.info("discord_ready", extra={"guilds": len(self.guilds)})

    async def _meet_guilds(self) -> None:
        """Know every server, and which are gone."""
        for guild in sorted(self.guilds, key=self._first_guild_first):
            await self._know(guild)
        here = {guild.id for guild in self.guilds}  # one that is only unavailable still counts
        for settings in self.services.guilds.all():
            if settings.guild_id not in here:
                await self._forget(settings.guild_id)

    async def _stored(self, work: Awaitable[None]) -> bool:
        """Do it; False where PostgreSQL is away."""
        try:
            await work
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("guilds_wait_for_database", extra={"error": repr(error)})
            return False
        return True

    async def _forget(self, guild_id: int) -> None:
        if await self.services.guilds.leave(guild_id, self.services.absence.left):
            log.warning("guild_left", extra={"guild": guild_id})
        await self.services.outbox.server_left(guild_id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Stored as soon as PostgreSQL answers, unless the bot is back by then."""
        while self.get_guild(guild.id) is None and not await self._stored(self._forget(guild.id)):
            await asyncio.sleep(AWAY_RETRY_SECONDS)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        while self.get_guild(guild.id) is not None and not await self._stored(self._know(guild)):
            await asyncio.sleep(AWAY_RETRY_SECONDS)

    async def on_guild_channel_update(self, _before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        """Perhaps the bot may post there now: what waits need not wait for its next turn."""
        await self.services.outbox.channel_opened(after.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.services.checker.guild_changed(channel.guild.id)

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        self.services.checker.guild_changed(role.guild.id)

    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        if before.permissions != after.permissions:
            await self.services.outbox.server_opened(after.guild.id)

    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        if after == after.guild.me and before.roles != after.roles:
            await self.services.outbox.server_opened(after.guild.id)

    async def on_message(self, message: discord.Message, /) -> None:
        if message.guild is not None and not message.author.bot and message.webhook_id is None:
            self.services.counter.heard(message.guild.id, message.author.id)
        await super().on_message(message)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """After discord.py gave it to whoever answers: see to it that Discord hears of it in time."""
        if interaction.type is discord.InteractionType.application_command:
            command = interaction.command
            wrapped = getattr(command, "wrapped", None)
            _answers.watch(interaction, private=not is_public(wrapped))
        elif interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
            _answers.watch(interaction, private=True)
            if not _answers.is_taken(interaction):
                reader = self.services.guilds.reader(interaction.guild_id, interaction.user.id)
                await left_behind.answer(interaction, reader)

    def _first_guild_first(self, guild: discord.Guild) -> tuple[bool, int]:
        channel = self.services.config.announcement_channel_id
        return (channel is None or guild.get_channel(channel) is None, guild.id)

    async def _know(self, guild: discord.Guild) -> None:
        if await self.services.guilds.ensure(guild.id, self._returned):
            log.info("guild_joined", extra={"guild": guild.id})
            self.services.checker.wake()
        await self.services.schedule.open_first(guild.id)

    async def _returned(self, conn: Connection, guild_id: int, since: datetime) -> None:
        await self.services.attendance.returned(conn, guild_id, since)
        await self.services.absence.returned(conn, guild_id)

    async def on_command_error(self, ctx: Any, error: commands.CommandError, /) -> None:
        if not _errors.spoken(error):
            return
        text = _errors.explain(error, ctx.reader)
        if ctx.interaction is not None:
            await _errors.answer_interaction(ctx.interaction, text)
            return
        try:
            await ctx.reply(embed=_errors.error_embed(text), mention_author=False)
        except discord.HTTPException as failure:
            log.warning("error_not_delivered", extra={"error": repr(failure)})


_LOST = {
    "members": "draws cannot leave out members who left; enable SERVER MEMBERS INTENT in the developer portal",
    "message_content": "prefix commands do not work; enable MESSAGE CONTENT INTENT in the developer portal",
}


async def _tidied(ctx: Context) -> None:
    """What is typed into any command is stored and shown without what nobody sees."""
    ctx.args = [plain(one) if isinstance(one, str) else one for one in ctx.args]
    ctx.kwargs = {name: plain(one) if isinstance(one, str) else one for name, one in ctx.kwargs.items()}


async def _prefixes(bot: DrumrollBot, message: discord.Message) -> list[str]:
    guilds = bot.services.guilds
    settings = guilds.find(message.guild.id if message.guild else None)
    own = settings.prefix if settings else bot.services.config.prefix
    return [*commands.when_mentioned(bot, message), own]


def describe_commands(tree: app_commands.CommandTree[Any], reader: Reader) -> None:
    """Give every command and option its description from the catalogue: `command.<name>` and `.<option>`."""
    for command in tree.walk_commands():
        key = f"command.{command.qualified_name.replace(' ', '.')}"
        command.description = reader(key)
        if isinstance(command, app_commands.Command) and command.parameters:
            texts = {p.name: reader(f"{key}.{p.name}") for p in command.parameters}
            app_commands.describe(**texts)(command)
