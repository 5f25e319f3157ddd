"""The pure rules: points of roles, requirements one by one, recurrence, roles as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import UserError
from giveaway import requirements as rules
from giveaway.entities import calculate_user_entities, points_of, tickets_for, tier_of
from giveaway.levels import level_of
from giveaway.models import Boost, Entities, MemberFacts, Requirement, Requirements, RoleEntity, Settings
from giveaway.presets import parse_roles
from giveaway.recurrence import next_start
from giveaway.wishes import parse_winners
from tests.giveaway.support import ADMIN, BOOSTER, NOW, VIP

ROLES = tuple(RoleEntity(role_id=r, points=p) for r, p in ((VIP, 5), (BOOSTER, 3), (ADMIN, 10)))


@pytest.mark.parametrize(
    ("roles", "mode", "cap", "points"),
    [
        ((VIP, BOOSTER), "cumulative", None, 8),
        ((VIP, BOOSTER), "highest", None, 5),
        ((VIP, BOOSTER, ADMIN), "cumulative", 12, 12),
        ((VIP, BOOSTER, ADMIN), "highest", 7, 7),
        ((999,), "cumulative", None, 0),
        ((), "highest", None, 0),
    ],
)
def test_points_of_roles(roles: tuple[int, ...], mode: str, cap: int | None, points: int) -> None:
    assert calculate_user_entities(frozenset(roles), ROLES, mode, cap) == points
    assert tickets_for(points) == points + 1


def test_the_plans_nitro_example_is_35_points() -> None:
    both = (RoleEntity(role_id=1, points=15), RoleEntity(role_id=2, points=20))
    assert calculate_user_entities({1, 2}, both, "cumulative") == 35


def _boost(factor: int, role_id: int | None = None, hours: float = 1) -> Boost:
    return Boost(boost_id=1, role_id=role_id, factor=factor, starts_at=NOW, until=NOW + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("boosts", "minutes", "points"),
    [
        ([_boost(2)], 0, 16),
        ([_boost(2)], 60, 8),
        ([_boost(2)], -1, 8),
        ([_boost(2, VIP)], 5, 13),
        ([_boost(2), _boost(3, VIP)], 5, 21),
    ],
)
def test_a_boost_multiplies_for_its_time_and_the_strongest_counts(
    boosts: list[Boost], minutes: float, points: int
) -> None:
    now = NOW + timedelta(minutes=minutes)
    assert calculate_user_entities({VIP, BOOSTER}, ROLES, "cumulative", None, boosts, now) == points


def test_without_entities_nobody_has_points() -> None:
    assert points_of(Entities(enabled=False, roles=ROLES), {VIP}, (), NOW) == 0


def test_tiers_are_steps() -> None:
    tiers = [("Bronze", 2), ("Gold", 10), ("Silver", 5)]
    assert [tier_of(points, tiers) for points in (1, 2, 9, 10, 99)] == ["", "Bronze", "Silver", "Gold", "Gold"]


def _facts(**changes: Any) -> MemberFacts:
    values: dict[str, Any] = {
        "user_id": 1, "role_ids": frozenset({VIP}), "created_at": NOW - timedelta(days=30),
        "joined_at": NOW - timedelta(days=10),
    }  # fmt: skip
    return MemberFacts(**{**values, **changes})


MET: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"kind": "any_role", "roles": (VIP, ADMIN)}, {}, {"role_ids": frozenset()}),
    ({"kind": "all_roles", "roles": (VIP,)}, {}, {"role_ids": frozenset({ADMIN})}),
    ({"kind": "no_role", "roles": (ADMIN,)}, {}, {"role_ids": frozenset({VIP, ADMIN})}),
    ({"kind": "level", "amount": 5}, {"level": 5}, {"level": 4}),
    ({"kind": "credits", "amount": 100}, {"credits": 100}, {"credits": 99, "tickets": 500}),
    ({"kind": "tickets", "amount": 10}, {"tickets": 10}, {"tickets": 9, "credits": 500}),
    ({"kind": "account_age", "days": 30}, {}, {"created_at": NOW - timedelta(days=29, hours=23)}),
    ({"kind": "server_age", "days": 10}, {}, {"joined_at": NOW - timedelta(days=9)}),
    ({"kind": "server_age", "days": 1}, {}, {"joined_at": None}),
    ({"kind": "linked"}, {"linked": True}, {}),
    ({"kind": "messages", "amount": 20, "days": 7}, {"messages": {7: 20}}, {"messages": {7: 19, 30: 99}}),
    ({"kind": "boosting"}, {"boosting": True}, {}),
    ({"kind": "no_win", "days": 30}, {"last_win": NOW - timedelta(days=30)}, {"last_win": NOW - timedelta(days=29)}),
    ({"kind": "no_win", "days": 30}, {"last_win": None}, {"last_win": NOW}),
    ({"kind": "invited", "users": (1, 2)}, {}, {"user_id": 3}),
]


@pytest.mark.parametrize(("rule", "good", "bad"), MET)
def test_each_kind_of_requirement(rule: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]) -> None:
    wanted = rules.checked(Requirements(rules=(Requirement(**rule),)))
    assert rules.evaluate(wanted.rules, _facts(**good), NOW)[0].met
    judgement = rules.judge(wanted, Settings(guild_id=1), _facts(**bad), NOW)
    assert not judgement.allowed
    assert judgement.reason == rules.recorded(wanted.rules[0])


def test_every_kind_is_covered_above() -> None:
    assert {rule["kind"] for rule, _good, _bad in MET} == set(rules.KINDS)


def test_bypass_roles_pass_and_the_blacklist_stops_even_them() -> None:
    wanted = Requirements(rules=(Requirement(kind="level", amount=9),), bypass_roles=(VIP,))
    assert rules.judge(wanted, Settings(guild_id=1), _facts(), NOW).allowed
    for settings in (
        Settings(guild_id=1, blacklist=frozenset({1})),
        Settings(guild_id=1, blacklist_roles=frozenset({VIP})),
    ):
        judgement = rules.judge(wanted, settings, _facts(), NOW)
        assert (judgement.allowed, judgement.blacklisted) == (False, True)
        assert judgement.reason == "on the server's blacklist"
    everywhere = Settings(guild_id=1, bypass_roles=(VIP,))
    assert rules.judge(Requirements(rules=wanted.rules), everywhere, _facts(), NOW).allowed


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "shoe_size"},
        {"kind": "any_role"},
        {"kind": "level", "amount": 0},
        {"kind": "account_age", "days": 0},
        {"kind": "messages", "amount": 1},
        {"kind": "invited"},
        {"kind": "no_win", "days": 99_999},
    ],
)
def test_a_requirement_that_means_nothing_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"giveaway\.bad_requirement"):
        rules.checked(Requirements(rules=(Requirement(**rule),)))


def test_roles_as_people_type_them() -> None:
    known = {"vip": VIP, "server booster": BOOSTER}
    tiers = [("Gold", 10)]
    parsed = parse_roles("@VIP ٥، Server Booster: gold", known, tiers)
    assert [(e.role_id, e.points, e.tier) for e in parsed] == [(VIP, 5, ""), (BOOSTER, 10, "Gold")]
    assert parse_roles(f"<@&{VIP}> 7", known)[0].points == 7
    assert parse_roles("", known) == ()


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("VIP", "giveaway.role_unreadable"),
        ("VIP many", "giveaway.role_unreadable"),
        ("VIP 5x", "giveaway.role_unreadable"),
        ("Nobody 5", "giveaway.role_unknown"),
        ("<@&999> 5", "giveaway.role_unknown"),
        ("VIP 0", "giveaway.bad_points"),
        ("VIP 101", "giveaway.bad_points"),
        ("VIP 5, VIP 6", "giveaway.role_twice"),
    ],
)
def test_roles_that_cannot_be_read(typed: str, key: str) -> None:
    with pytest.raises(UserError, match=key):
        parse_roles(typed, {"vip": VIP})


@pytest.mark.parametrize("typed", ["0", "51", "abc", "1x", "", "-1", "1.5", "🎉", "9" * 4000])
def test_winners_that_cannot_be(typed: str) -> None:
    with pytest.raises(UserError, match=r"giveaway\.bad_winners"):
        parse_winners(typed)


def test_winners_in_either_digits() -> None:
    assert (parse_winners(" 50 "), parse_winners("٣")) == (50, 3)


def test_levels_take_ever_more_messages() -> None:
    assert [level_of(n) for n in (0, 9, 10, 39, 40, 999, 1000)] == [0, 0, 1, 1, 2, 9, 10]
    assert all(level_of(10 * level * level) == level for level in range(200))


BERLIN = ZoneInfo("Europe/Berlin")


def test_a_series_keeps_its_local_time_through_the_clock_change() -> None:
    first = datetime(2026, 3, 28, 20, 0, tzinfo=BERLIN)
    coming = next_start(first.astimezone(UTC), "daily", BERLIN, first)
    assert coming == datetime(2026, 3, 29, 18, 0, tzinfo=UTC)
    assert coming - first == timedelta(hours=23)


def test_a_monthly_series_keeps_the_31st_where_there_is_one() -> None:
    first = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    found, zone = [first], ZoneInfo("UTC")
    for _ in range(4):
        found.append(next_start(first, "monthly", zone, found[-1]))
    assert [(f.month, f.day) for f in found] == [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]


@pytest.mark.parametrize("recurrence", ["daily", "weekly", "monthly"])
def test_what_was_slept_through_is_left_out(recurrence: str) -> None:
    first, now = datetime(2020, 2, 29, 6, 0, tzinfo=UTC), datetime(2026, 7, 15, 5, 59, tzinfo=UTC)
    coming = next_start(first, recurrence, ZoneInfo("UTC"), now)
    assert now < coming <= now + timedelta(days=31)
    assert (coming.hour, coming.minute) == (6, 0)
