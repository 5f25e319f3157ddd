"""Chances of a draw by weight without replacement: of the one prize, or of any of several."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import exp, expm1, log

_PARTS = 10**12
_EXACT_UP_TO = 600  # members times winners: some 100 ms of counting, once for a list
_STEP, _BEFORE, _AFTER = 0.3, 36.0, 3.7  # of the logarithm of time: what lies outside is below 1e-15
_ROUNDS, _NEAR = 200, 1e-13


class Chances:
    """Of a list in which `holders` counts members by their tickets, and `winners` are drawn, each at most once."""

    def __init__(self, holders: Mapping[int, int], winners: int) -> None:
        self.winners = winners
        self._total = sum(tickets * members for tickets, members in holders.items())
        self._alike = sum(holders.values()) if len(holders) == 1 else 0
        alone = winners <= 1 or self._alike
        self._rate, self._exact = (0.0, {}) if alone else _counted(tuple(sorted(holders.items())), winners)

    def share(self, tickets: int) -> tuple[int, int]:
        """A member's chance of a prize as (part, whole); (0, 1) in a list of nobody."""
        if not self._total:
            return 0, 1
        if self.winners <= 1:
            return tickets, self._total
        if self._alike:
            return min(self.winners, self._alike), self._alike
        chance = self._exact.get(tickets)
        chance = chance_to_win(tickets, self._total, self.winners, self._rate) if chance is None else chance
        return round(chance * _PARTS), _PARTS


async def counted_beside(holders: Mapping[int, int], winners: int) -> Chances:
    """`Chances`, counted in a thread where that may take a while."""
    if winners <= 1 or len(holders) == 1:
        return Chances(holders, winners)
    return await asyncio.to_thread(Chances, holders, winners)


@lru_cache(maxsize=64)
def _counted(holders: tuple[tuple[int, int], ...], winners: int) -> tuple[float | None, Mapping[int, float]]:
    """The rate of `win_rate`, and the exact chances where the list is short: there the rate is some per cent off."""
    counts = dict(holders)
    rate = win_rate(counts, winners)
    if rate is None or sum(counts.values()) * winners > _EXACT_UP_TO:
        return rate, {}
    return rate, exact_chances(counts, winners)


def exact_chances(holders: Mapping[int, int], winners: int) -> Mapping[int, float]:
    """By number of tickets, the chance of one of so many prizes, fewer than there are members.

    Drawing by weight is a race of exponential clocks (Efraimidis and Spirakis): who rings before all but fewer than
    `winners` others wins. Integrated over the logarithm of time by the trapezoidal rule, which is exact to about
    twelve digits for such a curve.
    """
    tickets = [held for held, members in holders.items() for _ in range(members)]
    found = dict.fromkeys(tickets, 0.0)
    start = -log(max(tickets)) - _BEFORE
    for step in range(int((-log(min(tickets)) + _AFTER - start) / _STEP) + 1):
        time = exp(start + step * _STEP)
        silent = [exp(-held * time) for held in tickets]
        for held, alone, early in zip(tickets, silent, _few_others(silent, winners), strict=True):
            found[held] += _STEP * held * time * alone * early
    return {held: min(1.0, chance / holders[held]) for held, chance in found.items()}


def _few_others(silent: Sequence[float], winners: int) -> list[float]:
    """For each clock, the chance that fewer than `winners` of the others have rung.

    `silent` are the chances that they have not.
    """
    before = [[1.0] + [0.0] * (winners - 1)]  # how many of those before it have rung
    for quiet in silent[:-1]:
        last = before[-1]
        before.append([quiet * last[n] + ((1 - quiet) * last[n - 1] if n else 0.0) for n in range(winners)])
    at_most = [1.0] * winners  # and of those after it, at most n
    found = []
    for index in range(len(silent) - 1, -1, -1):
        found.append(sum(rung * at_most[-1 - n] for n, rung in enumerate(before[index])))
        quiet = silent[index]
        at_most = [quiet * at_most[n] + ((1 - quiet) * at_most[n - 1] if n else 0.0) for n in range(winners)]
    return found[::-1]


def win_rate(holders: Mapping[int, int], winners: int) -> float | None:
    """The rate r at which a member with t tickets wins with chance 1 - exp(-r t); None when everybody wins.

    `holders` counts members by their tickets; r is where the chances add up to the number of winners. Good in long
    lists (1 % at 200 members). Their sum is concave in r, so that Newton's steps come near from below.
    """
    if sum(holders.values()) <= winners:
        return None
    rate = 0.0
    for _ in range(_ROUNDS):
        missing = winners - sum(members * -expm1(-rate * tickets) for tickets, members in holders.items())
        slope = sum(members * tickets * exp(-rate * tickets) for tickets, members in holders.items())
        if slope <= 0 or missing <= _NEAR * winners:
            break
        rate += missing / slope
    return rate


def chance_to_win(tickets: int, total: int, winners: int, rate: float | None) -> float:
    """A member's chance for any of the prizes; exact for one prize, else by `win_rate`."""
    if rate is None:
        return 1.0
    return tickets / total if winners == 1 else 1 - exp(-rate * tickets)
