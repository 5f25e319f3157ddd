"""When a change that Discord did not make is tried again, and whether somebody hears of it meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from core.letters import Blocked, Gone

LONGEST = timedelta(hours=1)
# Where it passes by itself, nobody is told before ten minutes have gone by; after a week of hours it is given up.
TELL_AT, MOST = 8, 180


class Next(NamedTuple):
    """`wait` is None when it is given up; `tell`: somebody who can act should hear of it, once."""

    wait: timedelta | None
    tell: bool


def after(error: Exception, attempts: int) -> Next:
    """After a failure that came after `attempts` others."""
    if isinstance(error, Gone) or attempts >= MOST:
        return Next(None, True)
    first = timedelta(minutes=1) if isinstance(error, Blocked) else timedelta(seconds=5)
    wait = min(first * 2 ** min(attempts, 12), LONGEST)
    return Next(wait, isinstance(error, Blocked) or attempts + 1 >= TELL_AT)
