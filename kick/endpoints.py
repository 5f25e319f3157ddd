"""Where Kick's socket is: by configuration, else negotiated, else the address that has worked for years."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp

from kick.centrifugo import Centrifugo, TokenRefused, speaks
from kick.coerce import JsonObject, items, mapping, text
from kick.dialect import Dialect, Endpoint, Pusher

log = logging.getLogger(__name__)

KNOWN_KEY = "32cbd69e4b950bf97679"
KNOWN_CLUSTER = "us2"
SITE = "https://kick.com"
REALTIME = "https://web.kick.com"
OFFERS = (("pusher",), ("pusher", "centrifugo"))
OTHER = ("centrifugo",)
ELSEWHERE_AFTER = 5

_NOT_SO = (400, 404, 406, 409, 422)
_WORD = re.compile(r"[A-Za-z0-9-]{1,64}")
_SOCKET = re.compile(r"wss?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?/[A-Za-z0-9/_.?=&-]{0,500}")
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
    refuses, answers nonsense, or offers only a provider that we do not speak, the known address serves, and
    so it does now and then while a negotiated Centrifugo fails. `channel_id` gives the id of a channel to ask
    with, None while unknown.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        site_base: str,
        channel_id: Callable[[], int | None],
        override: str | None = None,
        known: str = KNOWN_URL,
    ) -> None:
        self._session = session
        self._base = realtime_base(site_base)
        self._channel_id = channel_id
        self._override = override
        self._fallback = known
        self._known: str | None = None
        self._client = str(uuid.uuid4())

    async def __call__(self, *, fresh: bool = False, failures: int = 0, instead_of: str | None = None) -> Endpoint:
        if self._override:
            return self._at(self._override)
        if fresh or self._known is None:
            self._known = await self._negotiated(instead_of) or self._fallback
        if speaks(self._known) and failures and failures % ELSEWHERE_AFTER == 0:
            return self._at(self._fallback)
        return self._at(self._known)

    def _at(self, url: str) -> Endpoint:
        return Endpoint(url, self._centrifugo if speaks(url) else Pusher)

    def _centrifugo(self) -> Dialect:
        return Centrifugo(self._token)

    async def _negotiated(self, instead_of: str | None) -> str | None:
        """What Kick offers to those who speak Pusher alone, which is well tried; else to those who speak both.

        Instead of an address that tells nothing another one, if Kick has any; its own word if it has not.
        """
        same: str | None = None
        for offers in OFFERS if instead_of is None else (*OFFERS, OTHER):
            try:
                found = negotiated_url(await self._offered(offers))
            except aiohttp.ClientResponseError as error:
                log.info("kick_negotiation_refused", extra={"status": error.status})
                if error.status not in _NOT_SO:
                    return same
            except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
                log.info("kick_negotiation_failed", extra={"why": f"{type(error).__name__}: {error}"[:200]})
                return same
            else:
                if found is not None and found != instead_of:
                    return found
                same = found or same
        return same

    async def _offered(self, providers: Sequence[str]) -> Any:
        url = f"{self._base}/api/v1/realtime/channels/{self._channel_id() or 1}/chat/connection"
        body = {
            "client": {"id": self._client, "type": "web"},
            "capabilities": {"accepted_providers": [{"provider": name} for name in providers]},
        }
        return await self._posted(url, body)

    async def _token(self) -> str:
        """A token for Centrifugo. Errors: `TokenRefused`."""
        url = f"{self._base}/api/v1/realtime/auth/connection"
        try:
            answer = await self._posted(url, {"client_id": self._client})
        except aiohttp.ClientResponseError as error:
            raise TokenRefused(f"status {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            raise TokenRefused(type(error).__name__) from None
        token = text(mapping(mapping(answer).get("data")).get("token"), 10_000)
        if not token:
            raise TokenRefused("no token in the answer")
        return token

    async def _posted(self, url: str, body: object) -> Any:
        async with self._session.post(url, json=body, timeout=_PATIENCE) as response:
            response.raise_for_status()
            return await response.json(content_type=None)


def negotiated_url(answer: Any) -> str | None:
    """The first connection in Kick's answer that we speak, as an address; None when it offers none.

    Captures have them under `data.connections`; wherever else they stand, they are read.
    """
    for offer in _objects(answer):
        credentials = mapping(offer.get("credentials")) or offer
        url, key, cluster = (credentials.get(name) for name in ("url", "app_key", "cluster"))
        provider = offer.get("provider")
        if provider in ("pusher", None) and _is_word(key) and _is_word(cluster):
            return pusher_url(str(key), str(cluster))
        is_socket = isinstance(url, str) and _SOCKET.fullmatch(url) is not None and speaks(url)
        if provider in ("centrifugo", None) and is_socket:
            return str(url)
    return None


def _objects(value: object, depth: int = 5) -> Iterator[JsonObject]:
    """The objects in an answer from the outside in, but not those inside one that names its provider."""
    if isinstance(value, dict):
        yield value
    if depth and (isinstance(value, list) or "provider" not in mapping(value)):
        for inner in [*mapping(value).values(), *items(value)]:
            yield from _objects(inner, depth - 1)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None
