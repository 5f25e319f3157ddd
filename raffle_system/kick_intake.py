"""Kick's events into the raffle: windows of chat-active time, link codes and gifts, for every guild."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from core import identity, process_state
from core.clock import Clock
from core.db import Connection, Database, Row, is_away
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
    KicksGifted,
    LiveStatus,
    OwnSub,
    SocketGap,
    fold,
    webhook_gift_key,
)
from core.moments import read_moment
from raffle_system import (
    gift_review,
    gift_thanks,
    gifted_sub_tracker,
    kick_payments,
    kick_troubles,
    live,
    periods,
    watchtime_converter,
)
from raffle_system.chat_activity import KNOWN_BOTS, MINUTE, ChatActivity, floor_minute, minutes_between
from raffle_system.code_lines import CodeLines
from raffle_system.followed import Followed, bearer_in, concerns, in_room, of_broadcaster
from raffle_system.gift_payments import Award
from raffle_system.gift_telling import Gift
from raffle_system.gift_waiting import WaitingGifts
from raffle_system.linking import Linking
from raffle_system.live import Decision

log = logging.getLogger(__name__)

AWAY_RETRY_SECONDS = 1.0
MOST_MINUTES_LATE = 24 * 60
FORGET_EVERY = 1000

Work = Callable[[Connection], Awaitable[Sequence[Award]]]
Stored = Callable[[GuildSettings, Work], Awaitable[None]]
HEARD_KEY = "kick_heard"
HEARD_EVERY = timedelta(seconds=5)


class KickIntake:
    """One instance for all guilds; it listens on the standby too, because what it stores is idempotent."""

    def __init__(
        self, db: Database, clock: Clock, guilds: Guilds, live_fallback: str, bot_names: Iterable[str] = ()
    ) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._fallback = live_fallback == "chat"
        self._bots = KNOWN_BOTS | {fold(name) for name in bot_names}
        self._followed: dict[int, Followed] = {}
        self._is_told = False
        self.linking = Linking(clock, guilds)
        self.waiting = WaitingGifts(db, clock, guilds)
        self._heard_at: datetime | None = None
        self.counters: Counter[str] = Counter()
        self.codes = CodeLines(db, clock, self.linking, self.counters)

    def follow(self, channels: Mapping[int, KickChannelIds]) -> None:
        """Which Kick channel each guild follows; what was heard of an unchanged one is kept."""
        kept: dict[int, Followed] = {}
        for guild_id, ids in channels.items():
            known = self._followed.get(guild_id)
            if known is not None and _same_channel(known.ids, ids):
                known.ids = ids
                kept[guild_id] = known
            else:
                window = timedelta(minutes=self._guilds.get(guild_id).watch_window_minutes)
                kept[guild_id] = Followed(ids=ids, activity=ChatActivity(window, self._bots))
        self._followed, self._is_told = kept, True

    def live_of(self, guild_id: int) -> Decision:
        """(live now, the source that decided) of a guild's channel."""
        followed = self._followed.get(guild_id)
        if followed is None:
            return False, None
        now = self._clock.now()
        chat_says = followed.activity.looks_live(now) if self._fallback else None
        return followed.live.decide(now, chat_says=chat_says)

    def live_by_slug(self) -> dict[str, dict[str, object]]:
        """For /health: each channel's state and the source that decided."""
        return {
            one.ids.slug or str(one.ids.chatroom_id): self._live_shown(guild_id, one)
            for guild_id, one in self._followed.items()
        }

    def _live_shown(self, guild_id: int, followed: Followed) -> dict[str, object]:
        try:
            is_live, source = self.live_of(guild_id)
        except Exception as error:  # noqa: BLE001 - one guild's trouble is shown beside the others
            return {"live": None, "source": None, "error": type(error).__name__}
        return {"live": is_live, "source": source, "set_aside": followed.live.set_aside}

    async def on_event(self, event: KickEvent) -> None:
        """Take one event; returns when what must last is stored. PostgreSQL away: waits for it."""
        self.counters[type(event).__name__] += 1
        if isinstance(event, SocketGap):
            await self._until_stored(lambda: self._gap(event))
            return
        await self._to_all(event, self._stored)

    async def on_events(self, events: Sequence[KickEvent]) -> None:
        """Take several in one transaction, all or none: a burst of gifts costs one commit, and one thanks a giver."""

        async def all_of_them() -> None:
            async with self._db.transaction() as conn:
                awards: dict[int, list[Award]] = {}

                async def within(settings: GuildSettings, work: Work) -> None:
                    awards.setdefault(settings.guild_id, []).extend(await work(conn))

                for event in events:
                    await self._to_all(event, within)
                for guild_id, made in awards.items():
                    await self._thank(conn, self._guilds.get(guild_id), made)

        await self._until_stored(all_of_them)
        for event in events:
            self.counters[type(event).__name__] += 1

    async def _to_all(self, event: KickEvent, stored: Stored) -> None:
        for guild_id, followed in list(self._followed.items()):
            if concerns(event, followed.ids):
                await self._take(guild_id, followed, in_room(event, followed.ids), stored)

    def follows(self, broadcaster_user_id: int) -> bool:
        """Whether a server follows the broadcaster, or may: before its channel is found that cannot be told."""
        known = {one.ids.broadcaster_user_id for one in self._followed.values()}
        return broadcaster_user_id in known or None in known or not self._is_told

    async def on_webhook(self, conn: Connection, event: KickEvent, message_id: str) -> None:
        """Take what a webhook told, in the inbox's transaction. Errors: `NotKnownYet`: try again later."""
        self.counters[f"webhook {type(event).__name__}"] += 1
        told = self._followed if self._is_told else None
        followers = of_broadcaster(told, getattr(event, "broadcaster_user_id", None))
        for guild_id, followed in followers.items():
            settings = self._guilds.find(guild_id)
            if settings is None:
                continue
            followed.saw_bearer(event)
            match event:
                case GiftedSubs():
                    key = webhook_gift_key(event, message_id)
                    await self._thank(conn, settings, await self._gift(conn, settings, event, event.gifter_id, key))
                case LiveStatus() if live.is_fresh(event.at, self._clock.now()):
                    followed.live.hear(event)
                    await live.keep_webhook(conn, guild_id, event)
                case OwnSub() | KicksGifted():
                    await kick_payments.record(conn, settings, event, self._clock.now())

    async def _take(self, guild_id: int, followed: Followed, event: KickEvent, stored: Stored) -> None:
        settings = self._guilds.get(guild_id)
        followed.saw_bearer(event)
        match event:
            case ChatMessage(kind=kind) if kind == GIFT_CHAT:
                await stored(settings, lambda conn: self._gift(conn, settings, event, event.user_id))
            case ChatMessage():
                self._saw(followed, event)
                code, user_id = identity.code_in(event.content), event.user_id
                if code is not None and user_id is not None:
                    self.codes.typed(guild_id, code, user_id, event.username)
            case GiftedSubs():
                gifter = followed.gifters.find(event)
                await stored(settings, lambda conn: self._gift(conn, settings, event, gifter))
            case GiftNotice(source="subscription_gifted"):
                followed.gifters.note(event)
                await stored(settings, lambda conn: self._gift(conn, settings, event, event.gifter_id))
            case GiftsLeaderboard() | GiftNotice():
                followed.gifters.note(event)
                await stored(settings, lambda conn: gift_review.notice(conn, settings, event, self._clock.now()))
            case OwnSub() | KicksGifted():
                await stored(settings, lambda conn: self._payment(conn, settings, event))
            case LiveStatus() | Hosting():
                followed.live.hear(event)

    def _saw(self, followed: Followed, message: ChatMessage) -> None:
        """Remember who chats; a standby, which credits nobody, forgets by itself."""
        followed.activity.saw(message)
        if followed.minute_done is None and self.counters["ChatMessage"] % FORGET_EVERY == 0:
            followed.activity.forget_before(message.received_at - followed.activity.window)

    async def _stored(self, settings: GuildSettings, work: Work) -> None:
        """Do the work in a transaction of its own, with its thanks; PostgreSQL away: as often as it takes."""

        async def once() -> None:
            async with self._db.transaction() as conn:
                await self._thank(conn, settings, await work(conn))

        await self._until_stored(once)

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
        await self.waiting.believe(list(self._followed))

    async def _gift(
        self, conn: Connection, settings: GuildSettings, gift: Gift, gifter_id: int | None,
        webhook_key: str | None = None,
    ) -> Sequence[Award]:  # fmt: skip
        if gifter_id is None:
            await self._keep_bearer(conn, settings.guild_id, gift)
        award = await gifted_sub_tracker.record(
            conn, settings, gift, gifter_id, self._clock.now(), webhook_key=webhook_key
        )
        return [award] if award else []

    async def _payment(self, conn: Connection, settings: GuildSettings, event: OwnSub | KicksGifted) -> Sequence[Award]:
        if event.user_id is None:
            await self._keep_bearer(conn, settings.guild_id, event)
        await kick_payments.record(conn, settings, event, self._clock.now())
        return ()

    async def _keep_bearer(self, conn: Connection, guild_id: int, event: KickEvent) -> None:
        """Where only a name is told: what was just heard of whose it is comes first."""
        who = bearer_in(event)
        new = self._followed[guild_id].names.new_of(who[1]) if who and guild_id in self._followed else []
        if new:
            await identity.keep_names(conn, guild_id, new)

    async def approve_gift(
        self, conn: Connection, settings: GuildSettings, gift_id: int, actor: int
    ) -> tuple[Row, Award | None]:
        """An admin believes a gift: pay it and thank for it like for any other, unless it was paid before.

        Errors: those of `gift_review.approve`.
        """
        row, award = await gift_review.approve(conn, settings, gift_id, actor, self._clock.now())
        await self._thank(conn, settings, [award] if award and not row["payments"] else [])
        return row, award

    async def _thank(self, conn: Connection, settings: GuildSettings, awards: Sequence[Award]) -> None:
        await gift_thanks.post(conn, self._clock, self._guilds, settings, awards)

    async def heard(self) -> None:
        """The socket listens: leave word of it, and at first look since when no process had.

        However short that time is, it is a gap: the same transaction keeps it that moves the word on, so that a process
        which dies now does not hide it from the next.
        """
        now = self._clock.now()
        if self._heard_at is not None and timedelta(0) <= now - self._heard_at < HEARD_EVERY:
            return
        try:
            async with self._db.transaction() as conn:
                gap = await self._unheard(conn, now) if self._heard_at is None else None
                await process_state.put(conn, HEARD_KEY, now.isoformat())
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("kick_heard_not_kept", extra={"error": repr(error)})
            return
        self._heard_at = now
        if gap is not None:
            await self._until_stored(lambda: self.waiting.believe(list(self._followed)))

    async def _unheard(self, conn: Connection, now: datetime) -> SocketGap | None:
        since = read_moment(await process_state.get(conn, HEARD_KEY), now)
        if since is None or since >= now:
            return None
        gap = SocketGap(since, now, "no process listened")
        await gifted_sub_tracker.record_gap(conn, gap.started_at, gap.ended_at, gap.reason)
        return gap

    async def tell_subscriptions(self, problems: Mapping[int, Mapping[str, str]]) -> None:
        """Tell the admins which events Kick does not send of their channel; errors are those of the database."""
        for guild_id, followed in list(self._followed.items()):
            settings = self._guilds.find(guild_id)
            if settings is not None:
                lacking = problems.get(followed.ids.broadcaster_user_id or 0, {})
                await kick_troubles.tell_subscriptions(self._db, self._clock, self._guilds, settings, lacking)

    async def tell_troubles(self, troubles: Mapping[int, Mapping[str, Mapping[str, str]]]) -> None:
        """Tell the admins what keeps their channel from being heard; errors are those of the database."""
        await kick_troubles.tell(self._db, self._clock, self._guilds, troubles)

    async def tick_minutes(self) -> None:
        """Credit every minute that has ended since the last tick to whoever was chat-active in it."""
        for guild_id, followed in list(self._followed.items()):
            settings = self._guilds.find(guild_id)
            if settings is not None:
                await self._credit_alone(settings, followed)

    async def _credit_alone(self, settings: GuildSettings, followed: Followed) -> None:
        """One guild's trouble is not another's: it is logged, counted, and tried again at the next tick."""
        try:
            await self._keep_names(settings, followed)
            await self._credit(settings, followed)
        except Exception as error:
            if is_away(error):
                raise
            self.counters["minutes_failed"] += 1
            log.exception("kick_minutes_failed", extra={"guild": settings.guild_id})

    async def _keep_names(self, settings: GuildSettings, followed: Followed) -> None:
        new = followed.names.new()
        if new:
            async with self._db.transaction() as conn:
                await identity.keep_names(conn, settings.guild_id, new)
            followed.names.kept(new)

    async def _credit(self, settings: GuildSettings, followed: Followed) -> None:
        now = self._clock.now()
        followed.activity.window = timedelta(minutes=settings.watch_window_minutes)
        if followed.minute_done is None:
            await self._restore(settings, followed, now)
        done = followed.minute_done or floor_minute(now)
        is_live, _source = await self._decided(settings.guild_id, followed, now)
        for minute in minutes_between(done, now, MOST_MINUTES_LATE):
            if followed.live.was_live(minute, is_live):
                await self._credit_minute(settings, followed, minute)
            followed.minute_done = minute
            followed.activity.forget_before(minute)
        followed.activity.forget_before(followed.minute_done or now)

    async def _decided(self, guild_id: int, followed: Followed, now: datetime) -> Decision:
        """Who says what, logged and kept whenever it changes."""
        state, decision = followed.live, self.live_of(guild_id)
        if decision[1] is not None and live.is_worth_keeping(state, decision, now):
            async with self._db.transaction() as conn:
                await live.keep_decision(conn, guild_id, decision[0], decision[1], now)
            if decision != state.decided:
                log.info("kick_live", extra={"guild": guild_id, "live": decision[0], "source": decision[1]})
            state.decided, state.kept_at = decision, now
        return decision

    async def _credit_minute(self, settings: GuildSettings, followed: Followed, minute: datetime) -> None:
        viewers = followed.activity.active_in(minute)
        if viewers:
            async with self._db.transaction() as conn:
                period = await periods.for_event(conn, settings.guild_id, minute)
                await watchtime_converter.credit(conn, settings, period, minute, viewers)
                slugs = {
                    one.kick_user_id: one.slug for one in viewers if fold(one.slug) not in ("", fold(one.kick_name))
                }
                await identity.learn_names(conn, settings.guild_id, minute, slugs)

    async def _restore(self, settings: GuildSettings, followed: Followed, now: datetime) -> None:
        """Go on where an earlier process stopped: its open windows, and the minutes since."""
        async with self._db.transaction() as conn:
            done = await self._minute_done(conn, settings, now)
            viewers = await watchtime_converter.open_windows(conn, settings.guild_id, done)
            await live.restore(conn, settings.guild_id, followed.live, now)
        followed.activity.restore(viewers)
        followed.minute_done = done

    async def _minute_done(self, conn: Connection, settings: GuildSettings, now: datetime) -> datetime:
        """Up to when earlier processes credited: however long they were away, the windows left open go on from there.

        Where they had last seen the stream offline, nothing is owed for the time since.
        """
        decided = await live.kept_decision(conn, settings.guild_id, now)
        if decided is None:
            return floor_minute(now) - MINUTE * (settings.watch_window_minutes + 1)
        was_live, since = decided
        if not was_live:
            return floor_minute(now) - MINUTE
        credited = await watchtime_converter.credited_until(conn, settings.guild_id)
        return min(max(credited or since, floor_minute(since) - MINUTE), floor_minute(now) - MINUTE)


def _same_channel(known: KickChannelIds, ids: KickChannelIds) -> bool:
    """Whether it is the channel that was followed before, now with more of its ids."""
    pairs = [(known.chatroom_id, ids.chatroom_id), (known.channel_id, ids.channel_id)]
    return known.slug == ids.slug and all(None in pair or pair[0] == pair[1] for pair in pairs)
