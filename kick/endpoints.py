"""Where Kick's socket is: by configuration, else negotiated, else the address that has worked for years."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp

from kick.coerce import items, mapping

log = logging.getLogger(__name__)

KNOWN_KEY = "32cbd69e4b950bf97679"
KNOWN_CLUSTER = "us2"
SITE = "https://kick.com"
REALTIME = "https://web.kick.com"

_WORD = re.compile(r"[A-Za-z0-9-]{1,64}")
_PATIENCE = aiohttp.ClientTimeout(total=5)


def pusher_url(key: str, cluster: str) -> str:
    """Pusher's address for an app key in a cluster, protocol 7."""
    return f"wss://ws-{cluster}.pusher.com/app/{key}?protocol=7&client=js&version=8.4.0&flash=false"


KNOWN_URL = pusher_url(KNOWN_KEY, KNOWN_CLUSTER)


def realtime_base(site_base: str) -> str:
    """The host that negotiates: Kick's own is apart from the site, a stand-in's is the same."""
    base = site_base.rstrip("/")
    return REALTIME if base == SITE else base


class Endpoints:
    """The socket's address, asked for before each connection; it never raises.

    `override` (KICK_WS_URL) always wins. Otherwise Kick is asked once, and again when `fresh`; where it
    refuses, answers nonsense, or offers only a provider that we do not speak, the known address serves.
    `channel_id` gives the id of a channel to ask with, None while unknown.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        site_base: str,
        channel_id: Callable[[], int | None],
        override: str | None = None,
    ) -> None:
        self._session = session
        self._base = realtime_base(site_base)
        self._channel_id = channel_id
        self._override = override
        self._known: str | None = None

    async def __call__(self, *, fresh: bool = False) -> str:
        if self._override:
            return self._override
        if fresh or self._known is None:
            self._known = await self._negotiated() or KNOWN_URL
        return self._known

    async def _negotiated(self) -> str | None:
        channel_id = self._channel_id()
        url = f"{self._base}/api/v1/realtime/channels/{channel_id or 1}/chat/connection"
        body = {
            "client": {"id": str(uuid.uuid4()), "type": "web"},
            "capabilities": {"accepted_providers": [{"provider": "pusher"}]},
        }
        try:
            async with self._session.post(url, json=body, timeout=_PATIENCE) as response:
                response.raise_for_status()
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            log.info("kick_negotiation_failed", extra={"why": f"{type(error).__name__}: {error}"[:200]})
            return None
        return negotiated_url(answer)


def negotiated_url(answer: Any) -> str | None:
    """The first Pusher connection in Kick's answer, as an address; None when it offers none."""
    for connection in items(mapping(mapping(answer).get("data")).get("connections")):
        offer = mapping(connection)
        credentials = mapping(offer.get("credentials"))
        key, cluster = credentials.get("app_key"), credentials.get("cluster")
        if offer.get("provider") == "pusher" and _is_word(key) and _is_word(cluster):
            return pusher_url(str(key), str(cluster))
    return None


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None
