"""The draw of 1,000,000 entrants: from the balances to the stored record, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from datetime import datetime, timedelta

from bench.support import FIRST_MEMBER, GUILD, NOW, Figure, database, fill, open_guild, settle
from core import draws
from core.beacon import BeaconClient, BeaconRound, randomness_of
from core.clock import monotonic
from core.db import Connection, Database, Row
from core.draws import DrawFinisher, Drawn, Freeze
from raffle_system import entrants_store
from raffle_system.models import Entering

ENTRANTS, WINNERS = 1_000_000, 50
BALANCES = """
INSERT INTO raffle_tickets (guild_id, period_id, discord_id, kick_name, bonus_tickets, total_tickets, last_updated)
SELECT :guild, :period, CAST(:first AS bigint) + n * CAST(7919 AS bigint), 'viewer' || n, 1 + n % 500, 1 + n % 500, :now
FROM generate_series(1, :count) n
"""


class _LaterClock:
    """Stands still where the round is out."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError(f"a bench does not wait ({seconds} s)")


class _Beacon(BeaconClient):
    """Any round at once: the check of a signature has its own figure in the beacon's tests (1.3 ms)."""

    async def fetch(self, number: int) -> BeaconRound | None:
        signature = f"{number:096x}"
        return BeaconRound(number, signature, randomness_of(signature))


class _Publisher:
    async def publish(self, conn: Connection, drawn: Drawn) -> None:
        if len(drawn.picks) != WINNERS:
            raise RuntimeError(f"{len(drawn.picks)} picks")

    async def tell_delay(self, conn: Connection, row: Row) -> None:
        raise NotImplementedError(row["draw_id"])


async def draw() -> list[Figure]:
    async with database() as db:
        _settings, period = await open_guild(db)
        await fill(db, BALANCES, guild=GUILD, period=period.id, first=FIRST_MEMBER, count=ENTRANTS, now=NOW)
        await settle(db)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.draw", db.url, str(period.id), period.draw_id, stdout=asyncio.subprocess.PIPE
        )
        out, _err = await child.communicate()
        if child.returncode:
            raise RuntimeError(f"the draw ended with {child.returncode}")
    told = json.loads(out)
    parts = [
        Figure(name=f"draw, {ENTRANTS:,} entrants: {part}", figure=told[part], unit="s")
        for part in ("freeze", "picks stored", "record")
    ]
    whole = f"draw, {ENTRANTS:,} entrants, {WINNERS} winners"
    return [
        *parts,
        Figure(name=f"{whole}, balances to record", figure=sum(part.figure for part in parts), unit="s", limit=2),
        Figure(name=f"{whole}, peak memory of the process", figure=told["peak"], unit="MB", limit=300),
    ]


async def _measure(url: str, period_id: int, draw_id: str) -> dict[str, float]:
    db = Database(url)
    await db.ping()
    told: dict[str, float] = {}
    began = monotonic()
    await _freeze(db, period_id, draw_id)
    told["freeze"] = monotonic() - began
    began = monotonic()
    clock = _LaterClock(NOW + timedelta(seconds=20))
    if await DrawFinisher(db, clock, _Beacon(), {"raffle": _Publisher()}).finish_due() != 1:
        raise RuntimeError("nothing was drawn")
    told["picks stored"] = monotonic() - began
    began = monotonic()
    async with db.transaction() as conn:
        record = await draws.record_of(conn, draw_id)
    told["record"] = monotonic() - began
    told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if record.count(b"\n") < ENTRANTS:
        raise RuntimeError("the record lacks entrants")
    await db.close()
    return told


async def _freeze(db: Database, period_id: int, draw_id: str) -> None:
    async with db.transaction() as conn:
        text, count, tickets = await entrants_store.entrant_text(conn, period_id, Entering(minimum=1))
        freeze = Freeze(
            title="November 2025", prize="a prize", winners=WINNERS, entrants=text,
            entrant_count=count, total_tickets=tickets, excluded=[], requested_by=None, channel_id=None,
        )  # fmt: skip
        await draws.freeze_draw(conn, _LaterClock(NOW), _Beacon().chain, draw_id, freeze)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(sys.argv[1], int(sys.argv[2]), sys.argv[3]))))
