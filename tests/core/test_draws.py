"""The draw protocol's steps in the database, whichever feature a draw belongs to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core import draws, fair_draw
from core.db import Connection, Database, Row
from core.draws import DrawFinisher, Drawn, Freeze, Frozen
from core.errors import UserError
from core.fair_draw import Entrants
from core.verify import verify
from tests.raffle.support import GUILD, SECOND, FakeBeacon, FakeClock

ENTRANTS = {10: 5, 20: 1, 30: 7, 40: 2}


class Feature:
    """A publisher that remembers, and fails while it is told to."""

    def __init__(self) -> None:
        self.drawn: list[Drawn] = []
        self.delays: list[str] = []
        self.fail = False

    async def publish(self, conn: Connection, drawn: Drawn) -> None:
        if self.fail:
            raise RuntimeError("cannot announce")
        self.drawn.append(drawn)

    async def tell_delay(self, conn: Connection, row: Row) -> None:
        self.delays.append(row["draw_id"])


class Stage:
    """Draws of a feature called `giveaway`, opened at this moment."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = FakeClock()
        self.beacon = FakeBeacon(self.clock)
        self.feature = Feature()
        self.gone: set[int] = set()

    def finisher(self) -> DrawFinisher:
        return DrawFinisher(self.db, self.clock, self.beacon, {"giveaway": self.feature})

    async def open(self, draw_id: str = "giveaway/1", mode: str = "beacon") -> str:
        async with self.db.transaction() as conn:
            return await draws.open_draw(conn, self.clock, draw_id=draw_id, guild_id=GUILD, mode=mode)

    async def freeze(self, draw_id: str = "giveaway/1", winners: int = 2) -> Frozen:
        text = Entrants.from_pairs(ENTRANTS.items()).text
        freeze = Freeze(
            title="A title", prize="A prize", winners=winners, entrants=text, entrant_count=len(ENTRANTS),
            total_tickets=sum(ENTRANTS.values()), excluded=[(50, "left the server")], requested_by=None,
            channel_id=None,
        )  # fmt: skip
        async with self.db.transaction() as conn:
            return await draws.freeze_draw(conn, self.clock, self.beacon.chain, draw_id, freeze)

    async def finish(self) -> int:
        self.clock.advance(15 * SECOND)
        return await self.finisher().finish_due()

    async def replace(self, position: int, kind: str = "unclaimed") -> draws.Replacement:
        async with self.db.transaction() as conn:
            return await draws.take_reserve(
                conn, self.clock, "giveaway/1", position=position, kind=kind, by=9, reason="why", own_id=8,
                why_not=lambda users: {user: "left the server" for user in users if user in self.gone},
            )  # fmt: skip

    async def record(self, draw_id: str = "giveaway/1") -> Any:
        async with self.db.transaction() as conn:
            return json.loads(await draws.record_of(conn, draw_id))

    async def winners(self) -> list[int]:
        async with self.db.transaction() as conn:
            return await draws.current_winners(conn, "giveaway/1")


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    db = Database(database_url)
    yield Stage(db)
    await db.close()


async def test_open_freeze_draw_publish(stage: Stage) -> None:
    commitment = await stage.open()
    frozen = await stage.freeze()
    assert frozen.round == stage.beacon.chain.first_round_after(stage.clock.now())
    assert frozen.entrants_sha256 == fair_draw.entrants_sha256(Entrants.from_pairs(ENTRANTS.items()).text)
    assert await stage.finish() == 1
    (drawn,) = stage.feature.drawn
    record = await stage.record()
    assert record["commitment"] == commitment
    assert [int(pick["id"]) for pick in record["picks"]] == [pick.id for pick in drawn.picks] == await stage.winners()
    assert (len(drawn.picks), drawn.entrants.total, drawn.drawn_at) == (2, 15, stage.clock.now())
    assert record["excluded"] == [{"id": "50", "reason": "left the server"}]
    report = verify(record, stage.beacon.chain)
    assert report.ok


async def test_seeds_are_secret_and_differ(stage: Stage) -> None:
    assert await stage.open("giveaway/1") != await stage.open("giveaway/2")


async def test_a_draw_is_frozen_once(stage: Stage) -> None:
    await stage.open()
    await stage.freeze()
    for draw_id in ("giveaway/1", "giveaway/404"):
        with pytest.raises(UserError) as refused:
            await stage.freeze(draw_id)
        assert refused.value.key == "draw.already_frozen"


async def test_before_its_round_nobody_asks_the_beacon(stage: Stage) -> None:
    await stage.open()
    await stage.freeze()
    stage.clock.advance(9 * SECOND)
    assert await stage.finisher().finish_due() == 0
    assert stage.beacon.asked == []


