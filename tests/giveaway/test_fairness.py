"""The plan's table over many seeds, and drawing without replacement against its closed form."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import permutations
from math import sqrt

import pytest

from core.chances import chance_to_win, win_rate
from core.fair_draw import Entrants, picks

PLAN = Entrants([1, 2, *range(3, 11)], [11, 6, *[1] * 8])
SEEDS = 20_000


def _seed(number: int) -> bytes:
    return hashlib.sha256(b"fairness %d" % number).digest()


def _near(found: int, chance: float, trials: int = SEEDS, errors: float = 4) -> bool:
    return abs(found / trials - chance) <= errors * sqrt(chance * (1 - chance) / trials)


@pytest.mark.thorough
def test_the_plans_table_gives_the_first_prize_by_entries_and_nobody_wins_twice() -> None:
    first: Counter[int] = Counter()
    for number in range(SEEDS):
        drawn = picks(_seed(number), PLAN, 3)
        first[drawn[0].id] += 1
        assert len({pick.id for pick in drawn}) == 3
    assert PLAN.total == 25
    assert _near(first[1], 11 / 25)
    assert _near(first[2], 6 / 25)
    assert all(_near(first[user], 1 / 25) for user in range(3, 11))


@pytest.mark.thorough
def test_three_entrants_fall_in_every_order_by_the_closed_form() -> None:
    tickets = {7: 5, 8: 3, 9: 2}
    entrants = Entrants.from_pairs(tickets.items())
    orders = Counter(tuple(pick.id for pick in picks(_seed(number), entrants, 3)) for number in range(SEEDS))
    for order in permutations(tickets):
        first, second = (tickets[user] for user in order[:2])
        assert _near(orders[order], first / 10 * second / (10 - first))


def test_the_chance_for_any_prize_is_near_what_is_drawn() -> None:
    rate = win_rate(Counter(PLAN.tickets), 3)
    won: Counter[int] = Counter()
    for number in range(5_000):
        won.update(pick.id for pick in picks(_seed(number), PLAN, 3))
    for user in PLAN.ids:
        assert won[user] / 5_000 == pytest.approx(chance_to_win(PLAN.tickets_of(user), 25, 3, rate), abs=0.03)


def test_chances_add_up_to_the_prizes() -> None:
    rate = win_rate({1: 90, 11: 10}, 7)
    chances = 90 * chance_to_win(1, 200, 7, rate) + 10 * chance_to_win(11, 200, 7, rate)
    assert chances == pytest.approx(7)
    assert win_rate({3: 5}, 5) is None
    assert chance_to_win(3, 15, 5, None) == 1
    assert chance_to_win(11, 25, 1, win_rate({11: 1, 6: 1, 1: 8}, 1)) == 11 / 25
