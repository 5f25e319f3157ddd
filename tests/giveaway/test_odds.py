"""What a press is told where there are several prizes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.texts import Texts
from giveaway import entry_store, queries, replies
from giveaway.odds import FEW, Odds
from tests.giveaway.support import VIP, World, person, vip_entities

ENGLISH = Texts().reader("en")


async def test_with_one_prize_it_is_the_chance_of_that(world: World) -> None:
    giveaway = await world.create(entities=vip_entities())
    _first, last = await world.enter(giveaway, person(1, VIP), person(2))
    assert "1 entry of 7: 14.3% for the first prize" in replies.entered(ENGLISH, last).description
    assert "one of the" not in replies.entered(ENGLISH, last).description


async def test_with_several_the_chance_of_any_is_told_too(world: World) -> None:
    giveaway = await world.create(entities=vip_entities(), winners_count=2)
    pressed = await world.enter(giveaway, person(1, VIP), person(2), person(3, VIP), person(4))
    told = [replies.entered(ENGLISH, one).description for one in pressed]
    assert "6 entries of 6: 100% for the first prize, 100% for one of the 2" in told[0]
    # 1/14, and 2 x 6/14 x 1/8 + 1/14 x 1/13 for the second.
    assert "1 entry of 14: 7.14% for the first prize, 18.4% for one of the 2" in told[3]
    async with world.db.transaction() as conn:
        page = await queries.entries_page(conn, giveaway)
        own = await queries.own_entry(conn, giveaway, 4)
        odds = await world.tools.odds.of(conn, giveaway, page.entries, page.total_tickets, world.clock.now())
    listed = replies.entries(ENGLISH, giveaway, page, own, odds).description
    assert listed.count("42.9% (any prize: 81.6%)") == 2
    assert "18.4% for one of the 2" in listed


async def test_without_points_everybody_has_the_same_chance(world: World) -> None:
    giveaway = await world.create(winners_count=3)
    pressed = await world.enter(giveaway, *(person(n) for n in range(1, 7)))
    assert "1 entry of 6: 16.7% for the first prize, 50% for one of the 3" in (
        replies.entered(ENGLISH, pressed[-1]).description
    )


async def test_how_a_long_list_is_spread_is_looked_up_once_in_ten_seconds(world: World, monkeypatch: Any) -> None:
    giveaway = await world.create(entities=vip_entities(), winners_count=2)
    asked = []

    async def spread(_conn: Any, number: int) -> dict[int, int]:
        asked.append(number)
        return {0: 90_000, 5: 10_000}

    monkeypatch.setattr(entry_store, "spread", spread)
    odds, now = Odds(), world.clock.now()
    async with world.db.transaction() as conn:
        for _ in range(5):
            await odds.of(conn, giveaway, 100_000, 150_000, now)
        assert len(asked) == 1
        await odds.of(conn, giveaway, 100_000, 150_000, now + timedelta(seconds=10))
        assert len(asked) == 2
        await odds.of(conn, giveaway, FEW, 150_000, now + timedelta(seconds=10))
        assert len(asked) == 3
