"""Accounts that have an id keep it through every name; a list that starts over is noticed, however small."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.db import Database
from raffle_system import shuffle_links
from raffle_system.wager_sources.decoders import SOURCES
from raffle_system.wager_sources.fetching import _seconds, read
from raffle_system.wager_sources.rows import FeedTrouble, amount_of
from tests.raffle.support import ADMIN, MEMBER, OTHER, config
from tests.raffle_wagers.conftest import ADMIN_CHANNEL, WagerWorld, opened
from tests.raffle_wagers.feed import CasinoServer


@pytest.fixture
async def rainbet(db: Database, casino: CasinoServer) -> AsyncIterator[WagerWorld]:
    """A guild with lifetime statistics whose accounts have ids."""
    made = await opened(
        db, casino, config(wager_sources=f"rainbet={casino.url}#k", admin_channel_id=ADMIN_CHANNEL)
    )  # fmt: skip
    yield made
    await made.tracker._session.close()


async def answered(world: WagerWorld, *rows: tuple[int, str, object]) -> int:
    world.casino.status = 200
    world.casino.answer = {
        "affiliates": [{"id": account, "username": name, "wagered_amount": str(usd)} for account, name, usd in rows]
    }
    return (await world.poll()).tickets


async def link(world: WagerWorld, name: str, member: int = MEMBER) -> Any:
    async with world.db.transaction() as conn:
        kick = await world._kick_name(conn, member, "")
        return await shuffle_links.verify(conn, world.clock, world.guilds, world.settings, "rainbet", name, kick, ADMIN)


async def test_a_link_follows_its_account_and_not_the_name(rainbet: WagerWorld) -> None:
    await answered(rainbet, (1, "obel", 0), (2, "rex", 0))
    await link(rainbet, "Obel")
    assert await answered(rainbet, (1, "obel", 1000), (2, "rex", 0)) == 20
    assert await answered(rainbet, (1, "Belo", 1500), (2, "obel", 5000)) == 10
    told = await rainbet.admins_told()
    assert len([text for text in told if "wagers.renamed" in text and "Belo" in text]) == 1
    assert await answered(rainbet, (1, "Belo", 1500), (2, "obel", 9000)) == 0
    assert await rainbet.total() == 30
    assert len(await rainbet.admins_told()) == len(told)
    await link(rainbet, "obel", OTHER)
    assert await rainbet.total(OTHER) == 180


async def test_a_linked_name_under_another_id_earns_nothing_and_is_told_once(rainbet: WagerWorld) -> None:
    await answered(rainbet, (1, "obel", 0), (3, "x", 0))
    await link(rainbet, "obel")
    for usd in (1000, 2000):
        assert await answered(rainbet, (2, "obel", usd), (3, "x", 0)) == 0
    told = [text for text in await rainbet.admins_told() if "wagers.stranger" in text]
    assert len(told) == 1
    assert await answered(rainbet, (1, "obel", 100), (2, "obel", 2000), (3, "x", 0)) == 2


async def test_two_accounts_of_one_name_hang_on_no_link(rainbet: WagerWorld) -> None:
    await answered(rainbet, (1, "obel", 0), (2, "Obel", 0))
    made = await link(rainbet, "obel")
    assert await answered(rainbet, (1, "obel", 1000), (2, "Obel", 1000)) == 0
    assert made.tickets == 0
    assert len([text for text in await rainbet.admins_told() if "wagers.ambiguous" in text]) == 1
    await answered(rainbet, (1, "obel", 1000), (2, "other", 1000))
    await answered(rainbet, (1, "obel", 1000), (2, "other", 1000))
    assert await rainbet.total() == 20


async def test_a_link_made_before_the_account_was_seen_takes_its_id(rainbet: WagerWorld) -> None:
    await answered(rainbet, (2, "rex", 0))
    await link(rainbet, "obel")
    assert await answered(rainbet, (1, "obel", 500), (2, "rex", 0)) == 10
    assert await rainbet.scalar("SELECT account_key FROM raffle_shuffle_links") == "id:1"


async def test_a_list_that_starts_over_with_one_linked_member(world: WagerWorld) -> None:
    """Told once when it stays; after the admin's word what was wagered since the fall counts, and nothing twice."""
    await world.polled(obel=1000)
    await world.verify()
    assert await world.polled(obel=2000) == 20
    assert await world.polled(obel=0) == 0
    assert await world.polled(obel=300) == 0
    assert await world.polled(obel=400) == 0
    told = [text for text in await world.admins_told() if "wagers.fallen" in text]
    assert len(told) == 1
    assert "$2,000.00" in told[0]
    async with world.db.transaction() as conn:
        assert await world.tracker.thaw(conn, world.guild_id, ADMIN) == 1
    assert await world.polled(obel=500) == 10
    assert await world.polled(obel=2000) == 30
    assert await world.total() == 60


