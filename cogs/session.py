"""One life of the Discord client: log in, see what the application may, connect."""

from __future__ import annotations

import logging

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from cogs._sender import DiscordSender
from cogs._services import Services
from cogs.client import DrumrollBot, missing_intents
from core.config import DISCORD_API
from core.supervisor import Fatal

PRIVILEGED = frozenset({"members", "message_content"})
log = logging.getLogger(__name__)


async def live(services: Services, sender: DiscordSender) -> None:
    """Stay connected until Discord or the network ends it. Errors: `Fatal` for a refused token."""
    config = services.config
    Route.BASE = config.discord_api_base
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    missing: frozenset[str] = frozenset()
    refused = False
    while True:
        bot = DrumrollBot(services, missing)
        try:
            await bot.login(config.discord_token or "")
            if config.discord_api_base != DISCORD_API:
                # After an invalidated session discord.py asks the built-in address, not the one that it was given.
                _shards, gateway, _limit = await bot.http.get_bot_gateway()
                DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
            lacking = missing_intents(dict(await bot.http.application_info()))
            if lacking - missing:
                missing |= lacking
                continue
            sender.bot = bot
            await bot.connect()
        except discord.LoginFailure as error:
            raise Fatal("DISCORD_TOKEN is refused by Discord: copy it anew from the developer portal", 2) from error
        except discord.PrivilegedIntentsRequired:
            # The flags may have been read just before a change: ask once more, then go on without both.
            log.warning("intents_refused", extra={"code": 4014})
            missing, refused = PRIVILEGED if refused else missing, True
        finally:
            await bot.close()
