"""A Kick account by its name: everybody there has a channel, and the channel's broadcaster is its owner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from core.clock import Clock
from core.kick_events import fold
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
        """The account's id; None where Kick has none of that name or does not say, within `patience` real seconds.

        A channel whose slug is written otherwise is the account's only if Kick does not call its owner by another name.
        """
        try:
            async with asyncio.timeout(self._patience):
                for ask in (self._by_api, self._by_site):
                    found = await self._asked(ask, name)
                    if found is not None:
                        return found
        except TimeoutError:
            log.info("kick_user_not_found_in_time", extra={"name_asked": name})
        return None

    async def _asked(self, ask: Callable[[str], Awaitable[int | None]], name: str) -> int | None:
        try:
            return await ask(name)
        except (ApiFailed, LookupBlocked, ChannelUnknown) as error:
            log.info("kick_user_unknown", extra={"name_asked": name, "error": str(error)})
            return None

    async def _by_api(self, name: str) -> int | None:
        """Half of the patience at most: the site is to have its turn."""
        if not self._api.configured:
            return None
        try:
            async with asyncio.timeout(self._patience / 2):
                found = await self._api.channel(name)
                user_id = found[0].broadcaster_user_id if found is not None else None
                if found is None or user_id is None:
                    return None
                return user_id if _is_owner(name, found[0].slug, await self._owner(user_id)) else None
        except TimeoutError:
            return None

    async def _owner(self, user_id: int) -> str:
        try:
            return await self._api.name_of(user_id) or ""
        except ApiFailed:
            return ""

    async def _by_site(self, name: str) -> int | None:
        found = await lookup_channel(self._session, self._site_base, name, self._clock)
        return found.ids.broadcaster_user_id if _is_owner(name, found.ids.slug, found.owner) else None


def _is_owner(name: str, slug: str, owner: str) -> bool:
    """Whether a channel's owner is who was asked for: by name, or by the slug as it was written."""
    return not owner or fold(name) in (fold(owner), slug)
