"""The outbox's way into Discord."""

from __future__ import annotations

import gzip
import io
import logging
from math import isfinite
from typing import TYPE_CHECKING

import discord

from cogs._messages import NOBODY, editing, embed_of, sending
from core import draws
from core.errors import NotReady
from core.messages import RED, Embed, Message
from core.outbox import Blocked, Gone, Letter

if TYPE_CHECKING:
    from cogs.client import DrumrollBot

log = logging.getLogger(__name__)

LARGEST_FILE = 8 * 1024 * 1024
_UNKNOWN_CHANNEL, _CLOSED_TO_US, _BAD_FORM = 10003, 50007, 50035


class DiscordSender:
    """Sends letters through whichever client is connected now."""

    def __init__(self) -> None:
        self.bot: DrumrollBot | None = None

    @property
    def connected(self) -> bool:
        """Whether the client knows its servers and every shard's gateway is open.

        `is_ready` says less: it comes before, and stays true while discord.py reconnects.
        """
        return self._usable() and self._at_work() and all(not shard.is_closed() for shard in self._shards())

    def _usable(self) -> bool:
        """Whether messages can be sent: that needs the client, not its gateway."""
        return self.bot is not None and self.bot.is_ready() and not self.bot.is_closed()

    def _at_work(self) -> bool:
        return self.bot is not None and self.bot.at_work

    def _shards(self) -> list[discord.ShardInfo]:
        return list(self.bot.shards.values()) if self.bot is not None else []

    def pulse(self) -> dict[str, float]:
        """`connected` (0 or 1) and, where a heartbeat was answered, `latency_seconds`."""
        bot = self.bot
        if bot is None or not self.connected:
            return {"connected": 0.0}
        latency = bot.latency
        return {"connected": 1.0} | ({"latency_seconds": latency} if isfinite(latency) else {})

    async def send(self, letter: Letter) -> int:
        bot = self._connected()
        files = await self._files(bot, letter.message)
        try:
            return await self._deliver(bot, letter, files)
        except discord.Forbidden as error:
            if letter.user_id is not None or error.code == _CLOSED_TO_US:
                raise Gone(str(error)) from error
            raise Blocked(str(error)) from error
        except discord.NotFound as error:
            raise Gone(str(error)) from error
        except discord.HTTPException as error:
            if error.status == 400:
                log.error("outbox_refused_by_discord", extra={"error": str(error)})
                raise Gone(str(error)) from error
            raise

    async def _deliver(self, bot: DrumrollBot, letter: Letter, files: list[discord.File]) -> int:
        if letter.edits is not None:
            channel = bot.get_partial_messageable(letter.channel_id or 0, guild_id=letter.guild_id)
            await channel.get_partial_message(letter.edits).edit(**editing(letter.message))
            return letter.edits
        arguments = sending(letter.message)
        if files:
            arguments["files"] = files
        target = await self._target(bot, letter)
        sent = await target.send(nonce=letter.nonce, **arguments)
        return int(sent.id)

    def _connected(self) -> DrumrollBot:
        if self.bot is None or not self._usable():
            raise NotReady("Discord is not connected")
        return self.bot

    async def _target(self, bot: DrumrollBot, letter: Letter) -> discord.abc.Messageable:
        if letter.user_id is not None:
            return await bot.create_dm(discord.Object(letter.user_id))
        return bot.get_partial_messageable(letter.channel_id or 0, guild_id=letter.guild_id)

    async def _files(self, bot: DrumrollBot, message: Message) -> list[discord.File]:
        """The records of the draws that the message tells of; packed where Discord's limit asks for it."""
        files = []
        for draw_id in message.draw_ids:
            async with bot.services.db.transaction() as conn:
                record = await draws.record_of(conn, draw_id)
            name = f"{draw_id.replace('/', '-')}.json"
            if len(record) > LARGEST_FILE:
                record, name = gzip.compress(record), f"{name}.gz"
            if len(record) <= LARGEST_FILE:
                files.append(discord.File(io.BytesIO(record), filename=name))
        return files

    async def tell_admin(self, guild_id: int, channel_id: int) -> None:
        """The guild's owner hears by direct message which channel needs permissions."""
        bot = self._connected()
        guild = bot.get_guild(guild_id)
        if guild is None or guild.owner_id is None:
            return
        reader = bot.services.guilds.reader(guild_id, guild.owner_id)
        embed = Embed(
            title=reader("outbox.blocked_title"),
            description=reader("outbox.blocked", channel=f"<#{channel_id}>", guild=guild.name),
            colour=RED,
        )
        try:
            channel = await bot.create_dm(discord.Object(guild.owner_id))
            await channel.send(embed=embed_of(embed), allowed_mentions=NOBODY)
        except discord.HTTPException as error:
            log.warning("admin_not_told", extra={"guild": guild_id, "error": repr(error)})
