"""What is wrong between us and Kick, told to the admins: once, and again only after it was mended."""

from __future__ import annotations

import json
from collections.abc import Mapping

from core import outbox, process_state
from core.clock import Clock
from core.db import Connection, Database
from core.guilds import Guilds, GuildSettings
from core.messages import RED, Embed, Message
from core.texts import escape

TOLD_KEY = "kick_troubles_told"


async def tell_subscriptions(
    db: Database, clock: Clock, guilds: Guilds, settings: GuildSettings, lacking: Mapping[str, str]
) -> None:
    """`lacking`: the events that Kick does not send of this server's channel, and why; empty where all is well."""
    key = f"kick_subscriptions_told:{settings.guild_id}"
    async with db.transaction() as conn:
        told = bool(await process_state.get(conn, key))
        if told == bool(lacking) or (lacking and settings.admins_hear_in is None):
            return
        await process_state.put(conn, key, clock.now().isoformat() if lacking else "")
        if lacking:
            lines = "\n".join(f"- `{event}`: {escape(why)}" for event, why in lacking.items())
            text = guilds.reader(settings.guild_id)("kick.events_missing", events=lines)
            await _say(conn, clock, settings, text)


async def tell(
    db: Database, clock: Clock, guilds: Guilds, troubles: Mapping[int, Mapping[str, Mapping[str, str]]]
) -> None:
    """`troubles`: by server and kind what keeps its channel from being heard now; the kind completes the text's key.

    Where no channel is set yet, nothing counts as told.
    """
    async with db.transaction() as conn:
        told = _read(await process_state.get(conn, TOLD_KEY))
        now: dict[str, list[str]] = {}
        for guild_id, kinds in troubles.items():
            settings = guilds.find(guild_id)
            if settings is None or settings.admins_hear_in is None:
                continue
            now[str(guild_id)] = sorted(kinds)
            for kind in sorted(set(kinds) - set(told.get(str(guild_id), ()))):
                shown = {name: escape(value) for name, value in kinds[kind].items()}
                await _say(conn, clock, settings, guilds.reader(guild_id)(f"kick.trouble_{kind}", **shown))
        if now != told:
            await process_state.put(conn, TOLD_KEY, json.dumps(now, sort_keys=True))


def _read(kept: str | None) -> dict[str, list[str]]:
    found = json.loads(kept) if kept else {}
    return found if isinstance(found, dict) else {}


async def _say(conn: Connection, clock: Clock, settings: GuildSettings, text: str) -> None:
    message = Message(embeds=(Embed(description=text, colour=RED),))
    await outbox.post(conn, clock, settings.guild_id, settings.admins_hear_in, message)
