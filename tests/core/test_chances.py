"""Chances against the definition of the draw, where every order can be gone through."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest

from core.chances import Chances, exact_chances, win_rate


def by_every_order(tickets: list[int], winners: int) -> list[float]:
    found = [0.0] * len(tickets)
    for order in permutations(range(len(tickets)), winners):
        chance, left = 1.0, sum(tickets)
        for index in order:
            chance, left = chance * tickets[index] / left, left - tickets[index]
        for index in order:
            found[index] += chance
    return found


@pytest.mark.parametrize(
    ("tickets", "winners"),
    [([9, 5, 2, 1], 3), ([100, 100, 10], 2), ([7] * 5, 2), ([1, 1_000_000, 1000, 1000], 2), ([5, 4, 3, 2, 1, 1], 4)],
)
def test_a_short_list_is_counted_exactly(tickets: list[int], winners: int) -> None:
    chances = Chances(Counter(tickets), winners)
    shares = [chances.share(held) for held in tickets]
    assert [part / whole for part, whole in shares] == pytest.approx(by_every_order(tickets, winners), rel=1e-9)


@pytest.mark.thorough
def test_a_long_list_is_near() -> None:
    held = Counter((10, 20, 50, 485)[n % 4] for n in range(200))
    chances = Chances(held, 4)
    for tickets, chance in exact_chances(held, 4).items():
        part, whole = chances.share(tickets)
        assert part / whole == pytest.approx(chance, rel=0.03)


def test_edges() -> None:
    assert Chances({3: 2}, 2).share(3) == Chances({3: 2}, 5).share(3) == (2, 2)
    assert Chances({3: 2, 4: 1}, 5).share(3) == (10**12, 10**12)
    assert Chances({}, 3).share(0) == (0, 1)
    assert Chances({4: 1, 6: 1}, 1).share(4) == (4, 10)
    rate = win_rate({1: 5, 10**9: 5}, 6)
    assert rate is not None
    assert Chances({1: 1000, 10**9: 5}, 6).share(10**9) == (10**12, 10**12)
