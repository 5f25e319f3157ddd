"""What people ask for, with the answer to its COMMIT lost on the wire: done once, and told as done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from cogs._acting import perform
from core.acts import Acts
from core.db import Connection, Database
from core.messages import Embed
from giveaway import entry_store
from giveaway import giveaway_system as system
from raffle_system import month_ends, prizes, tickets
from raffle_system.models import ARCHIVED
from tests.cut_proxy import CutProxy
from tests.giveaway import support as giveaways
from tests.raffle.support import ADMIN, MEMBER, World

PAGE = Embed(description="done")


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[CutProxy]:
    made = CutProxy(database_url)
    await made.start()
    yield made
    await made.close()


async def lost(proxy: CutProxy, db: Database, clock: Any, name: str, work: Any) -> None:
    """Do it with the answer lost, and once more as if Discord had told of the request twice."""

    async def done(conn: Connection) -> Embed:
        await work(conn)
        return PAGE

    services: Any = SimpleNamespace(acts=Acts(db, clock))
    cuts = proxy.cuts
    proxy.cut_commit_of(name.encode())
    for _ in range(2):
        assert await perform(services, 1, 900, ADMIN, name, done) == PAGE
    assert proxy.cuts == cuts + 1


async def test_the_raffles_acts(proxy: CutProxy) -> None:
    db = Database(proxy.url)
    try:
        world = await World(db).open()
        period = await world.period()
        grant: dict[str, Any] = {"reason": "", "actor": ADMIN, "ref": "request:1", "now": world.clock.now()}
        await lost(
            proxy, db, world.clock, "raffle.bonus", lambda conn: tickets.give(conn, period, MEMBER, 7, **grant)
        )  # fmt: skip
        assert await world.total() == 7
        await lost(
            proxy, db, world.clock, "raffle.prizes",
            lambda conn: prizes.set_(conn, world.clock, world.settings, None, ["a", "b"], ADMIN),
        )  # fmt: skip
        await lost(proxy, db, world.clock, "raffle.draw", lambda conn: world.start_draw_in(conn, period))
        second = await world.period()
        await lost(
            proxy, db, world.clock, "raffle.reset",
            lambda conn: month_ends.set_aside(
                conn, world.clock, world.guilds, world.settings, second.id, world.schedule.last_call, ADMIN, 5
            ),
        )  # fmt: skip
        found = await world.rows("SELECT number, status FROM raffle_periods ORDER BY number")
        assert [row["status"] for row in found] == ["ended", ARCHIVED, "active"]
        done = await world.rows("SELECT action, count(*) AS times FROM audit_log GROUP BY action ORDER BY action")
        assert done == [{"action": name, "times": 1} for name in ("bonus", "draw", "prizes", "reset")]
    finally:
        await db.close()


async def test_the_giveaways_acts(proxy: CutProxy) -> None:
    world = await giveaways.make_world(proxy.url)
    try:
        await lost(
            proxy, world.db, world.clock, "giveaway.create",
            lambda conn: system.create_giveaway(conn, world.tools, world.guild, giveaways.draft(), giveaways.HOST),
        )  # fmt: skip
        async with world.db.reading() as conn:
            made = await system.find(conn, giveaways.GUILD, 1)
        await world.enter(made, giveaways.person(1), giveaways.person(2))
        await lost(
            proxy, world.db, world.clock, "giveaway.leave",
            lambda conn: system.leave(conn, world.tools, giveaways.GUILD, 1, 2),
        )  # fmt: skip
        await lost(
            proxy, world.db, world.clock, "giveaway.end",
            lambda conn: system.end_giveaway(conn, world.tools, made, giveaways.HOST),
        )  # fmt: skip
        async with world.db.reading() as conn:
            rows = (await conn.execute(text("SELECT giveaway_id, status FROM giveaways"))).all()
            entries, _tickets = await entry_store.totals(conn, 1)
        assert (rows, entries) == ([(1, "ending")], 1)
    finally:
        await world.db.close()


async def test_an_entry_whose_answer_is_lost_is_made_again(proxy: CutProxy) -> None:
    """It may be done twice: the second time it is there already."""
    world = await giveaways.make_world(proxy.url)
    try:
        made = await world.create()
        proxy.cut_after(b"giveaway_entries")
        entry = await Acts(world.db, world.clock).repeat(
            lambda conn: system.add_entry(conn, world.tools, giveaways.GUILD, made.giveaway_id, giveaways.person(1))
        )
        assert (proxy.cuts, entry.entries) == (1, 1)
    finally:
        await world.db.close()
