"""What is wrong between us and Kick, told to the admins: once, and again only after it was mended."""

from __future__ import annotations

from collections.abc import Mapping

from core import outbox, process_state
from core.clock import Clock
from core.db import Database
from core.guilds import Guilds, GuildSettings
from core.messages import RED, Embed, Message
from core.texts import escape


async def tell_subscriptions(
    db: Database, clock: Clock, guilds: Guilds, settings: GuildSettings, lacking: Mapping[str, str]
) -> None:
    """`lacking`: the events that Kick does not send of this server's channel, and why; empty where all is well."""
    key = f"kick_subscriptions_told:{settings.guild_id}"
    async with db.transaction() as conn:
        told = bool(await process_state.get(conn, key))
        if told == bool(lacking):
            return
        await process_state.put(conn, key, clock.now().isoformat() if lacking else "")
        if lacking:
            lines = "\n".join(f"- `{event}`: {escape(why)}" for event, why in lacking.items())
            text = guilds.reader(settings.guild_id)("kick.events_missing", events=lines)
            message = Message(embeds=(Embed(description=text, colour=RED),))
            await outbox.post(conn, clock, settings.guild_id, settings.admins_hear_in, message)
