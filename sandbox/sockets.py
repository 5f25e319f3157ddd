"""Events for the page over WebSockets: of plain connections a browser keeps six to a server, over all its tabs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

PING_SECONDS = 20.0


def own_origin(request: web.Request) -> bool:
    """Whether this server's own page asks (or no page at all): sockets are open to every page's scripts."""
    return request.headers.get("Origin") in (None, str(request.url.origin()))


async def serve_events(request: web.Request, events: AsyncIterator[dict[str, Any]]) -> web.WebSocketResponse:
    """Send `events` as JSON until they end or the reader leaves; 403 for another site's page."""
    if not own_origin(request):
        raise web.HTTPForbidden
    socket = web.WebSocketResponse(heartbeat=PING_SECONDS, timeout=1.0)
    await socket.prepare(request)
    writer = asyncio.create_task(_write(socket, events))
    try:
        async for _ in socket:
            pass
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    return socket


async def _write(socket: web.WebSocketResponse, events: AsyncIterator[dict[str, Any]]) -> None:
    try:
        async for event in events:
            await socket.send_json(event)
        await socket.close()
    except ConnectionError:
        await socket.close()
