"""What the raffle talks about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

WATCHTIME, GIFTED_SUB, SHUFFLE_WAGER, BONUS = "watchtime", "gifted_sub", "shuffle_wager", "bonus"
NEW_SUB, KICKS = "new_sub", "kicks"
SOURCES = (WATCHTIME, GIFTED_SUB, SHUFFLE_WAGER, BONUS)


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
    ended_at: datetime | None
    frozen_at: datetime | None
    winner_discord_id: int | None
    total_tickets: int

    @property
    def draw_id(self) -> str:
        return f"raffle/{self.guild_id}/{self.number}"


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A member's tickets in a period, by source, and where that puts them."""

    discord_id: int
    kick_name: str
    watchtime: int
    gifted_sub: int
    shuffle_wager: int
    bonus: int
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
    """Sums of a period."""

    participants: int
    total: int
    watchtime: int
    gifted_sub: int
    shuffle_wager: int
    bonus: int


@dataclass(frozen=True, kw_only=True)
class PastDraw:
    number: int
    start_date: datetime
    winner_discord_id: int
    winning_ticket: int
    total_tickets: int
    participants: int
    prize: str
    drawn_at: datetime
