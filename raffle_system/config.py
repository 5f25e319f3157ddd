"""Limits of the raffle that are the same for every guild; rates are settings of a guild."""

from __future__ import annotations

LARGEST_BONUS = 1_000_000
LEADERBOARD_DEFAULT = 10
LEADERBOARD_MOST = 50
HISTORY_LENGTH = 5
REASON_LENGTH = 300
PRIZE_LENGTH = 256
MINUTES_PER_HOUR = 60
