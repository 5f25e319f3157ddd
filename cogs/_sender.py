"""The outbox's way into Discord."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING

import discord

from cogs._messages import editing, says, sending
from cogs._refusals import kind_of, refused
from core import draws
from core.errors import NotReady
from core.letters import Letter, Passing, Server
from core.messages import Message

if TYPE_CHECKING:
    from cogs.client import DrumrollBot

log = logging.getLogger(__name__)

LARGEST_FILE = 8 * 1024 * 1024
# discord.py lets one request at a time through where it does not know the limit yet: all edits of a channel, all
# direct messages that are opened. Both can be repeated, so that none may hold the others up for long.
SHARED_SECONDS = 10.0
LOOK_BACK, CLOCKS_APART = 1_000, timedelta(seconds=30)


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
        except discord.HTTPException as error:
            if kind_of(error) == "ours":
                log.error("outbox_refused_by_discord", extra={"error": str(error)})
            raise refused(error) from error

    async def find(self, letter: Letter, since: datetime) -> Sequence[int]:
        """By the words: Discord tells a message's nonce to nobody who asks later."""
        bot = self._connected()
        try:
            place = await self._target(bot, letter)
            after = since - CLOCKS_APART
            return [
                message.id
                async for message in place.history(after=after, limit=LOOK_BACK, oldest_first=True)
                if bot.user is not None and message.author.id == bot.user.id and says(message, letter.message)
            ]
        except discord.HTTPException as error:
            raise refused(error) from error

    def server(self, guild_id: int) -> Server | None:
        guild = self.bot.get_guild(guild_id) if self.bot is not None else None
        if guild is None or not guild.owner_id:
            return None
        return Server(name=guild.name or str(guild_id), owner_id=guild.owner_id)

    async def _deliver(self, bot: DrumrollBot, letter: Letter, files: list[discord.File]) -> int:
        if letter.edits is not None:
            channel = bot.get_partial_messageable(letter.channel_id or 0, guild_id=letter.guild_id)
            async with asyncio.timeout(SHARED_SECONDS):
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
            try:
                async with asyncio.timeout(SHARED_SECONDS):
                    return await bot.create_dm(discord.Object(letter.user_id))
            except TimeoutError as error:
                raise Passing("the direct message was not opened in time") from error
        return bot.get_partial_messageable(letter.channel_id or 0, guild_id=letter.guild_id)

    async def _files(self, bot: DrumrollBot, message: Message) -> list[discord.File]:
        """The records of the draws that the message tells of; packed where Discord's limit asks for it."""
        files = []
        for draw_id in message.draw_ids:
            async with bot.services.db.reading() as conn:
                record = await draws.record_of(conn, draw_id)
            name = f"{draw_id.replace('/', '-')}.json"
            if len(record) > LARGEST_FILE:
                record, name = await asyncio.to_thread(gzip.compress, record), f"{name}.gz"
            if len(record) <= LARGEST_FILE:
                files.append(discord.File(io.BytesIO(record), filename=name))
        return files
