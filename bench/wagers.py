"""A poll of 10,000 accounts, all of them changed, and a month's end with 100,000 members."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bench.conversion import IN_PERIOD, WATCHED
from bench.conversion import LINKED as KICK_LINKED
from bench.support import FIRST_MEMBER, GUILD, NOW, BenchClock, Figure, Statements, database, fill, open_guild, settle
from core.beacon import QUICKNET
from core.clock import monotonic
from core.config import Config
from core.db import Database
from core.guilds import Guilds
from core.texts import Texts
from raffle_system import wager_store
from raffle_system.models import Period
from raffle_system.scheduler import RaffleSchedule
from raffle_system.tickets import audit_differences
from raffle_system.wager_sources import WagerRow

ACCOUNTS, MEMBERS = 10_000, 100_000
RUNS = 3
RATE, THRESHOLD = 20, 20

LINKED = """
INSERT INTO raffle_shuffle_links (
    guild_id, casino, shuffle_username, name_key, kick_name, discord_id, linked_at, verified, status
)
SELECT :guild, 'shuffle', 'player' || n, 'player' || n, 'viewer' || n, CAST(:first AS bigint) + n, :now, TRUE,
    'verified'
FROM generate_series(1, :count) n
"""


async def poll() -> list[Figure]:
    """Everybody is linked and everybody wagered enough for tickets since the last poll."""
    async with database() as db:
        _settings, period = await open_guild(db)
        await fill(db, LINKED, guild=GUILD, first=FIRST_MEMBER, count=ACCOUNTS, now=NOW)
        baseline, _ = await _poll(db, period, 0, ACCOUNTS, baseline=True)
        await settle(db)
        first, statements = await _poll(db, period, 1, ACCOUNTS)
        later = []
        for run in range(RUNS):
            await settle(db)
            later.append((await _poll(db, period, 2 + run, ACCOUNTS))[0])
        _took, few = await _poll(db, period, 9, 10)
        async with db.transaction() as conn:
            if await audit_differences(conn):
                raise RuntimeError("the balances are not the ledger's sums")
    return [
        Figure(name=f"wager poll, {ACCOUNTS:,} accounts, the baseline", figure=baseline, unit="s", limit=1),
        Figure(name=f"wager poll, {ACCOUNTS:,} accounts all changed, first", figure=first, unit="s", limit=1),
        Figure(
            name=f"wager poll, {ACCOUNTS:,} accounts all changed, later", figure=sorted(later)[1], unit="s", limit=1
        ),
        Figure(name="wager poll, statements beyond those for 10", figure=statements - few, unit="", limit=0.5),
    ]


async def _poll(
    db: Database, period: Period, level: int, count: int, *, baseline: bool = False
) -> tuple[float, int]:  # fmt: skip
    """(seconds until committed, statements) of an answer in which all have `level` times 1000 USD more."""
    rows = [WagerRow(f"player{n}", f"player{n}", f"Player{n}", Decimal(n + 1000 * level)) for n in range(1, count + 1)]
    place = {
        "guild_id": GUILD, "period_id": period.id, "casino": "shuffle", "source_key": "shuffle_stats",
        "windowed": False,
    }  # fmt: skip
    began = monotonic()
    async with db.transaction() as conn:
        statements = Statements(conn)
        await wager_store.compare(conn, place, rows)
        paid = await wager_store.absorb(
            conn, place, rows, rate=RATE, threshold=THRESHOLD, baseline=baseline, rebase=False, now=NOW
        )
    took = monotonic() - began
    if not baseline and paid[0]["members"] != count:
        raise RuntimeError(f"{paid[0]['members']} members were paid")
    return took, statements.count


class MonthsEnd(BenchClock):
    """The bench's clock, which can be set to the period's end."""

    moment = NOW

    def now(self) -> datetime:
        return self.moment


async def month() -> list[Figure]:
    """100,000 members with an hour to convert at the last call; until the next period is open."""
    async with database() as db:
        _settings, period = await open_guild(db)
        await fill(db, KICK_LINKED, guild=GUILD, first=FIRST_MEMBER, count=MEMBERS, now=NOW)
        await fill(db, WATCHED, guild=GUILD, count=MEMBERS, now=NOW)
        await fill(db, IN_PERIOD, guild=GUILD, period=period.id, count=MEMBERS)
        await settle(db)
        clock = MonthsEnd()
        clock.moment = period.end_date
        guilds = Guilds(db, clock, Config(announcement_channel_id=1), Texts())
        await guilds.load()
        schedule = RaffleSchedule(db, clock, guilds, QUICKNET)
        began = monotonic()
        await schedule.close_due_periods()
        took = monotonic() - began
        async with db.transaction() as conn:
            if await audit_differences(conn):
                raise RuntimeError("the balances are not the ledger's sums")
    return [Figure(name=f"month end, {MEMBERS:,} members, until the next is open", figure=took, unit="s", limit=5)]
