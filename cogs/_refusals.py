"""What Discord's refusals mean, by its own code: the one table for messages and roles."""

from __future__ import annotations

from typing import Literal

import discord

from core.letters import Blocked, Gone, Passing, Refused

Kind = Literal["passing", "blocked", "final", "ours"]

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
# 20026 (flagged for spam, opens no direct messages until it is looked at) is not on that page.
CODES: dict[int, Kind] = {
    10003: "final", 10004: "final", 10007: "final", 10008: "final", 10011: "final", 10013: "final",
    20016: "passing", 20022: "passing", 20026: "blocked", 20028: "passing", 20029: "passing",
    30046: "passing",
    40002: "blocked", 40003: "passing", 40004: "passing", 40005: "ours", 40006: "passing", 40062: "passing",
    50001: "blocked", 50003: "final", 50005: "final", 50006: "ours", 50007: "final", 50008: "final",
    50009: "blocked", 50013: "blocked", 50024: "final", 50035: "ours", 50083: "blocked", 50109: "ours",
    50278: "final", 130000: "passing", 160005: "blocked",
    200000: "final", 200001: "final", 240000: "final",
}  # fmt: skip
_WHY = {
    10003: "channel_gone", 10004: "channel_gone", 10013: "dm_closed", 50007: "dm_closed",
    50278: "dm_closed", 20026: "flagged", 200000: "automod", 200001: "automod", 240000: "automod",
}  # fmt: skip
# A member or role that is gone has no role to give back.
NOTHING_LEFT = (10007, 10011, 10013)
_BY_STATUS: dict[int, Kind] = {400: "ours", 413: "ours"}
_BY_STATUS_OF_A_CODE: dict[int, Kind] = {**_BY_STATUS, 403: "blocked", 404: "final"}
_KINDS: dict[Kind, type[Refused]] = {"passing": Passing, "blocked": Blocked, "final": Gone, "ours": Gone}


def kind_of(error: discord.HTTPException) -> Kind | None:
    """None where nobody knows whether Discord did it (its servers failed)."""
    known = CODES.get(error.code)
    if known is not None:
        return known
    if error.status >= 500:
        return None
    # A page without a code comes from something in between, which says nothing of the request; a code that is new
    # to us is believed by its status.
    return (_BY_STATUS_OF_A_CODE if error.code else _BY_STATUS).get(error.status, "passing")


def refused(error: discord.HTTPException) -> Exception:
    """The refusal in the outbox's words; the error itself where its outcome is unknown."""
    kind = kind_of(error)
    if kind is None:
        return error
    why = "form" if kind == "ours" else _WHY.get(error.code, "refused")
    return _KINDS[kind](str(error), why)
