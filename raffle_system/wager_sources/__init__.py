"""Affiliate statistics of casinos: where they are asked for, what they mean, and how they are read."""

from __future__ import annotations

from raffle_system.wager_sources.decoders import SOURCES, WagerSource
from raffle_system.wager_sources.feeds import Feed, feeds_of
from raffle_system.wager_sources.fetching import feed_session, fetch
from raffle_system.wager_sources.rows import Answer, FeedTrouble, WagerRow, name_key

__all__ = [
    "SOURCES",
    "Answer",
    "Feed",
    "FeedTrouble",
    "WagerRow",
    "WagerSource",
    "feed_session",
    "feeds_of",
    "fetch",
    "name_key",
]
