"""The thanks for gifts: one message for what one person gives in a burst."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.db import Connection
from core.guilds import GuildSettings
from core.identity import name_key
from core.messages import Message
from core.texts import Reader
from raffle_system import announcements
from raffle_system import gift_notice_store as store
from raffle_system.gifted_sub_tracker import Award

BURST = timedelta(seconds=30)


async def message(conn: Connection, reader: Reader, settings: GuildSettings, award: Award) -> Message | None:
    """What to say of a gift: a new message, or the one of the burst with everything added up.

    None for an anonymous gifter, who is never named.
    """
    if award.anonymous:
        return None
    gifter = f"member:{award.discord_id}" if award.discord_id else f"kick:{name_key(award.gifter)}"
    ref = f"gift/{settings.guild_id}/{award.gift_id}"
    so_far = await store.burst(conn, settings.guild_id, gifter, ref, award.count, award.tickets, award.at, BURST)
    added_up = replace(award, count=so_far["subs"], tickets=so_far["tickets"])
    thanks = announcements.gift(reader, added_up)
    return thanks and replace(thanks, ref=so_far["ref"], edits=so_far["ref"] != ref)
