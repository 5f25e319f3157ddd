"""Kick's way in: `POST /webhooks/kick`, checked and kept before it is answered, and the pages of signing in."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import UTC, datetime

from aiohttp import web

from core.db import is_away
from kick.signature import KickKeys
from kick.state import NameCounter
from kick.webhooks import LARGEST_BODY
from raffle_system.kick_inbox import KickInbox
from web.kick_oauth import KickSignIn

log = logging.getLogger(__name__)

LONGEST_HEADER = 500


class KickRoutes:
    """Webhooks; until `attach` is called, once the database is there, Kick is asked to come again."""

    def __init__(self) -> None:
        self._attached: tuple[KickKeys, KickInbox] | None = None
        self._sign_in: KickSignIn | None = None
        self.counters: Counter[str] = Counter()
        self.types = NameCounter(50)

    def attach(self, keys: KickKeys, inbox: KickInbox, sign_in: KickSignIn | None = None) -> None:
        self._attached = keys, inbox
        self._sign_in = sign_in

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/webhooks/kick", self._serve_webhook)
        app.router.add_get("/kick/login", self._serve_question)
        app.router.add_post("/kick/login", self._serve_login)
        app.router.add_get("/kick/callback", self._serve_callback)

    async def _serve_question(self, request: web.Request) -> web.Response:
        if self._sign_in is None:
            raise web.HTTPServiceUnavailable
        return await self._sign_in.serve_question(request)

    async def _serve_login(self, request: web.Request) -> web.Response:
        if self._sign_in is None:
            raise web.HTTPServiceUnavailable
        return await self._sign_in.serve_login(request)

    async def _serve_callback(self, request: web.Request) -> web.Response:
        if self._sign_in is None:
            raise web.HTTPServiceUnavailable
        return await self._sign_in.serve_callback(request)

    async def _serve_webhook(self, request: web.Request) -> web.Response:
        status = await self._taken(request)
        self.counters[str(status)] += 1
        return web.Response(status=status)

    async def _taken(self, request: web.Request) -> int:
        """200 kept (or kept before), 401 not Kick's, 413 too large, 503 come again."""
        headers = [_header(request, name) for name in ("Message-Id", "Message-Timestamp", "Signature", "Type")]
        message_id, timestamp, signature, event = headers
        if not all(headers):
            return 401
        body = await _body(request)
        if body is None:
            return 413
        if self._attached is None:
            return 503
        keys, inbox = self._attached
        if not await keys.accept(message_id, timestamp, body, signature):
            return 401
        try:
            await inbox.receive(message_id, event, body, _moment(timestamp))
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("kick_webhook_not_kept", extra={"error": repr(error)})
            return 503
        self.types.add(event)
        return 200


def _header(request: web.Request, name: str) -> str:
    """A header of Kick's; empty where it is missing, not ASCII or too long to be one."""
    value = request.headers.get(f"Kick-Event-{name}", "").strip()
    limit = 2000 if name == "Signature" else LONGEST_HEADER
    return value if value.isascii() and value.isprintable() and len(value) <= limit else ""


async def _body(request: web.Request) -> bytes | None:
    """The raw body; None where it is larger than any delivery."""
    if request.content_length is not None and request.content_length > LARGEST_BODY:
        return None
    body = b""
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return body


def _moment(timestamp: str) -> datetime | None:
    """The delivery's time, aware; None where it is none that a database keeps."""
    try:
        parsed = datetime.fromisoformat(timestamp)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
