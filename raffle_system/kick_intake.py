"""Kick's events into the raffle: windows of chat-active time, link codes and gifts, for every guild."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core import identity, outbox
from core.clock import Clock
from core.db import Connection, Database, is_away
from core.errors import UserError
from core.guilds import Guilds, GuildSettings
from core.kick_events import (
    GIFT_CHAT,
    ChatMessage,
    GiftedSubs,
    GiftNotice,
    GiftsLeaderboard,
    Hosting,
    KickChannelIds,
    KickEvent,
    LiveSource,
    LiveStatus,
    SocketGap,
)
from core.messages import Embed, Message
from core.texts import escape
from raffle_system import announcements, gifted_sub_tracker, periods, watchtime_converter
from raffle_system.chat_activity import MINUTE, ChatActivity, floor_minute, minutes_between
from raffle_system.gifted_sub_tracker import GifterIds
from raffle_system.live import LiveState

log = logging.getLogger(__name__)

AWAY_RETRY_SECONDS = 1.0
MOST_MINUTES_LATE = 24 * 60


@dataclass
class Followed:
    """What one guild's Kick channel has told so far."""

    ids: KickChannelIds
    activity: ChatActivity
    live: LiveState = field(default_factory=LiveState)
    gifters: GifterIds = field(default_factory=GifterIds)
    minute_done: datetime | None = None


