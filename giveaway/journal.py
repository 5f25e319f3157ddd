"""Every act is remembered (audit) and told in the server's log channel, in the transaction of the act."""

from __future__ import annotations

from typing import Any

from core import guilds, outbox
from core.db import Connection
from giveaway import letters, settings
from giveaway.facts import Tools
from giveaway.models import Giveaway


async def note(
    conn: Connection, tools: Tools, giveaway: Giveaway, action: str, actor: int | None, reason: str = "", **detail: Any
) -> None:  # fmt: skip
    """Who (None: the bot by itself) did what with the giveaway, and why."""
    told = {"giveaway": giveaway.giveaway_id, "reason": reason, **detail}
    await guilds.audit(conn, giveaway.guild_id, actor, f"giveaway_{action}", told, tools.clock.now())
    channel = (await settings.load(conn, giveaway.guild_id)).log_channel_id
    if channel is not None:
        reader = tools.guilds.reader(giveaway.guild_id)
        message = letters.logged(reader, giveaway, action, actor, reason)
        await outbox.post(conn, tools.clock, giveaway.guild_id, channel, message)


async def tell_host(conn: Connection, tools: Tools, giveaway: Giveaway, key: str, **args: object) -> None:
    """A direct message to the host, in the host's language."""
    reader = tools.guilds.reader(giveaway.guild_id, giveaway.host_id)
    message = letters.to_host(reader, giveaway, key, **args)
    await outbox.post_to_member(conn, tools.clock, giveaway.guild_id, giveaway.host_id, message)
