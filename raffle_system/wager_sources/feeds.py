"""Which feeds a guild has: its settings in, feeds out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from core.guilds import GuildSettings
from raffle_system.wager_sources.decoders import SOURCES, WagerSource


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One source of one guild. `address` and `secret` are credentials and stay out of every text."""

    guild_id: int
    key: str
    source: WagerSource
    address: str = field(repr=False)
    secret: str = field(default="", repr=False)
    codes: tuple[str, ...] = ()
    interval: int

    @property
    def digest(self) -> str:
        """Tells whether the address changed, without telling the address."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:16]


def feeds_of(settings: GuildSettings) -> list[Feed]:
    """The guild's feeds; of two that read the same statistics of one casino only the first, which pays once."""
    written = [f"shuffle_stats={settings.shuffle_affiliate_url}"] if settings.shuffle_affiliate_url else []
    written += (settings.wager_sources or "").split()
    found: dict[tuple[str, str], Feed] = {}
    keys: set[str] = set()
    for item in written:
        feed = _feed(settings, item)
        same = (feed.source.casino, _account_in(feed.address))
        if feed.key not in keys and same not in found:
            keys.add(feed.key)
            found[same] = feed
    return list(found.values())


def _feed(settings: GuildSettings, item: str) -> Feed:
    key, _, target = item.partition("=")
    address, _, secret = target.partition("#")
    source = SOURCES[key.partition(":")[0]]
    return Feed(
        guild_id=settings.guild_id, key=key, source=source, address=address, secret=secret,
        codes=_codes(settings.shuffle_campaign_code) if source.casino == "shuffle" else (),
        interval=max(settings.shuffle_check_interval, source.least_interval),
    )  # fmt: skip


def _codes(written: str | None) -> tuple[str, ...]:
    return tuple(code.strip() for code in (written or "").split(",") if code.strip())


def _account_in(address: str) -> str:
    """What names the affiliate in an address: its last part, whose query may belong to it."""
    return address.rstrip("/").rpartition("/")[2]
