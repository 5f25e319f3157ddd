"""The numbers of wagers: what is paid at once, when an answer is not to be believed, when a feed is asked again."""

from __future__ import annotations

from raffle_system.config import LARGEST_BONUS

LEAST_FALLS = 3
MOST_AT_ONCE = LARGEST_BONUS
MOST_TICKETS = 2_000_000_000
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 60, 3600
TELL_AFTER_FAILURES = 3


def is_collapse(fallen: int, compared: int) -> bool:
    """More than half of the known accounts fell at once: the source changed, nobody lost a bet backwards."""
    return fallen >= LEAST_FALLS and fallen * 2 > compared


def is_trouble(bad: int, read: int) -> bool:
    """A quarter of the rows cannot be read: the source writes them in another way."""
    return bad * 4 >= bad + read and bad > 0


def retry_seconds(failures: int, interval: int, least: int, asked: float | None, too_many: bool) -> float:
    """How long to wait after the `failures`-th failure in a row: 1, 2, 4 ... minutes up to an hour.

    A source that says «too many» is left alone for the whole interval at least.
    """
    doubled: int = 2 ** min(failures - 1, 10)
    wait = (interval if too_many else FIRST_RETRY_SECONDS) * doubled
    return min(max(wait, least, asked or 0), max(LONGEST_RETRY_SECONDS, interval))
