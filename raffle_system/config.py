"""Limits of the raffle that are the same for every guild.

Rates, intervals, channels and switches (WATCHTIME_TICKETS_PER_HOUR, RESET_DAY_OF_MONTH, ...) are settings:
`core/config.py` reads their defaults from the environment, `core/guilds.py` has each guild's own, which
`raffle config set` changes.
"""

from __future__ import annotations

LARGEST_BONUS = 1_000_000
LEADERBOARD_DEFAULT = 10
LEADERBOARD_MOST = 50
HISTORY_LENGTH = 5
REASON_LENGTH = 300
PRIZE_LENGTH = 256
MINUTES_PER_HOUR = 60
