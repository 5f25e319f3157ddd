"""Who may ask the stand-ins: programs of this machine and their own page, no page of anybody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
# The bot says at Kick's socket that it comes from Kick's site, as Kick wants it.
KICK_ORIGIN, KICK_PATH = "https://kick.com", "/kick/"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def own_visitors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 for a name that another site may have turned to this machine, and for what other sites' pages send."""
    if not _own_name(request) or not _own_page(request):
        raise web.HTTPForbidden(text="The sandbox answers its own page on this machine alone.")
    return await handler(request)


def _own_name(request: web.Request) -> bool:
    try:
        return request.url.host in HOSTS
    except ValueError:
        return False


def _own_page(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    if origin is not None and origin != str(request.url.origin()):
        return origin == KICK_ORIGIN and request.path.startswith(KICK_PATH)
    site = request.headers.get("Sec-Fetch-Site", "none")
    # A link may lead here from anywhere: it shows a page and does nothing.
    follows_a_link = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    return site in ("none", "same-origin") or follows_a_link
