"""What the admins and the members see of every fault of a feed."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.logs import Formatter
from core.texts import Texts
from raffle_system import periods, shuffle_tracker, wager_announcements
from raffle_system.wager_sources import FeedTrouble, feeds_of, fetching
from tests.raffle.support import MEMBER, OTHER
from tests.raffle_wagers.conftest import WagerWorld
from tests.raffle_wagers.feed import SECRET

REASONS = (
    "not_json", "not_public", "not_rows", "error_object", "too_many", "empty", "timeout", "unreachable", "redirect",
    "too_large", "refused", "status",
)  # fmt: skip


async def ready(world: WagerWorld) -> None:
    """Two linked members with a baseline, of whom one has 20 tickets."""
    await world.polled(obel=1000, other=1000)
    await world.verify("obel")
    await world.verify("other", OTHER)
    assert await world.polled(obel=2000, other=1000) == 20


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (200, b"<!doctype html><title>Checking your browser</title>", "not_json"),
        (200, {"statusCode": 400, "message": "INVALID_DATE"}, "error_object"),
        (400, {"statusCode": 400, "message": "TOO_MANY_REQUEST"}, "too_many"),
        (200, {"statusCode": 400, "message": "TOO_MANY_REQUEST"}, "too_many"),
        (429, b"", "too_many"),
        (200, {"statusCode": 404, "message": "REFEREES_NOT_FOUND"}, "empty"),
        (200, [], "empty"),
        (200, [1, None, "x"], "not_rows"),
        (200, b'[{"username": "obel", "wager', "not_json"),
        (200, b"[" * 100_000, "not_json"),
        (503, b"", "status"),
        (403, b"<html>", "refused"),
    ],
)
async def test_an_answer_that_is_no_list_of_rows(world: WagerWorld, status: int, answer: Any, reason: str) -> None:
    """Nothing changes for the members; the admins hear of it once, when it goes on, and once when it is over."""
    await ready(world)
    said = len(await world.members_told())
    world.casino.status, world.casino.answer = status, answer
    for _ in range(5):
        assert (await world.poll()).tickets == 0
    told = await world.admins_told()
    assert len(told) == 1
    assert f"wagers.trouble_{reason}" in told[0]
    assert (await world.total(MEMBER), len(await world.members_told())) == (20, said)
    assert await world.polled(obel=2500, other=1000) == 10
    assert "wagers.well" in (await world.admins_told())[1]


async def test_a_redirect_is_not_followed(world: WagerWorld) -> None:
    await ready(world)
    asked = len(world.casino.asked)
    world.casino.status, world.casino.headers = 302, {"Location": f"http://127.0.0.1:{world.casino.port}/elsewhere"}
    for _ in range(3):
        await world.poll()
    assert len(world.casino.asked) == asked + 3
    assert "wagers.trouble_redirect" in (await world.admins_told())[0]


async def test_a_slow_answer(world: WagerWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await ready(world)
    monkeypatch.setattr(fetching.fetch, "__defaults__", (0.05,))
    world.casino.delay = 5
    for _ in range(3):
        await world.poll()
    assert "wagers.trouble_timeout" in (await world.admins_told())[0]
    assert await world.total() == 20


async def test_an_unreachable_source_never_shows_its_address(
    world: WagerWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(world)
    await world.set("shuffle_affiliate_url", f"http://127.0.0.1:1/stats/{SECRET}")
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            await world.poll()
    assert "wagers.trouble_unreachable" in (await world.admins_told())[0]
    raw = [record.getMessage() + str(vars(record)) for record in caplog.records if record.name.startswith("raffle")]
    assert raw
    assert SECRET not in "".join(raw)
    assert SECRET not in "".join(Formatter().format(record) for record in caplog.records)
    stored = await world.rows("SELECT payload::text FROM outbox UNION ALL SELECT w::text FROM wager_feeds w")
    assert SECRET not in str(stored)


async def test_the_secret_address_is_not_in_the_audit_log(world: WagerWorld) -> None:
    await world.set("shuffle_affiliate_url", f"http://127.0.0.1:1/stats/{SECRET}")
    await world.set("wager_sources", f"howl=http://127.0.0.1:1/{SECRET}#k3y")
    assert "****" in str(await world.rows("SELECT detail::text FROM audit_log"))
    assert SECRET not in str(await world.rows("SELECT detail::text FROM audit_log"))


async def test_too_many_requests_are_followed_by_longer_pauses(world: WagerWorld) -> None:
    world.casino.status, world.casino.headers = 429, {"Retry-After": "5000"}
    pauses = []
    for _ in range(3):
        before = world.clock.now()
        await world.poll()
        pauses.append((await world.scalar("SELECT next_poll_at FROM wager_feeds")) - before)
        world.casino.headers = {}
    assert pauses == [timedelta(seconds=3600), timedelta(seconds=1800), timedelta(seconds=3600)]


async def test_half_the_rows_gone_is_no_fall(world: WagerWorld) -> None:
    await world.polled(a=1000, b=1000, c=1000, d=1000)
    await world.verify("a")
    await world.verify("d", OTHER)
    assert await world.polled(a=2000) == 20
    assert await world.polled(a=2000, b=1000, c=1000, d=1500) == 10
    assert await world.admins_told() == []


@pytest.mark.parametrize(
    ("amount", "tickets"),
    [
        ('"3000"', 40), ('" 3000.00 "', 40), ("3e3", 40), ('"3e3"', 40),
        ("3000.000000000000000000000000000001", 40), ('"2999.999999999999999999999999999999"', 39),
        ("-5", 0), ("NaN", 0), ("Infinity", 0), ('"NaN"', 0), ("null", 0), ("true", 0), ('"lots"', 0), ("[]", 0),
        ("123456789012345678901234567890", 0), ("1e400000", 0), ("9" * 5000, 0), ('"' + "9" * 5000 + '"', 0),
    ],
)  # fmt: skip
async def test_amounts_of_every_kind(world: WagerWorld, amount: str, tickets: int) -> None:
    """What is an amount counts exactly; what is none costs its own row alone."""
    await world.polled(obel=1000, other=1000)
    await world.verify("obel")
    await world.verify("other", OTHER)
    row = '{"username": "obel", "campaignCode": "lele", "wagerAmount": AMOUNT}'.replace("AMOUNT", amount)
    world.casino.answer = f'[{row}, {{"username": "other", "campaignCode": "lele", "wagerAmount": 1500}}]'.encode()
    await world.poll()
    readable = amount != "9" * 5000  # the JSON reader refuses the whole answer
    assert (await world.total(MEMBER), await world.total(OTHER)) == (tickets, 10 if readable else 0)
    assert await world.polled(obel=4000, other=1500) > 0


async def test_one_name_several_times_is_summed_over_the_wanted_codes(world: WagerWorld) -> None:
    await world.set("shuffle_campaign_code", "lele,Second")
    world.casino.answer = rows = [
        {"username": "obel", "campaignCode": "lele", "wagerAmount": 100},
        {"username": "Obel ", "campaignCode": "second", "wagerAmount": 100},
        {"username": "OBEL", "campaignCode": "foreign", "wagerAmount": 100},
    ]
    await world.poll()
    await world.verify()
    for row in rows:
        row["wagerAmount"] = 600
    assert (await world.poll()).tickets == 20


@pytest.mark.parametrize(
    "name", ["__bold__ @everyone", "<@1> [x](http://y)", "🎰🎲", "\u202eleboz\u202c", "أحمد", "a" * 100, "x\ny", "ﬃ"]
)
async def test_names_of_every_kind(world: WagerWorld, name: str) -> None:
    """They count and are shown as plain text."""
    world.casino.rows([(name, 0)])
    await world.poll()
    await world.verify(name)
    world.casino.rows([(name, 1000), ("whale " + name[:50], 9000)])
    assert (await world.poll()).tickets == 20
    shown = "".join(await world.admins_told())
    assert "@everyone" not in shown
    assert "<@1>" not in shown
    assert "__bold__" not in shown


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "x\x00y", "\ud800", None, 5, ["a"], {"a": 1}])
async def test_names_that_are_none_cost_their_own_row(world: WagerWorld, name: object) -> None:
    await ready(world)
    rows = [
        {"username": name, "campaignCode": "lele", "wagerAmount": 5},
        {"username": "obel", "campaignCode": "lele", "wagerAmount": 2500},
    ]
    world.casino.answer = json.dumps(rows).encode()
    assert (await world.poll()).tickets == 10
    assert await world.scalar("SELECT bad_rows FROM wager_feeds") == 1


@pytest.mark.thorough
async def test_ten_thousand_rows(world: WagerWorld) -> None:
    world.casino.rows([(f"viewer{n}", n) for n in range(10_000)])
    await world.poll()
    await world.verify("viewer9999")
    world.casino.rows([(f"viewer{n}", n + 1000) for n in range(10_000)])
    assert (await world.poll()).tickets == 20
    assert await world.scalar("SELECT count(*) FROM raffle_shuffle_wagers") == 10_000


async def test_a_failing_feed_does_not_hold_up_the_months_end(
    world: WagerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(world)
    monkeypatch.setattr(shuffle_tracker, "LAST_CALL_SECONDS", 0.2)
    world.casino.delay = 30
    await world.end_month()
    assert (await world.period()).number == 2
    assert any("period.started" in text for text in await world.members_told())


async def test_a_reset_while_the_poll_runs_pays_once(world: WagerWorld) -> None:
    """The period ends between the request and its answer: the wagers count in the next one, and only there."""
    await ready(world)
    world.casino.wagers(obel=3000, other=1000)
    world.casino.delay = 0.3
    polling = asyncio.create_task(world.tracker.poll(feeds_of(world.settings)[0]))
    while len(world.casino.asked) < 3:
        await asyncio.sleep(0.01)
    await world.start_over()
    assert (await polling).tickets == 20
    assert (await world.total(period=await world.period(1)), await world.total()) == (20, 20)


async def test_two_trackers_pay_once(world: WagerWorld) -> None:
    """Two processes at the same moment."""
    await ready(world)
    second = shuffle_tracker.ShuffleTracker(world.db, world.clock, world.guilds, world.tracker._session)
    world.casino.wagers(obel=3000, other=2000)
    feed = feeds_of(world.settings)[0]
    paid = await asyncio.gather(world.tracker.poll(feed), second.poll(feed))
    assert sum(one.tickets for one in paid) == 40
    assert (await world.total(MEMBER), await world.total(OTHER)) == (40, 20)


async def test_two_replicas_and_an_admin_end_the_month_in_the_same_second(world: WagerWorld) -> None:
    """One of them ends it; the last wagers are paid once; the periods touch."""
    await ready(world)
    world.casino.wagers(obel=3000, other=1000)
    shown = await world.period()

    async def reset() -> None:
        await world.schedule.look_before_end(world.guild_id)
        async with world.db.transaction() as conn:
            current = await periods.active(conn, world.guild_id, for_update=True)
            if current.id == shown.id:
                await periods.end_now(conn, world.clock, world.settings, current, world.schedule.last_call)

    world.clock.set(shown.end_date)
    await asyncio.gather(world.schedule.close_due_periods(), reset(), world.schedule.close_due_periods())
    rows = await world.rows("SELECT number, start_date, end_date, status FROM raffle_periods ORDER BY number")
    assert [row["status"] for row in rows] == ["ended", "active"]
    assert rows[0]["end_date"] == rows[1]["start_date"] == shown.end_date
    assert (await world.total(period=shown), await world.total()) == (40, 0)


async def test_a_clock_that_steps_back_an_hour_stops_nothing(world: WagerWorld) -> None:
    await ready(world)
    assert await world.tracker.poll_due() == 1
    assert await world.tracker.poll_due() == 0
    world.clock.advance(timedelta(hours=-3))
    assert await world.tracker.poll_due() == 1


async def test_a_clock_behind_the_periods_start_asks_for_no_empty_window(windowed: WagerWorld) -> None:
    windowed.casino.wagers(obel=100)
    windowed.clock.set((await windowed.period()).start_date - timedelta(hours=1))
    await windowed.poll()
    assert windowed.casino.asked == []


async def test_without_an_admin_channel_the_announcement_channel_hears(world: WagerWorld) -> None:
    world.guilds._config = replace(world.config, admin_channel_id=None)
    await world.guilds.load()
    world.casino.status = 503
    for _ in range(3):
        await world.poll()
    assert "wagers.trouble_status" in (await world.members_told())[-1]


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_every_trouble_has_its_sentence(locale: str) -> None:
    reader = Texts().reader(locale)
    for reason in REASONS:
        message = wager_announcements.trouble(reader, "shuffle", FeedTrouble(reason, "x" * 80), None)
        text = message.embeds[0].description
        assert "wagers." not in text
        assert "Shuffle" in text
