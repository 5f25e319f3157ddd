"""What the raffle talks about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WATCHTIME, GIFTED_SUB, SHUFFLE_WAGER, BONUS = "watchtime", "gifted_sub", "shuffle_wager", "bonus"
NEW_SUB, KICKS = "new_sub", "kicks"
SOURCES = (WATCHTIME, GIFTED_SUB, NEW_SUB, KICKS, SHUFFLE_WAGER, BONUS)

# Which sources each column of a balance sums: the whole list, from which SQL and pages are made. The first four make
# the total; the gifts' column holds all that subs and Kicks bring, and the last two say how much of it is not gifts.
BALANCE = {
    "watchtime_tickets": (WATCHTIME,),
    "gifted_sub_tickets": (GIFTED_SUB, NEW_SUB, KICKS),
    "shuffle_wager_tickets": (SHUFFLE_WAGER,),
    "bonus_tickets": (BONUS,),
    "new_sub_tickets": (NEW_SUB,),
    "kicks_tickets": (KICKS,),
}

ARCHIVED = "archived"  # set aside by an admin: its tickets win nothing unless it is drawn by its number


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """One change of a balance. (period_id, source, source_ref) is paid once, whoever asks again."""

    guild_id: int
    period_id: int
    discord_id: int
    kick_name: str
    change: int
    source: str
    source_ref: str
    occurred_at: datetime
    description: str = ""
    actor: int | None = None
    reverses: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """A change that was really made, with the member's new total in the period."""

    discord_id: int
    source: str
    source_ref: str
    change: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Period:
    """One raffle: tickets count from `start_date` until `end_date` (half-open)."""

    id: int
    guild_id: int
    number: int
    start_date: datetime
    end_date: datetime
    status: str
    created_at: datetime
    ended_at: datetime | None
    frozen_at: datetime | None
    winner_discord_id: int | None
    total_tickets: int

    @property
    def draw_id(self) -> str:
        return f"raffle/{self.guild_id}/{self.number}"


@dataclass(frozen=True, kw_only=True)
class LastDraw:
    """A drawn period, and who holds its places with how many tickets."""

    period: Period
    winners: Sequence[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Entering:
    """Who would be in a period's list now: balances of `minimum` and more, less the holders who are `gone`."""

    minimum: int
    gone: Collection[int] = ()


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A member's tickets in a period, by source, and where that puts them in the list (`rank` None: not in it)."""

    discord_id: int
    kick_name: str
    by_source: Mapping[str, int]
    total: int
    rank: int | None
    participants: int
    all_tickets: int
    next_rank_total: int | None
    next_rank: int | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    rank: int
    discord_id: int
    kick_name: str
    total: int


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Sums of those who would be in a period's list now."""

    participants: int
    total: int
    by_source: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Winner:
    """Who holds a place; `lapsed` where the prize was not claimed and nobody was left to take it."""

    discord_id: int
    ticket: int
    prize: str
    lapsed: bool = False


@dataclass(frozen=True, kw_only=True)
class PastDraw:
    number: int
    start_date: datetime
    total_tickets: int
    participants: int
    drawn_at: datetime
    winners: Sequence[Winner]
