"""The thanks for gifts: one message for what one person gives in a burst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from core import outbox
from core.clock import Clock
from core.db import Connection
from core.guilds import Guilds, GuildSettings
from core.identity import name_key
from core.messages import Message
from core.texts import Reader
from raffle_system import announcements
from raffle_system import gift_notice_store as store
from raffle_system.gift_payments import Award

BURST = timedelta(seconds=30)


async def post(
    conn: Connection, clock: Clock, guilds: Guilds, settings: GuildSettings, awards: Sequence[Award]
) -> None:
    """Thank for gifts where everybody reads, and tell the admins of those whose raffle was frozen before they came."""
    if not awards:
        return
    reader = guilds.reader(settings.guild_id)
    thanks = await messages(conn, reader, settings, awards)
    await outbox.post_many(conn, clock, settings.guild_id, settings.announcement_channel_id, thanks)
    for award in awards:
        if award.moved:
            await outbox.post(
                conn, clock, settings.guild_id, settings.admins_hear_in, announcements.moved(reader, award)
            )


async def messages(conn: Connection, reader: Reader, settings: GuildSettings, awards: Iterable[Award]) -> list[Message]:
    """What to say of gifts, one message for each giver: a new one, or that of the burst with everything added up.

    Anonymous gifters are never named.
    """
    together = _by_gifter(awards)
    if not together:
        return []
    known = list(together.values())
    refs = [f"gift/{settings.guild_id}/{award.gift_id}" for award in known]
    so_far = await store.bursts(
        conn, settings.guild_id, list(together), refs, [award.count for award in known],
        [award.tickets for award in known], max(award.at for award in known), BURST,
    )  # fmt: skip
    said = []
    for gifter, award, ref in zip(together, known, refs, strict=True):
        row = so_far[gifter]
        thanks = announcements.gift(reader, replace(award, count=row["subs"], tickets=row["tickets"]))
        if thanks is not None:
            said.append(replace(thanks, ref=row["ref"], edits=row["ref"] != ref))
    return said


def _by_gifter(awards: Iterable[Award]) -> dict[str, Award]:
    """What each gave at once, added up under the first gift."""
    together: dict[str, Award] = {}
    for award in awards:
        if not award.anonymous:
            gifter = f"member:{award.discord_id}" if award.discord_id else f"kick:{name_key(award.gifter)}"
            first = together.get(gifter)
            if first is None:
                together[gifter] = award
            else:
                count, tickets = first.count + award.count, first.tickets + award.tickets
                together[gifter] = replace(first, count=count, tickets=tickets, moved=first.moved or award.moved)
    return together
