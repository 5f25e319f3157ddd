"""Connections: each has its time, each client its share, and the bot keeps file descriptors of its own.

A connection over the limit is not refused: the one that has waited longest without a whole request goes instead. So
whoever holds many half-open ones loses those, and the next honest request is answered, even from the same address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

IDLE_SECONDS = 15.0
BODY_SECONDS = 10.0
REQUEST_SECONDS = 120.0
LINGERING_SECONDS = 2.0
MOST, MOST_A_CLIENT, FEWEST = 512, 100, 16
BACKLOG = 64

HEADERS = {
    "Server": "Drumroll",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def most_connections() -> int:
    """At most half of the files that this process may open: the other half is for Discord, Kick and PostgreSQL."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(FEWEST, min(MOST, soft // 2))


def client_of(peer: object) -> str:
    """Who connects: an IPv4 address, or the network that an IPv6 address is one of 2^64 of."""
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((address, 64), strict=False))
        return str(getattr(address, "ipv4_mapped", None) or address)
    return host


class Guests:
    """Who is connected: those that wait, the longest first, and those that are being answered."""

    def __init__(self, most: int | None = None, most_a_client: int = MOST_A_CLIENT) -> None:
        self._most = most_connections() if most is None else most
        self._most_a_client = min(most_a_client, self._most)
        self._waiting: dict[asyncio.BaseTransport, str] = {}
        self._answered: dict[asyncio.BaseTransport, str] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._answered)

    def came(self, transport: asyncio.Transport) -> None:
        """A new connection; an older one goes where it is one too many."""
        client = client_of(transport.get_extra_info("peername"))
        own = [one for one, who in self._oldest_first() if who == client]
        if len(own) >= self._most_a_client:
            self._drop(own[0])
        elif len(self) >= self._most:
            self._drop(next(one for one, _who in self._oldest_first()))
        self._waiting[transport] = client

    def _oldest_first(self) -> Iterable[tuple[asyncio.BaseTransport, str]]:
        """Whoever waits goes before whoever is being answered."""
        yield from self._waiting.items()
        yield from self._answered.items()

    def _drop(self, transport: asyncio.BaseTransport) -> None:
        self.left(transport)
        self.dropped += 1
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    def asks(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole header is there: it is being answered."""
        if transport is not None and (client := self._waiting.pop(transport, None)) is not None:
            self._answered[transport] = client

    def is_answered(self, transport: asyncio.BaseTransport | None) -> None:
        if transport is not None and (client := self._answered.pop(transport, None)) is not None:
            self._waiting[transport] = client

    def left(self, transport: asyncio.BaseTransport) -> None:
        self._waiting.pop(transport, None)
        self._answered.pop(transport, None)


class Connection(web.RequestHandler):
    """One connection: closed when it brings no whole header in time, counted among the guests."""

    def __init__(self, server: web.Server, guests: Guests) -> None:
        super().__init__(
            server, loop=asyncio.get_running_loop(), keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGERING_SECONDS, auto_decompress=False,
        )  # fmt: skip
        self._guests = guests
        self._came: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._came = transport
        if isinstance(transport, asyncio.Transport):
            self._guests.came(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._came is not None:
            self._guests.left(self._came)
        super().connection_lost(exc)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What is no HTTP is the sender's affair: no traceback of ours, whatever strangers send."""
        if status < 500:
            answer: web.StreamResponse = web.Response(status=status)
            answer.force_close()
        else:
            answer = super().handle_error(request, status, exc, message)
        answer.headers.update(HEADERS)
        return answer


def middleware(guests: Guests, largest_body: int) -> Middleware:
    """Around every request: the body within its time and size, the answer within its own, safe headers."""

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        transport = request.transport
        guests.asks(transport)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await _read(request, largest_body)
                return await handler(request)
        finally:
            guests.is_answered(transport)

    return answered


async def _read(request: web.Request, largest: int) -> None:
    """The whole body, which `request.read()` gives from then on. Errors: 413, 408."""
    if not request.can_read_body:
        return
    if (request.content_length or 0) > largest:
        raise web.HTTPRequestEntityTooLarge(largest, request.content_length or 0)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await request.read()
    except TimeoutError:
        slow = web.HTTPRequestTimeout()
        slow.force_close()
        raise slow from None


async def add_headers(_request: web.Request, answer: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["Server"] = HEADERS["Server"]
