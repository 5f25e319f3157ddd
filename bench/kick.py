"""Kick: the memory of 20,000 active viewers, and a burst of gifts until all are paid."""

from __future__ import annotations

import asyncio
import gc
import resource
from pathlib import Path

from bench.support import GUILD, NOW, BenchClock, Figure, database, fill
from core.clock import monotonic
from core.config import Config
from core.db import Database
from core.guilds import Guilds
from core.kick_events import ChatMessage, GiftedSubs, KickChannelIds
from core.texts import Texts
from kick.delivery import Delivery
from raffle_system import periods
from raffle_system.kick_intake import KickIntake

VIEWERS, GIFTS, CHATROOM, CHANNEL = 20_000, 1_000, 4_000_001, 987_654_321_098_765_433

LINKED = """
INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at)
SELECT :guild, CAST(100000000000000000 AS bigint) + n, 'Viewer_' || n, 'viewer_' || n, n, :now
FROM generate_series(1, 100) n
"""


async def _intake(db: Database) -> KickIntake:
    guilds = Guilds(db, BenchClock(), Config(announcement_channel_id=CHANNEL), Texts())
    await guilds.ensure(GUILD)
    async with db.transaction() as conn:
        await periods.open_first(conn, BenchClock(), guilds.get(GUILD))
    made = KickIntake(db, BenchClock(), guilds, "chat")
    made.follow({GUILD: KickChannelIds("streamer", None, CHATROOM, None)})
    return made


def _resident() -> float:
    """Megabytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _message(number: int) -> ChatMessage:
    return ChatMessage(
        chatroom_id=CHATROOM, message_id=f"m-{number}", user_id=1_000_000 + number, username=f"Viewer_{number}",
        slug=f"viewer-{number}", content="hello", badges=frozenset(), kind="message", gift_count=None,
        created_at=NOW, received_at=NOW,
    )  # fmt: skip


def _gift(number: int) -> GiftedSubs:
    return GiftedSubs(
        chatroom_id=CHATROOM, channel_id=None, correlation_id=f"c-{number}", gifter_name=f"Viewer_{number % 100 + 1}",
        gifter_id=number % 100 + 1, giftees=(f"lucky_{number}",), gifted_total=1, gifter_total=number,
        chunk_index=None, total_chunks=None, anonymous=False, received_at=NOW,
    )  # fmt: skip


async def kick() -> list[Figure]:
    """Active viewers in memory, credited once; then gifts as the socket hands them over."""
    async with database() as db:
        intake = await _intake(db)
        gc.collect()
        idle = _resident()
        for number in range(VIEWERS):
            await intake.on_event(_message(number))
        await intake.tick_minutes()
        gc.collect()
        memory = _resident() - idle
        await fill(db, LINKED, guild=GUILD, now=NOW)
        took = await _burst(intake)
    return [
        Figure(name=f"Kick, {VIEWERS:,} active viewers over idle", figure=max(memory, 0.1), unit="MB", limit=60),
        Figure(name=f"Kick, {GIFTS:,} gift frames until all are settled", figure=took, unit="s", limit=5),
    ]


async def _burst(intake: KickIntake) -> float:
    delivery = Delivery(intake.on_event, many=intake.on_events)
    began = monotonic()
    for number in range(GIFTS):
        delivery.put(_gift(number))
    running = asyncio.create_task(delivery.run())
    await delivery.drained()
    took = monotonic() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return took
