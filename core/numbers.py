"""Whole numbers as people write them."""

from __future__ import annotations

import re

from core.durations import plain

_WHOLE = re.compile(r"[+-]?(?:\d{1,3}(?:([,_])\d{3})(?:\1\d{3})*|\d+)")


def written(text: str) -> int:
    """In any digits, thousands apart by `,` or `_` or not. Errors: `ValueError`, also for what no computer counts."""
    tidy = plain(text).replace("\u066c", ",")
    if _WHOLE.fullmatch(tidy) is None:
        raise ValueError(text)
    return int(re.sub("[,_]", "", tidy))