class KickIntake:
    """One instance for all guilds; it listens on the standby too, because what it stores is idempotent."""

    def __init__(self, db: Database, clock: Clock, guilds: Guilds, live_fallback: str) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._fallback = live_fallback == "chat"
        self._followed: dict[int, Followed] = {}
        self.counters: Counter[str] = Counter()

    def follow(self, channels: Mapping[int, KickChannelIds]) -> None:
        """Which Kick channel each guild follows; what was heard of an unchanged one is kept."""
        kept: dict[int, Followed] = {}
        for guild_id, ids in channels.items():
            known = self._followed.get(guild_id)
            if known is not None and known.ids.slug == ids.slug:
                known.ids = ids
                kept[guild_id] = known
            else:
                window = timedelta(minutes=self._guilds.get(guild_id).watch_window_minutes)
                kept[guild_id] = Followed(ids=ids, activity=ChatActivity(window))
        self._followed = kept

    def live_of(self, guild_id: int) -> tuple[bool, LiveSource | None]:
        """(live now, the source that decided) of a guild's channel."""
        followed = self._followed.get(guild_id)
        if followed is None:
            return False, None
        now = self._clock.now()
        chat_says = followed.activity.looks_live(now) if self._fallback else None
        return followed.live.decide(now, chat_says=chat_says)

    def live_by_slug(self) -> dict[str, dict[str, object]]:
        """For /health: each channel's state and the source that decided."""
        states = {guild_id: self.live_of(guild_id) for guild_id in self._followed}
        return {
            self._followed[guild_id].ids.slug or str(self._followed[guild_id].ids.chatroom_id): {
                "live": live,
                "source": source,
            }
            for guild_id, (live, source) in states.items()
        }

    async def on_event(self, event: KickEvent) -> None:
        """Take one event; returns when what must last is stored. PostgreSQL away: waits for it."""
        self.counters[type(event).__name__] += 1
        if isinstance(event, SocketGap):
            await self._until_stored(lambda: self._gap(event))
            return
        for guild_id, followed in list(self._followed.items()):
            if _concerns(event, followed.ids):
                await self._take(guild_id, followed, event)

    async def _take(self, guild_id: int, followed: Followed, event: KickEvent) -> None:
        match event:
            case ChatMessage(kind=kind) if kind == GIFT_CHAT:
                await self._until_stored(lambda: self._gift(guild_id, event, event.user_id))
            case ChatMessage():
                followed.activity.saw(event)
                if identity.code_in(event.content) and event.user_id is not None:
                    await self._until_stored(lambda: self._code(guild_id, event))
            case GiftedSubs():
                gifter = followed.gifters.find(event)
                await self._until_stored(lambda: self._gift(guild_id, event, gifter))
            case GiftsLeaderboard() | GiftNotice():
                followed.gifters.note(event)
            case LiveStatus() | Hosting():
                followed.live.hear(event)

    async def _until_stored(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await work()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("kick_event_waits_for_database", extra={"error": repr(error)})
                await asyncio.sleep(AWAY_RETRY_SECONDS)

    async def _gap(self, gap: SocketGap) -> None:
        for followed in self._followed.values():
            followed.live.forget_socket()
        async with self._db.transaction() as conn:
            await gifted_sub_tracker.record_gap(conn, gap.started_at, gap.ended_at, gap.reason)

    async def _gift(self, guild_id: int, gift: GiftedSubs | ChatMessage, gifter_id: int | None) -> None:
        settings = self._guilds.get(guild_id)
        async with self._db.transaction() as conn:
            award = await gifted_sub_tracker.record(conn, settings, gift, gifter_id, self._clock.now())
            message = announcements.gift(self._guilds.reader(guild_id), award) if award else None
            if message is not None:
                await outbox.post(conn, self._clock, guild_id, settings.announcement_channel_id, message)

    async def _code(self, guild_id: int, message: ChatMessage) -> None:
        code = identity.code_in(message.content)
        if code is None or message.user_id is None:
            return
        async with self._db.transaction() as conn:
            try:
                made = await identity.redeem(conn, self._clock, guild_id, code, message.user_id, message.username)
            except UserError as error:
                await self._refused(conn, guild_id, error)
                return
            if made is not None:
                await self._linked(conn, self._guilds.get(guild_id), made)

    async def _refused(self, conn: Connection, guild_id: int, error: UserError) -> None:
        """The code was good, the account is not free: say so where people look."""
        reader = self._guilds.reader(guild_id)
        args = {name: escape(value) if isinstance(value, str) else value for name, value in error.args_.items()}
        message = Message(embeds=(Embed(description=reader(error.key, **args)),))
        channel = self._guilds.get(guild_id).announcement_channel_id
        await outbox.post(conn, self._clock, guild_id, channel, message)

    async def _linked(self, conn: Connection, settings: GuildSettings, made: identity.NewLink) -> None:
        """Pay what waited for the link, and say so in one message with its parts."""
        now = self._clock.now()
        period = await periods.held_open(conn, settings.guild_id)
        paid = await watchtime_converter.convert(conn, settings, period, now, only=made.kick_user_id)
        gifts = await gifted_sub_tracker.pay_linked(
            conn, settings, period, made.discord_id, made.kick_user_id, made.kick_name, now
        )
        message = announcements.linked(
            self._guilds.reader(settings.guild_id, made.discord_id), made.discord_id, made.kick_name,
            paid.tickets, gifts, timedelta(minutes=settings.watch_window_minutes),
        )  # fmt: skip
        channel = made.channel_id or settings.announcement_channel_id
        await outbox.post(conn, self._clock, settings.guild_id, channel, message)

    async def tick_minutes(self) -> None:
        """Credit every minute that has ended since the last tick to whoever was chat-active in it."""
        for guild_id, followed in list(self._followed.items()):
            settings = self._guilds.find(guild_id)
            if settings is not None:
                await self._credit(settings, followed)

    async def _credit(self, settings: GuildSettings, followed: Followed) -> None:
        now = self._clock.now()
        followed.activity.window = timedelta(minutes=settings.watch_window_minutes)
        if followed.minute_done is None:
            await self._restore(settings, followed, now)
        done = followed.minute_done or floor_minute(now)
        live, _source = self.live_of(settings.guild_id)
        for minute in minutes_between(done, now, MOST_MINUTES_LATE):
            if live:
                await self._credit_minute(settings, followed, minute)
            followed.minute_done = minute
        followed.activity.forget_before(followed.minute_done or now)

    async def _credit_minute(self, settings: GuildSettings, followed: Followed, minute: datetime) -> None:
        viewers = followed.activity.active_in(minute)
        if viewers:
            async with self._db.transaction() as conn:
                period = await periods.for_event(conn, settings.guild_id, minute)
                await watchtime_converter.credit(conn, settings.guild_id, period, minute, viewers)

    async def _restore(self, settings: GuildSettings, followed: Followed, now: datetime) -> None:
        """Go on where an earlier process stopped: its open windows, and the minutes since."""
        async with self._db.transaction() as conn:
            viewers = await watchtime_converter.open_windows(conn, settings.guild_id, now - followed.activity.window)
        followed.activity.restore(viewers)
        followed.minute_done = floor_minute(now) - MINUTE * (settings.watch_window_minutes + 1)


def _concerns(event: KickEvent, ids: KickChannelIds) -> bool:
    """Whether an event of some channel is of this one: any id that both know must agree."""
    for name in ("chatroom_id", "channel_id", "broadcaster_user_id"):
        said, own = getattr(event, name, None), getattr(ids, name)
        if said is not None and own is not None:
            return bool(said == own)
    return False
