"""A whole year of a community in Berlin: wagers, gifts, chat, three kills, an outage over a month's end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from core import draws, verify
from core.db import Database
from tests.e2e.conftest import StartBot, discord, sandbox, stage, start_bot  # noqa: F401 - fixtures
from tests.e2e.support import Bot, Stage, run_bot
from tests.patience import until

MONTHS = 12
STREAMS, KILLS, OUTAGE = (1, 7), (3, 6, 10), 8
BERLIN = ZoneInfo("Europe/Berlin")
OVER = (
    "SELECT number, start_date, end_date, status, frozen_at FROM raffle_periods WHERE status = 'ended' ORDER BY number"
)
DRAWN = "SELECT draw_id FROM draws WHERE drawn_at IS NOT NULL AND draw_id LIKE 'raffle/%' ORDER BY drawn_at"


class Year:
    """The bot's year, with a look into its database instead of waiting for what may come."""

    def __init__(self, where: Stage, bot: Bot, db: Database) -> None:
        self.stage, self.bot, self.db = where, bot, db
        self.gifts = self.streams = 0

    async def rows(self, sql: str, **parameters: Any) -> list[Any]:
        async with self.db.transaction() as conn:
            return list((await conn.execute(text(sql), parameters)).mappings())

    async def until(self, sql: str, count: int) -> None:
        """Wait until the query has that many rows."""

        async def look() -> bool:
            return len(await self.rows(sql)) >= count

        await until(look, 30)

    async def gift(self, count: int) -> None:
        await self.stage.kick.gift("viewer1", count)
        self.gifts += 1
        await self.until("SELECT 1 FROM raffle_gifted_subs", self.gifts)

    async def stream(self) -> None:
        """An hour and a bit of chat, in fast motion."""
        await self.stage.kick.go_live()
        self.stage.clock.turn(speed=2400)
        self.streams += 1

        async def an_hour() -> bool:
            await self.stage.kick.chat("viewer1", "what a stream")
            await self.stage.clock.wait(5 * 60)
            return len(await self.rows("SELECT 1 FROM watchtime_periods WHERE minutes >= 60")) >= self.streams

        await until(an_hour, 30)
        self.stage.clock.turn(speed=1)
        await self.stage.kick.go_offline()

    async def end(self) -> datetime:
        found: datetime = (await self.rows("SELECT end_date FROM raffle_periods WHERE status = 'active'"))[0][
            "end_date"
        ]
        return found

    async def turn_to_end(self, late: timedelta = timedelta(seconds=2)) -> None:
        self.stage.clock.turn(forward=await self.end() + late - self.stage.clock.now())

    async def month(self, number: int) -> None:
        await self.gift(1 + number % 3)
        if number in STREAMS:
            await self.stream()
        self.stage.sandbox.affiliate.raise_("roller", Decimal(1000))
        if number in KILLS:
            await self.bot.kill()
            await self.bot.again()
            await self.stage.kick_is_heard()
        if number == OUTAGE:
            await self.bot.stop()
            await self.turn_to_end(timedelta(days=3))
            await self.bot.again()
            await self.stage.kick_is_heard()
        else:
            await self.turn_to_end()
        await self.until(OVER, number)
        self.stage.clock.turn(forward=timedelta(seconds=30))
        await self.until(DRAWN, number)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def year(stage: Stage, start_bot: StartBot, db: Database) -> Year:  # noqa: F811
    bot = await start_bot(BOT_TIMEZONE="Europe/Berlin", AUTO_DRAW_ON_RESET="true")
    await stage.kick_is_heard()
    made = Year(stage, bot, db)
    await made.until("SELECT 1 FROM wager_feeds WHERE baseline_at IS NOT NULL", 1)
    return made


@pytest.mark.timeout(180)
async def test_a_year(year: Year, database_url: str, tmp_path: Path) -> None:
    people = year.stage.discord
    await year.stage.link("viewer1")
    asked = await people.as_user("streamer").slash(
        "raffle verify shuffle", channel="raffle", shuffle_user="roller", kick_user="viewer1"
    )
    assert "is linked to" in (await asked.answer()).text
    for number in range(1, MONTHS + 1):
        await year.month(number)
    await the_periods_are_whole(year)
    await the_tickets_are_right(year)
    await every_record_is_good(year)
    code, said = await run_bot(tmp_path / "audit", {"DATABASE_URL": database_url}, "audit")
    assert (code, "all agree with the ledger" in said) == (0, True), said
    assert len(await year.stage.announced("RAFFLE WINNER")) == MONTHS
    assert len(await year.stage.announced("A new raffle has started")) == MONTHS


async def the_periods_are_whole(year: Year) -> None:
    over = await year.rows(OVER)
    assert [row["number"] for row in over] == list(range(1, MONTHS + 1))
    assert all(row["frozen_at"] for row in over)
    following = (await year.rows("SELECT start_date FROM raffle_periods WHERE status = 'active'"))[0]["start_date"]
    assert [row["end_date"] for row in over] == [*(row["start_date"] for row in over[1:]), following]
    local = [row["end_date"].astimezone(BERLIN) for row in over]
    assert {(at.day, at.hour) for at in local} == {(1, 0)}
    assert len({at.utcoffset() for at in local}) == 2, "summer time came and went"


async def the_tickets_are_right(year: Year) -> None:
    """1000 USD a month are 20 tickets; those of the outage's month came to light in the next one."""
    rows = await year.rows(
        "SELECT p.number, t.shuffle_wager_tickets AS wagers, t.gifted_sub_tickets AS gifts, "
        "t.watchtime_tickets AS watch FROM raffle_tickets t JOIN raffle_periods p ON p.id = t.period_id "
        "WHERE p.status = 'ended' ORDER BY p.number"
    )
    wagers = {row["number"]: row["wagers"] for row in rows}
    assert wagers == {n: {OUTAGE: 0, OUTAGE + 1: 40}.get(n, 20) for n in range(1, MONTHS + 1)}
    assert [row["gifts"] for row in rows] == [15 * (1 + n % 3) for n in range(1, MONTHS + 1)]
    assert {row["number"] for row in rows if row["watch"]} == set(STREAMS)


async def every_record_is_good(year: Year) -> None:
    drawn = [row["draw_id"] for row in await year.rows(DRAWN)]
    assert len(drawn) == MONTHS
    for draw_id in drawn:
        async with year.db.transaction() as conn:
            report = verify.verify(json.loads(await draws.record_of(conn, draw_id)))
        assert report.ok, report.render()
