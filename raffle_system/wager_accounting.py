"""The rules of wagers: how many tickets an amount is worth, and when an answer is not to be believed."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext

from raffle_system.config import LARGEST_BONUS

LEAST_FALLS = 3
MOST_AT_ONCE = LARGEST_BONUS
MOST_TICKETS = 2_000_000_000
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 60, 3600
TELL_AFTER_FAILURES = 3


def tickets_for(usd: Decimal, rate: int) -> int:
    """Tickets that an amount wagered in the period is worth; `rate` is tickets to 1000 USD.

    >>> tickets_for(Decimal("432.31"), 20)
    8
    """
    with localcontext() as context:
        context.prec = 60
        worth = (max(usd, Decimal(0)) * rate / 1000).to_integral_value(rounding=ROUND_FLOOR)
    return min(int(worth), MOST_TICKETS)


def due_now(start: Decimal, high: Decimal, rate: int, awarded: int) -> int:
    """Tickets to award for the rise from the period's start to the high-water mark, less those awarded."""
    return max(tickets_for(high - start, rate) - awarded, 0)


def is_collapse(fallen: int, compared: int) -> bool:
    """More than half of the known accounts fell at once: the source changed, nobody lost a bet backwards."""
    return fallen >= LEAST_FALLS and fallen * 2 > compared


def retry_seconds(failures: int, interval: int, least: int, asked: float | None, too_many: bool) -> float:
    """How long to wait after the `failures`-th failure in a row: 1, 2, 4 ... minutes up to an hour.

    A source that says «too many» is left alone for the whole interval at least.
    """
    doubled: int = 2 ** min(failures - 1, 10)
    wait = (interval if too_many else FIRST_RETRY_SECONDS) * doubled
    return min(max(wait, least, asked or 0), max(LONGEST_RETRY_SECONDS, interval))
