"""Every casino's answer is read for what it means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.config import WAGER_KINDS, Config, load
from core.errors import ConfigError
from core.guilds import GuildSettings, resolve
from core.stores.settings import COLUMNS
from raffle_system.wager_announcements import NAMES
from raffle_system.wager_sources import SOURCES, FeedTrouble, feeds_of
from raffle_system.wager_sources.decoders import CASINOS, Span
from raffle_system.wager_sources.fetching import read

SPAN = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, 12, 30, tzinfo=UTC))
ANSWERS: dict[str, tuple[Any, list[tuple[str, str, str]]]] = {
    "shuffle_stats": (
        [
            {"username": "Sample_One", "campaignCode": "LELE", "wagerAmount": 116301.04286432},
            {"username": "sample_one", "campaignCode": "other", "wagerAmount": 5},
            {"username": "two", "campaignCode": "lele", "wagerAmount": 0},
        ],
        [("sample_one", "Sample_One", "116301.04286432"), ("two", "two", "0")],
    ),
    "shuffle_wager": (
        [{"username": "one", "wagerAmount": 1000.5, "weightedWagerAmount": 500}],
        [("one", "one", "1000.5")],
    ),
    "howl": (
        {"success": True, "data": [{"name": "one", "wageredUSD": 12.5, "userId": "u7"}]},
        [("id:u7", "one", "12.5")],
    ),
    "roobet": (
        [{"uid": "r1", "username": "one", "wagered": 374.22, "weightedWagered": 300.0, "rankLevel": 1}],
        [("id:r1", "one", "374.22")],
    ),
    "rainbet": ({"affiliates": [{"id": 4, "username": "one", "wagered_amount": "9.25"}]}, [("id:4", "one", "9.25")]),
    "gamdom": (
        {
            "success": True,
            "data": [
                {
                    "user_id": 5, "username": "one",
                    "wager_data": [
                        {"month": "2026-02", "total_wager_usd": 100}, {"month": "2026-03", "total_wager_usd": 0.5},
                    ],
                },
                {"user_id": -1, "username": "Hidden", "wager_data": [{"month": "2026-03", "total_wager_usd": 9}]},
                {"user_id": -1, "username": "Hidden", "wager_data": [{"month": "2026-03", "total_wager_usd": 8}]},
            ],
        },
        [("id:5", "one", "100.5")],
    ),
    "packdraw": ({"asOf": "x", "leaderboard": [{"username": "one", "wagerAmount": 3}]}, [("one", "one", "3")]),
    "csgobig": (
        {"success": True, "results": [{"id": "c", "name": "one", "wagerTotal": 3.5}]},
        [("id:c", "one", "3.5")],
    ),
}  # fmt: skip
ANSWERS["shuffle_window"] = ANSWERS["shuffle_stats"]


def settings(**changes: Any) -> GuildSettings:
    row = {"guild_id": 1, **dict.fromkeys(COLUMNS), "left_at": None}
    return resolve(row, replace(Config(), **changes), first=True)


def test_every_kind_is_known_everywhere() -> None:
    assert set(SOURCES) == set(WAGER_KINDS) == set(ANSWERS)
    assert set(CASINOS) == set(NAMES)


@pytest.mark.parametrize("kind", WAGER_KINDS)
def test_rows_are_read(kind: str) -> None:
    body, expected = ANSWERS[kind]
    codes = ("lele",) if kind.startswith("shuffle") else ()
    answer = read(SOURCES[kind], codes, 200, None, json.dumps(body).encode())
    assert [(r.account, r.username, r.amount) for r in answer.rows] == [
        (account, name, Decimal(amount)) for account, name, amount in expected
    ]
    assert answer.bad == 0


@pytest.mark.parametrize("kind", WAGER_KINDS)
@pytest.mark.parametrize("body", [[], {}, {"success": False, "error": "x"}, "text", None, 5, [1, "x", None]])
def test_whatever_else_comes_is_trouble(kind: str, body: Any) -> None:
    with pytest.raises(FeedTrouble):
        read(SOURCES[kind], (), 200, None, json.dumps(body).encode())


def test_what_each_source_is_asked_for() -> None:
    asked = {kind: SOURCES[kind].ask(SPAN, "k3y") for kind in WAGER_KINDS}
    assert asked["shuffle_stats"].parameters == {}
    assert asked["shuffle_window"].parameters == {"startTime": "1772323200", "endTime": "1773059400"}
    assert asked["howl"].headers == {"Authorization": "k3y"}
    assert asked["roobet"].headers == {"Authorization": "Bearer k3y"}
    assert asked["roobet"].parameters == {"startDate": "2026-03-01T00:00:00Z", "endDate": "2026-03-09T12:30:00Z"}
    assert asked["rainbet"].parameters == {"start_at": "2020-01-01", "end_at": "2026-03-10", "key": "k3y"}
    assert asked["csgobig"].parameters == {"from": "1772323200000", "to": "1773059400000"}
    assert asked["packdraw"].parameters["apiKey"] == asked["gamdom"].parameters["apikey"] == "k3y"


def test_several_feeds_of_a_guild() -> None:
    found = feeds_of(
        settings(
            shuffle_affiliate_url="https://a.example/stats/1", shuffle_campaign_code="lele, Other",
            wager_sources="howl=https://h.example/lb#k3y csgobig=https://c.example/ref/9 howl:b=https://h.example/lb2#x",
        )
    )  # fmt: skip
    assert [(f.key, f.secret, f.codes, f.interval) for f in found] == [
        ("shuffle_stats", "", ("lele", "Other"), 900), ("howl", "k3y", (), 900), ("csgobig", "", (), 900),
        ("howl:b", "x", (), 900),
    ]  # fmt: skip
    assert "example" not in repr(found)
    assert "k3y" not in repr(found)


def test_the_interval_is_never_under_what_the_source_allows() -> None:
    quick = settings(
        shuffle_affiliate_url="https://a.example/stats/1", wager_sources="csgobig=https://c.example/ref/9",
        shuffle_check_interval=10,
    )  # fmt: skip
    assert [feed.interval for feed in feeds_of(quick)] == [10, 900]


def test_the_same_statistics_twice_pay_once() -> None:
    twice = settings(
        shuffle_affiliate_url="https://a.example/stats/1", wager_sources="shuffle_window=https://a.example/stats/1"
    )
    assert [feed.key for feed in feeds_of(twice)] == ["shuffle_stats"]


@pytest.mark.parametrize(
    "value",
    [
        "nowhere=https://x.example/1",
        "howl",
        "howl=ftp://x.example/1",
        "howl=https://",
        "x",
        "howl=http://x.example/1",
        "howl=https://10.0.0.1/1",
        "howl=https://x.example/1#k y",
        "howl=https://x.example/1#k\u200b",
        "howl=https://127.0.0.1/1",
    ],
)
def test_a_bad_list_of_sources_stops_the_start_without_showing_it(value: str) -> None:
    with pytest.raises(ConfigError) as error:
        load({"WAGER_SOURCES": value})
    assert "WAGER_SOURCES=****" in str(error.value)
