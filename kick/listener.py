"""The Kick channels that guilds follow: their ids found once, one socket for all, and the site's word on live."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import aiohttp

from core.clock import Clock
from core.kick_events import KickChannelIds, KickEvent
from kick.endpoints import Endpoints
from kick.lookup import ChannelUnknown, LookupBlocked, lookup_channel
from kick.socket import KickSocket
from kick.state import SocketState

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
LIVE_POLL = timedelta(seconds=60)
LOOKUP_AGAIN = timedelta(minutes=1)

Wanted = Callable[[], Mapping[int, KickChannelIds]]
Followed = Callable[[Mapping[int, KickChannelIds]], None]
Sink = Callable[[KickEvent], Awaitable[None]]
Recall = Callable[[str], Awaitable[KickChannelIds | None]]
Remember = Callable[[KickChannelIds], Awaitable[None]]


class KickListener:
    """Follows what `wanted` names, tells `followed` the ids, and gives every event to `on_event`.

    `recall` and `remember` keep found ids: they never change, and Kick may block the look-up tomorrow.
    """

    def __init__(
        self, session: aiohttp.ClientSession, clock: Clock, *, site_base: str, socket_url: str | None,
        wanted: Wanted, followed: Followed, on_event: Sink, recall: Recall, remember: Remember,
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
        self._asked: dict[str, datetime] = {}
        self._polled: dict[str, datetime] = {}
        self._channels: dict[int, KickChannelIds] = {}
        endpoints = Endpoints(session, site_base, self._any_channel_id, socket_url)
        self._socket = KickSocket(endpoints, (), clock, on_event)
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
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            if socket is not None:
                socket.cancel()
                await asyncio.gather(socket, return_exceptions=True)

    async def _look(self) -> None:
        channels = {guild: await self._resolved(ids) for guild, ids in self._wanted().items()}
        if channels != self._channels:
            self._channels = channels
            self._followed(channels)
            await self._socket.follow(list(dict.fromkeys(channels.values())))
        for ids in dict.fromkeys(channels.values()):
            await self._poll_live(ids)

    async def _resolved(self, ids: KickChannelIds) -> KickChannelIds:
        """The ids as configured, completed by what was found once."""
        if not ids.slug or (ids.channel_id and ids.chatroom_id):
            return ids
        found = self._known.get(ids.slug) or await self._recall(ids.slug)
        if found is None and self._due(self._asked, ids.slug, LOOKUP_AGAIN):
            found = await self._asked_of_kick(ids.slug)
        if found is None:
            return ids
        self._known[ids.slug] = found
        return replace(
            found,
            channel_id=ids.channel_id or found.channel_id,
            chatroom_id=ids.chatroom_id or found.chatroom_id,
            broadcaster_user_id=ids.broadcaster_user_id or found.broadcaster_user_id,
        )

    async def _asked_of_kick(self, slug: str) -> KickChannelIds | None:
        try:
            found = (await lookup_channel(self._session, self._site_base, slug, self._clock)).ids
        except (LookupBlocked, ChannelUnknown) as error:
            self.problems[slug] = str(error)
            log.warning("kick_channel_not_found", extra={"slug": slug, "error": str(error)})
            return None
        self.problems.pop(slug, None)
        await self._remember(found)
        return found

    async def _poll_live(self, ids: KickChannelIds) -> None:
        """Ask the site whether the channel is live; where it does not answer, other sources decide."""
        if not ids.slug or not self._due(self._polled, ids.slug, LIVE_POLL):
            return
        try:
            found = await lookup_channel(self._session, self._site_base, ids.slug, self._clock)
        except (LookupBlocked, ChannelUnknown) as error:
            log.info("kick_live_unknown", extra={"slug": ids.slug, "error": str(error)})
            return
        await self._on_event(found.live)

    def _due(self, last: dict[str, datetime], key: str, every: timedelta) -> bool:
        now = self._clock.now()
        if key in last and timedelta(0) <= now - last[key] < every:
            return False
        last[key] = now
        return True
