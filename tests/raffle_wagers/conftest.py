"""A raffle with a wager feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from core import identity
from core.config import Config
from core.db import Connection, Database
from raffle_system import periods, shuffle_links
from raffle_system.scheduler import RaffleSchedule
from raffle_system.shuffle_tracker import Paid, ShuffleTracker
from raffle_system.wager_sources import feeds_of
from tests.raffle.support import ADMIN, CHANNEL, MEMBER, World, config
from tests.raffle_wagers.feed import CasinoServer

ADMIN_CHANNEL = CHANNEL + 50


class WagerWorld(World):
    """`casino` is the one feed's server; `poll` asks it and moves the clock on by the interval."""

    casino: CasinoServer
    tracker: ShuffleTracker

    async def poll(self, *, wait: timedelta = timedelta(minutes=15)) -> Paid:
        paid = await self.tracker.poll(feeds_of(self.settings)[0])
        self.clock.advance(wait)
        return paid

    async def polled(self, **amounts: object) -> int:
        """Answer with these amounts, poll once, and say how many tickets were paid."""
        self.casino.wagers(**amounts)
        return (await self.poll()).tickets

    async def verify(self, name: str = "obel", member: int = MEMBER, kick: str = "") -> Any:
        """A link that an admin has approved, with its retroactive credit."""
        async with self.db.transaction() as conn:
            kick_name = await self._kick_name(conn, member, kick)
            return await shuffle_links.verify(
                conn, self.clock, self.guilds, self.settings, "shuffle", name, kick_name, ADMIN
            )

    async def thaw(self) -> int:
        """An admin believes the fallen amounts; how many feeds go on."""
        async with self.db.transaction() as conn:
            return await self.tracker.thaw(conn, self.guild_id, MEMBER)

    async def _kick_name(self, conn: Connection, member: int, kick: str) -> str:
        known = await identity.link_of(conn, self.guild_id, member)
        if known is not None:
            return known.kick_name
        name = kick or f"kick{member % 1000}"
        await identity.bind(conn, self.guild_id, member, name, member % 100_000, None, self.clock.now())
        return name

    async def end_month(self) -> None:
        """Let the running period's end come, and close it."""
        self.clock.set((await self.period()).end_date)
        await self.schedule.close_due_periods()

    async def start_over(self) -> None:
        """End the running period at this moment, as `raffle reset` does."""
        async with self.db.transaction() as conn:
            current = await periods.active(conn, self.guild_id, for_update=True)
            await periods.end_now(conn, self.clock, self.settings, current, self.schedule.last_call)

    async def told(self, channel: int) -> list[str]:
        """What was said in a channel, as text."""
        rows = await self.rows("SELECT payload FROM outbox WHERE channel_id = :c ORDER BY id", c=channel)
        return ["\n".join(_texts(row["payload"])) for row in rows]

    async def admins_told(self) -> list[str]:
        return await self.told(ADMIN_CHANNEL)

    async def members_told(self) -> list[str]:
        return await self.told(CHANNEL)


def _texts(payload: Any) -> list[str]:
    found = [payload["content"]]
    for embed in payload["embeds"]:
        found += [embed["title"], embed["description"], *(f["name"] + " " + f["value"] for f in embed["fields"])]
    return [text for text in found if text]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def casino() -> AsyncIterator[CasinoServer]:
    async with CasinoServer() as server:
        yield server


async def opened(db: Database, casino: CasinoServer, settings: Config) -> WagerWorld:
    world = WagerWorld(db, config=settings)
    world.casino = casino
    session = aiohttp.ClientSession()
    world.tracker = ShuffleTracker(db, world.clock, world.guilds, session)
    world.schedule = RaffleSchedule(db, world.clock, world.guilds, world.beacon.chain, world.tracker.last_poll)
    await world.open()
    return world


@pytest.fixture
async def world(db: Database, casino: CasinoServer) -> AsyncIterator[WagerWorld]:
    """A guild with Shuffle's lifetime statistics, whose first raffle has just been opened."""
    made = await opened(
        db, casino,
        config(shuffle_affiliate_url=casino.url, shuffle_campaign_code="lele", admin_channel_id=ADMIN_CHANNEL),
    )  # fmt: skip
    yield made
    await made.tracker._session.close()


@pytest.fixture
async def windowed(db: Database, casino: CasinoServer) -> AsyncIterator[WagerWorld]:
    """The same with the statistics of a span."""
    made = await opened(
        db, casino,
        config(wager_sources=f"shuffle_window={casino.url}", admin_channel_id=ADMIN_CHANNEL),
    )  # fmt: skip
    yield made
    await made.tracker._session.close()