async def test_names_that_come_back_one_by_one(world: WagerWorld) -> None:
    await world.polled(a=1000, b=2000, c=3000)
    await world.verify("a")
    await world.verify("b", OTHER)
    await world.polled(a=10, z=0)
    await world.polled(a=60, z=0)
    await world.polled(a=60, b=100, z=0)
    await world.polled(a=60, b=150, z=0)
    assert len([text for text in await world.admins_told() if "wagers.fallen" in text]) == 1
    async with world.db.transaction() as conn:
        await world.tracker.thaw(conn, world.guild_id, ADMIN)
    assert await world.polled(a=60, b=150, z=0) == 2
    assert (await world.total(), await world.total(OTHER)) == (1, 1)


async def test_a_fall_over_the_months_turn_is_not_forgotten(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify()
    await world.polled(obel=0)
    await world.end_month()
    await world.polled(obel=200)
    assert any("wagers.fallen" in text for text in await world.admins_told())
    async with world.db.transaction() as conn:
        await world.tracker.thaw(conn, world.guild_id, ADMIN)
    assert await world.polled(obel=200) == 4


async def test_a_fall_that_was_a_mistake_costs_nothing(world: WagerWorld) -> None:
    await world.polled(obel=1000)
    await world.verify()
    await world.polled(obel=0)
    assert await world.polled(obel=1100) == 2
    assert not any("wagers.fallen" in text for text in await world.admins_told())


@pytest.mark.parametrize("rows", [[("Jo***n", 0)], [("twin", 0), ("twin", 0)]])
async def test_a_name_that_several_may_have_waits(world: WagerWorld, rows: list[tuple[str, object]]) -> None:
    name = rows[0][0]
    world.casino.rows(rows)
    await world.poll()
    await world.verify(name)
    world.casino.rows([(name, 1000) for name, _ in rows])
    assert (await world.poll()).tickets == 0
    assert any("wagers.waiting" in text for text in await world.admins_told())
    async with world.db.transaction() as conn:
        paid = await shuffle_links.decide_waiting(conn, world.clock, world.settings, "shuffle", name, ADMIN, count=True)
    assert paid == 20 * len(rows)


async def test_rows_that_cannot_be_read_are_told_once_with_an_example(world: WagerWorld) -> None:
    await world.polled(obel=0, b=0)
    await world.verify()
    for amount in ("1,00,0", "2,00,0"):
        assert await world.polled(obel=1000, b=amount) in (20, 0)
    told = [text for text in await world.admins_told() if "wagers.unreadable" in text]
    assert len(told) == 1
    assert "1,00,0" in told[0]


def test_separators_that_mean_one_thing() -> None:
    plain = [str(amount_of(text)) for text in ("1,234.56", "$1,234,567", "1.234,56", "1234.5")]
    assert plain == ["1234.56000000", "1234567.00000000", "1234.56000000", "1234.50000000"]
    for text in ("1,234", "12,34.5", "1,2345.6", "1.2.3"):
        with pytest.raises(ValueError, match="not a number"):
            amount_of(text)


def test_codes_currencies_and_wrapped_rows() -> None:
    def names(body: bytes) -> list[str]:
        return [row.username for row in read(SOURCES["shuffle_stats"], ("lele",), 200, None, body).rows]

    rows = (
        b'[{"username":"a","campaignCode":"lele","wagerAmount":1},{"username":"b","campaignCode":null,"wagerAmount":1},'
    )
    assert names(rows + b'{"username":"c","wagerAmount":1,"currency":"EUR"}]') == ["a"]
    with pytest.raises(FeedTrouble, match="not_rows"):
        names(b'{"data": []}')


def test_retry_after_may_be_a_date() -> None:
    now, later = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:30:00 GMT"
    assert [_seconds(asked, now) for asked in ("90", later, now, "soon", None)] == [90, 120, 0, None, None]