@pytest.mark.parametrize(("down", "told"), [(False, []), (True, ["giveaway/1"])])
async def test_only_a_draw_that_goes_on_waiting_says_that_it_is_late(stage: Stage, down: bool, told: list[str]) -> None:
    """A draw resumed after an outage is not told as delayed in the moment of its winner."""
    await stage.open()
    await stage.freeze()
    stage.clock.advance(300 * SECOND)
    stage.beacon.down = down
    assert await stage.finisher().finish_due() == (not down)
    assert stage.feature.delays == told


async def test_a_result_that_cannot_be_published_is_not_stored(stage: Stage) -> None:
    await stage.open()
    await stage.freeze()
    stage.feature.fail = True
    with pytest.raises(RuntimeError, match="cannot announce"):
        await stage.finish()
    assert await stage.winners() == []
    stage.feature.fail = False
    assert await stage.finish() == 1
    assert len(stage.feature.drawn) == 1


async def test_draws_that_wait_are_finished_together_and_oldest_first(stage: Stage) -> None:
    for number in (1, 2, 3):
        await stage.open(f"giveaway/{number}", mode="commit" if number == 2 else "beacon")
        await stage.freeze(f"giveaway/{number}")
        stage.clock.advance(SECOND)
    assert await stage.finish() == 3
    assert [drawn.row["draw_id"] for drawn in stage.feature.drawn] == ["giveaway/1", "giveaway/2", "giveaway/3"]


async def test_a_replaced_place_takes_the_next_reserve(stage: Stage) -> None:
    await stage.open()
    await stage.freeze()
    with pytest.raises(UserError) as refused:
        await stage.replace(0)
    assert refused.value.key == "draw.not_drawn"
    await stage.finish()
    first, second = await stage.winners()
    one = await stage.replace(1)
    assert (one.position, one.replaced, one.tickets) == (1, second, ENTRANTS[one.winner.id])
    assert await stage.winners() == [first, one.winner.id]
    two = await stage.replace(1, "disqualified")
    assert (two.replaced, await stage.winners()) == (one.winner.id, [first, two.winner.id])
    with pytest.raises(UserError) as refused:
        await stage.replace(0)
    assert refused.value.key == "draw.no_reserves"
    record = await stage.record()
    assert [event["kind"] for event in record["events"]] == ["unclaimed", "disqualified"]
    assert verify(record, stage.beacon.chain).ok


async def test_a_reserve_who_cannot_have_it_is_passed_over_in_the_record(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are; with nobody left nothing is changed."""
    monkeypatch.setattr(draws, "RESERVES_LOOKED_AT", 1)
    await stage.open()
    await stage.freeze(winners=1)
    await stage.finish()
    order = (await stage.record())["entrants"]
    (winner,) = await stage.winners()
    stage.gone = {int(who) for who, _tickets in order}
    with pytest.raises(UserError, match=r"draw\.no_reserves"):
        await stage.replace(0, "reroll")
    assert (await stage.record())["events"] == []
    text = fair_draw.Entrants.from_pairs(ENTRANTS.items())
    seed = bytes.fromhex((await stage.record())["seed"])
    picks = [pick.id for pick in fair_draw.picks(seed, text, 4)]
    stage.gone = set(picks[1:3])
    taken = await stage.replace(0, "reroll")
    assert (taken.replaced, taken.winner.id, taken.passed) == (
        winner, picks[3], [(picks[1], "left the server"), (picks[2], "left the server")],
    )  # fmt: skip
    record = await stage.record()
    assert [(event["kind"], event["by"], event["reason"]) for event in record["events"]] == [
        ("reroll", "9", "why"), ("disqualified", "8", "left the server"), ("disqualified", "8", "left the server"),
    ]  # fmt: skip
    assert await stage.winners() == [picks[3]]
    assert verify(record, stage.beacon.chain).ok


async def test_more_winners_than_entrants_is_everybody(stage: Stage) -> None:
    await stage.open()
    await stage.freeze(winners=50)
    await stage.finish()
    assert sorted(await stage.winners()) == sorted(ENTRANTS)
    assert verify(await stage.record(), stage.beacon.chain).ok


async def test_a_missing_draw_is_none(stage: Stage) -> None:
    async with stage.db.transaction() as conn:
        assert await draws.get_draw(conn, "giveaway/404") is None
        assert await draws.current_winners(conn, "giveaway/404") == []
        assert await draws.waiting_draws(conn) == []
        with pytest.raises(UserError):
            await draws.record_of(conn, "giveaway/404")
