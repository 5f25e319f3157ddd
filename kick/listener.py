"""The Kick channels that guilds follow: their ids found once, one socket for all, and who is live."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from core.clock import Clock, monotonic
from core.db import is_away, log_failure
from core.kick_events import Hosting, KickChannelIds, KickEvent, KickSubscription, LiveStatus, slug_forms
from kick.api import ApiFailed, KickApi
from kick.deafness import Deafness
from kick.delivery import SinkMany
from kick.endpoints import Endpoints
from kick.lookup import ChannelUnknown, LookupBlocked, lookup_channel
from kick.socket import KickSocket
from kick.state import SocketState
from kick.subscriptions import Problems, Subscriptions

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
LIVE_POLL = timedelta(seconds=60)
LOOKUP_AGAIN = timedelta(minutes=1)
ANSWERS_LAG = timedelta(seconds=30)
"""Answers bear no date and come from caches: one asked for just after an event was heard is not newer than it."""

Wanted = Callable[[], Mapping[int, KickChannelIds]]
Followed = Callable[[Mapping[int, KickChannelIds]], None]
Sink = Callable[[KickEvent], Awaitable[None]]
Recall = Callable[[str], Awaitable[KickChannelIds | None]]
Heard = Callable[[], Awaitable[None]]
Remember = Callable[[str, KickChannelIds], Awaitable[None]]
Subscribed = Callable[[Sequence[KickSubscription]], Awaitable[None]]
Unsubscribed = Callable[[Problems], Awaitable[None]]
Troubles = Mapping[int, Mapping[str, Mapping[str, str]]]
Troubled = Callable[[Troubles], Awaitable[None]]


async def _nothing(_told: object) -> None:
    return


class KickListener:
    """Follows what `wanted` names, tells `followed` the ids, and gives every event to `on_event`.

    `recall` and `remember` keep found ids: they never change, and Kick may block the look-up tomorrow. `heard` is
    called about once a second while the socket listens. `on_events` takes several events in one go. `subscribed`
    keeps which event subscriptions are ours, `unsubscribed` hears which ones Kick does not make. `troubled` hears, by
    guild and kind (`unknown`, `blocked`, `deaf`), what keeps a channel from being heard, whenever that changes.
    """

    def __init__(
        self, session: aiohttp.ClientSession, clock: Clock, *, site_base: str, socket_url: str | None,
        wanted: Wanted, followed: Followed, on_event: Sink, recall: Recall, remember: Remember,
        api: KickApi, leads: Callable[[], bool] = lambda: True, heard: Heard | None = None,
        on_events: SinkMany | None = None, subscribed: Subscribed = _nothing, unsubscribed: Unsubscribed = _nothing,
        troubled: Troubled = _nothing,
    ) -> None:  # fmt: skip
        self._session = session
        self._clock = clock
        self._site_base = site_base
        self._wanted = wanted
        self._followed = followed
        self._on_event = on_event
        self._recall = recall
        self._remember = remember
        self._known: dict[str, KickChannelIds] = {}
        self._unknown: set[str] = set()
        self._asked: dict[str, datetime] = {}
        self._polled: dict[str, datetime] = {}
        self._channels: dict[int, KickChannelIds] = {}
        self._looked = False
        self._api = api
        self._heard = heard
        self._broadcasters: dict[str, int] = {}
        self.subscriptions = Subscriptions(
            api, clock, lambda: api.configured and leads(), subscribed, unsubscribed
        )  # fmt: skip
        self._polls: set[asyncio.Task[None]] = set()
        endpoints = Endpoints(session, site_base, self._any_channel_id, socket_url)
        self._socket = KickSocket(endpoints, (), clock, self._heard_event, on_events=on_events)
        self._deafness = Deafness(self._socket)
        self._leads = leads
        self._troubled = troubled
        self._told: Troubles | None = None
        self.problems: dict[str, str] = {}

    @property
    def socket(self) -> SocketState | None:
        """The connection's state, None while no channel is followed."""
        return self._socket.state if self._channels else None

    def _any_channel_id(self) -> int | None:
        return next((ids.channel_id for ids in self._channels.values() if ids.channel_id), None)

    async def run(self) -> None:
        socket: asyncio.Task[None] | None = None
        try:
            while True:
                await self._look()
                if self._channels and socket is None:
                    socket = asyncio.create_task(self._socket.run(), name="kick-socket")
                if socket is not None and socket.done():
                    socket.result()
                if self._heard is not None and self._socket.state.status == "connected":
                    await self._heard()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            if socket is not None:
                socket.cancel()
            for poll in self._polls:
                poll.cancel()
            stopped = [*self._polls] if socket is None else [socket, *self._polls]
            await asyncio.gather(*stopped, return_exceptions=True)

    async def listening(self, other: asyncio.Future[None], seconds: float = 10.0) -> None:
        """Return when everything is listened to, `other` is done, or `seconds` have passed, whichever comes first.

        A standby says that it is there only then: what a deploy stops on its word has been relieved.
        """
        until = monotonic() + seconds
        while monotonic() < until and not other.done():
            if self._socket.state.status == "connected" or not self._wanted():
                return
            await asyncio.wait({other}, timeout=0.05)

    async def _heard_event(self, event: KickEvent) -> None:
        """Whatever the socket tells; that a stream began or ended makes us ask the others at once."""
        if isinstance(event, LiveStatus | Hosting):
            self._polled.clear()
        await self._on_event(event)

    async def _look(self) -> None:
        wanted_now = self._wanted()
        channels = {guild: await self._resolved(ids) for guild, ids in wanted_now.items()}
        if channels != self._channels or not self._looked:
            self._channels, self._looked = channels, True
            self._followed(channels)
            await self._socket.follow(list(dict.fromkeys(channels.values())))
        for ids in dict.fromkeys(channels.values()):
            if self._due(self._polled, ids.slug or str(ids.chatroom_id), LIVE_POLL):
                self._start(self._poll_live(ids))
        wanted = frozenset(ids.broadcaster_user_id for ids in channels.values() if ids.broadcaster_user_id)
        await self.subscriptions.keep(wanted)
        await self._deafness.look(set(channels.values()), self._clock.now())
        await self._tell(self._troubles(wanted_now))

    def _troubles(self, wanted: Mapping[int, KickChannelIds]) -> Troubles:
        """What keeps each guild's channel from being heard."""
        slugs = {ids.slug for ids in wanted.values()}
        self.problems = {slug: why for slug, why in self.problems.items() if slug in slugs}
        deaf = self._deafness.troubles()
        found: dict[int, dict[str, Mapping[str, str]]] = {}
        for guild, ids in self._channels.items():
            slug = wanted[guild].slug
            if slug in self.problems and ids.chatroom_id is None:
                found[guild] = {"unknown" if slug in self._unknown else "blocked": {"name": slug}}
            elif ids in deaf:
                found[guild] = {"deaf": {"name": ids.slug or str(ids.chatroom_id), **deaf[ids]}}
        return found

    async def _tell(self, troubles: Troubles) -> None:
        """Only who leads tells; what goes on is said again each minute, as there may be somebody to hear it now."""
        goes_on = bool(troubles) and self._due(self._asked, "tell", LOOKUP_AGAIN)
        if (troubles == self._told and not goes_on) or not self._leads():
            return
        try:
            await self._troubled(troubles)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("kick_troubles_not_told", extra={"error": repr(error)})
        else:
            self._told = troubles

    def _start(self, poll: Coroutine[Any, Any, None]) -> None:
        """Ask beside everything else: Kick may take its time, and the socket is not to wait for it."""
        task = asyncio.create_task(poll, name="kick-poll")
        self._polls.add(task)
        task.add_done_callback(self._polled_once)

    def _polled_once(self, task: asyncio.Task[None]) -> None:
        self._polls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_failure(log, "kick_poll_failed", error)

    async def _resolved(self, ids: KickChannelIds) -> KickChannelIds:
        """The ids as configured, completed by what was found once."""
        if not ids.slug:
            return ids
        if ids.channel_id and ids.chatroom_id:
            return await self._with_broadcaster(ids)
        found = self._known.get(ids.slug) or await self._recall(ids.slug)
        if found is None and self._due(self._asked, ids.slug, LOOKUP_AGAIN):
            found = await self._asked_of_kick(ids.slug)
        if found is None:
            return await self._without_answer(ids)
        self._known[ids.slug] = found
        return _completed(ids, found)

    async def _without_answer(self, ids: KickChannelIds) -> KickChannelIds:
        """While Kick does not say whose the name is: what an earlier release had found, which took `_` for `-`."""
        if ids.slug in self._unknown:
            return await self._with_broadcaster(ids)
        for form in slug_forms(ids.slug)[1:]:
            found = await self._recall(form)
            if found is not None:
                return _completed(ids, found)
        return await self._with_broadcaster(ids)

    async def _with_broadcaster(self, ids: KickChannelIds) -> KickChannelIds:
        """The broadcaster's id from the official API, where only the others were entered or nothing was found."""
        if ids.broadcaster_user_id or not self._api.configured:
            return ids
        if ids.slug not in self._broadcasters and self._due(self._asked, f"api:{ids.slug}", LOOKUP_AGAIN):
            try:
                found = await self._api.channel(ids.slug)
            except ApiFailed as error:
                log.warning("kick_broadcaster_unknown", extra={"slug": ids.slug, "error": str(error)})
                return ids
            if found is not None and found[0].broadcaster_user_id:
                self._broadcasters[ids.slug] = found[0].broadcaster_user_id
        return replace(ids, broadcaster_user_id=self._broadcasters.get(ids.slug))

    async def _asked_of_kick(self, slug: str) -> KickChannelIds | None:
        try:
            found = (await lookup_channel(self._session, self._site_base, slug, self._clock)).ids
        except (LookupBlocked, ChannelUnknown) as error:
            self.problems[slug] = str(error)
            if isinstance(error, ChannelUnknown):
                self._unknown.add(slug)
            log.warning("kick_channel_not_found", extra={"slug": slug, "error": str(error)})
            return None
        self.problems.pop(slug, None)
        self._unknown.discard(slug)
        await self._remember(slug, found)
        return found

    async def _poll_live(self, ids: KickChannelIds) -> None:
        """Ask the official API, where there is an app, and the site; where neither answers, others decide."""
        asked_at = self._clock.now()
        for ask in (self._live_by_api, self._live_by_site):
            status = await ask(ids)
            if status is not None:
                self._deafness.note(ids, replace(status, at=asked_at))
                # One age for both: of equally new words the official one counts, however fast the other came.
                await self._on_event(replace(status, at=asked_at - ANSWERS_LAG))

    async def _live_by_api(self, ids: KickChannelIds) -> LiveStatus | None:
        if not self._api.configured:
            return None
        try:
            if ids.broadcaster_user_id is not None:
                found = await self._api.live(ids.broadcaster_user_id)
            else:
                by_name = await self._api.channel(ids.slug) if ids.slug else None
                found = by_name[1] if by_name else None
        except ApiFailed as error:
            log.warning("kick_live_unknown_to_api", extra={"slug": ids.slug, "error": str(error)})
            return None
        return found and replace(found, channel_id=ids.channel_id, chatroom_id=ids.chatroom_id)

    async def _live_by_site(self, ids: KickChannelIds) -> LiveStatus | None:
        """By name; who renames a channel leaves the name to whoever takes it, so that the id has to agree."""
        if not ids.slug:
            return None
        try:
            found = await lookup_channel(self._session, self._site_base, ids.slug, self._clock)
        except (LookupBlocked, ChannelUnknown) as error:
            log.info("kick_live_unknown", extra={"slug": ids.slug, "error": str(error)})
            return None
        if ids.channel_id is not None and found.ids.channel_id != ids.channel_id:
            log.warning("kick_name_is_anothers", extra={"slug": ids.slug, "channel_id": found.ids.channel_id})
            return None
        return found.live

    def _due(self, last: dict[str, datetime], key: str, every: timedelta) -> bool:
        now = self._clock.now()
        if key in last and timedelta(0) <= now - last[key] < every:
            return False
        last[key] = now
        return True


def _completed(ids: KickChannelIds, found: KickChannelIds) -> KickChannelIds:
    """What was found, under the ids that were entered by hand."""
    return replace(
        found,
        channel_id=ids.channel_id or found.channel_id,
        chatroom_id=ids.chatroom_id or found.chatroom_id,
        broadcaster_user_id=ids.broadcaster_user_id or found.broadcaster_user_id,
    )
