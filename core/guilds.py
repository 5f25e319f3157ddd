"""Settings of each guild, resolved against the environment, and each reader's language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.config import Config, shown, variables
from core.db import Connection, Database, Row
from core.stores import settings as store
from core.texts import Reader, Texts

NOT_IN_ENVIRONMENT = frozenset({"manager_role_id", "left_at"})  # facts of one server alone
FIRST_GUILD_ONLY = (
    "announcement_channel_id", "kick_channel", "kick_channel_id", "kick_chatroom_id",
    "kick_broadcaster_user_id", "link_role_id", "admin_channel_id", "shuffle_affiliate_url", "wager_sources",
    "shuffle_campaign_code",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class GuildSettings:
    """One guild's settings with every default filled in."""

    guild_id: int
    locale: str
    timezone: str
    prefix: str
    announcement_channel_id: int | None
    manager_role_id: int | None
    kick_channel: str | None
    kick_channel_id: int | None
    kick_chatroom_id: int | None
    kick_broadcaster_user_id: int | None
    watchtime_tickets_per_hour: int
    gifted_sub_tickets: int
    new_sub_tickets: int
    kicks_tickets_per_100: int
    webhook_trusted_gifts: int
    watch_minutes_per_day: int
    link_role_id: int | None
    watch_window_minutes: int
    watchtime_conversion_interval: int
    minimum_tickets_to_enter: int
    ticket_notification_threshold: int
    auto_draw_on_reset: bool
    reset_day_of_month: int
    reset_hour: int
    draw_mode: str
    admin_channel_id: int | None
    shuffle_affiliate_url: str | None
    wager_sources: str | None
    shuffle_campaign_code: str | None
    shuffle_tickets_per_1000_usd: int
    shuffle_check_interval: int
    link_shuffle_cooldown: int
    max_shuffle_links_per_user: int
    remind_before_end: bool
    claim_hours: int
    left_at: datetime | None = None

    @property
    def admins_hear_in(self) -> int | None:
        """The admin channel, else the announcement channel."""
        return self.admin_channel_id or self.announcement_channel_id


def resolve(row: Row, config: Config, *, first: bool) -> GuildSettings:
    """The row's values; where it has none, the environment's (channels: for the first guild only)."""
    values: dict[str, Any] = {"guild_id": row["guild_id"]}
    for name in (f.name for f in fields(GuildSettings) if f.name != "guild_id"):
        stored = row[name]
        usable = first or name not in FIRST_GUILD_ONLY
        if stored is None and usable and name not in NOT_IN_ENVIRONMENT:
            stored = getattr(config, name)
        values[name] = stored
    return GuildSettings(**values)


# Told in the transaction that notes it: the bot is back in the guild, out of it since then; the bot was removed.
Returned = Callable[[Connection, int, datetime], Awaitable[None]]
Left = Callable[[Connection, int], Awaitable[None]]


class Guilds:
    """All guilds' settings in memory; the one writer keeps them true."""

    def __init__(self, db: Database, clock: Clock, config: Config, texts: Texts) -> None:
        self._db = db
        self._clock = clock
        self._config = config
        self._texts = texts
        self._settings: dict[int, GuildSettings] = {}
        self._member_locales: dict[tuple[int, int], str] = {}

    @property
    def sandboxed(self) -> bool:
        """Whether the process talks to a stand-in for Discord on this machine."""
        return self._config.sandboxed

    async def load(self) -> None:
        async with self._db.reading() as conn:
            self._settings = await self._stored(conn)
            self._member_locales = await store.all_member_locales(conn)

    async def _stored(self, conn: Connection) -> dict[int, GuildSettings]:
        rows = await store.load_all(conn)
        return {row["guild_id"]: resolve(row, self._config, first=index == 0) for index, row in enumerate(rows)}

    def all(self) -> list[GuildSettings]:
        """Every guild that the bot is in; one that is only unavailable counts."""
        return [settings for settings in self._settings.values() if settings.left_at is None]

    def present(self, guild_id: int) -> bool:
        """Whether the bot is in the guild, as far as it was told; a removed one keeps its settings."""
        settings = self.find(guild_id)
        return settings is not None and settings.left_at is None

    def get(self, guild_id: int) -> GuildSettings:
        return self._settings[guild_id]

    def find(self, guild_id: int | None) -> GuildSettings | None:
        return None if guild_id is None else self._settings.get(guild_id)

    async def ensure(self, guild_id: int, returned: Returned | None = None) -> bool:
        """Know the guild as one that the bot is in; True when it is new, or back (then `returned` takes part)."""
        before = self.find(guild_id)
        if before is not None and before.left_at is None:
            return False
        async with self._db.transaction() as conn:
            added = await store.add_guild(conn, guild_id, {}, self._clock.now())
            back = await store.set_left(conn, guild_id, None)
            if back and returned is not None and before is not None and before.left_at is not None:
                await returned(conn, guild_id, before.left_at)
        await self.load()
        return added or back

    async def leave(self, guild_id: int, left: Left | None = None) -> bool:
        """The bot is in the guild no more: nothing is done for it until `ensure`.

        True when that is news; then `left` takes part in the transaction.
        """
        async with self._db.transaction() as conn:
            news = await store.set_left(conn, guild_id, self._clock.now())
            if news and left is not None:
                await left(conn, guild_id)
        await self.load()
        return news

    async def change(self, conn: Connection, guild_id: int, name: str, value: Any, actor: int) -> GuildSettings:
        """Set one setting, audited; the guild's settings as they are then. It holds once `adopt` is called."""
        now = self._clock.now()
        variable = variables().get(name)
        told = shown(variable[0], value) if variable and variable[0].secret else value
        await store.change(conn, guild_id, name, value, now)
        await store.audit(conn, guild_id, actor, "setting", {"name": name, "value": told}, now)
        return (await self._stored(conn))[guild_id]

    def adopt(self, changed: GuildSettings) -> None:
        """What `change` gave, once its transaction is committed: it holds from the next use on."""
        self._settings[changed.guild_id] = changed

    async def set_member_locale(self, conn: Connection, guild_id: int, discord_id: int, locale: str | None) -> None:
        """The member's language; it holds once `adopt_locale` is called."""
        await store.set_member_locale(conn, guild_id, discord_id, locale)

    def adopt_locale(self, guild_id: int, discord_id: int, locale: str | None) -> None:
        self._member_locales.pop((guild_id, discord_id), None)
        if locale:
            self._member_locales[guild_id, discord_id] = locale

    def reader(self, guild_id: int | None, discord_id: int | None = None) -> Reader:
        """The language for a member of a guild: the member's choice, else the guild's, else the default."""
        return self.reader_in(guild_id, self._member_locales.get((guild_id or 0, discord_id or 0)))

    def reader_in(self, guild_id: int | None, own: str | None) -> Reader:
        """A chosen language, else the guild's."""
        settings = self.find(guild_id)
        return self._texts.reader(own or (settings.locale if settings else self._config.locale))


async def audit(
    conn: Connection, guild_id: int, actor: int | None, action: str, detail: dict[str, Any], now: datetime
) -> None:
    """Remember who did what, in the transaction of the act."""
    await store.audit(conn, guild_id, actor, action, detail, now)
