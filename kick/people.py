"""A Kick account's id by its name: everybody there has a channel, and the channel's broadcaster is its owner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from core.clock import Clock
from core.kick_events import KickChannelIds, kick_slug
from kick.api import ApiFailed, KickApi
from kick.lookup import ChannelUnknown, LookupBlocked, lookup_channel

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 4.0


class People:
    """Asks the official API, where there is an app, then the site; neither keeps anybody waiting for long."""

    def __init__(
        self, session: aiohttp.ClientSession, clock: Clock, api: KickApi, site_base: str,
        patience: float = PATIENCE_SECONDS,
    ) -> None:  # fmt: skip
        self._session = session
        self._clock = clock
        self._api = api
        self._site_base = site_base
        self._patience = patience

    async def id_of(self, name: str) -> int | None:
        """The account's id; None where Kick has no such account or does not say, within `patience` real seconds."""
        slug = kick_slug(name)
        try:
            async with asyncio.timeout(self._patience):
                for ask in (self._by_api, self._by_site):
                    found = await self._asked(ask, slug)
                    if found is not None:
                        return found
        except TimeoutError:
            log.info("kick_user_not_found_in_time", extra={"slug": slug})
        return None

    async def _asked(self, ask: Callable[[str], Awaitable[KickChannelIds | None]], slug: str) -> int | None:
        try:
            found = await ask(slug)
        except (ApiFailed, LookupBlocked, ChannelUnknown) as error:
            log.info("kick_user_unknown", extra={"slug": slug, "error": str(error)})
            return None
        return found.broadcaster_user_id if found is not None and found.slug == slug else None

    async def _by_api(self, slug: str) -> KickChannelIds | None:
        """Half of the patience at most: the site is to have its turn."""
        if not self._api.configured:
            return None
        try:
            async with asyncio.timeout(self._patience / 2):
                found = await self._api.channel(slug)
        except TimeoutError:
            return None
        return found[0] if found is not None else None

    async def _by_site(self, slug: str) -> KickChannelIds | None:
        return (await lookup_channel(self._session, self._site_base, slug, self._clock)).ids
