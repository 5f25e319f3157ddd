"""Kick's way in: `POST /webhooks/kick`, checked and kept before it is answered, and the pages of signing in."""

from __future__ import annotations

import logging
from collections import Counter

from aiohttp import web

from core.db import is_away
from kick.signature import KickKeys
from kick.state import NameCounter
from raffle_system.kick_admission import Delivery
from raffle_system.kick_inbox import KickInbox, Outcome
from web.kick_oauth import KickSignIn

log = logging.getLogger(__name__)

LONGEST_HEADER = 500
STATUS: dict[Outcome, int] = {"closed": 404, "foreign": 403, "early": 503}


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
        """200 taken, or nothing to take in it; 401 not Kick's, 403 not for us, 404 no app, 413 too large, 503 later."""
        headers = [_header(request, name) for name in ("Message-Id", "Message-Timestamp", "Signature", "Type")]
        message_id, timestamp, signature, event = headers
        if not all(headers):
            return 401
        body = await request.read()
        if self._attached is None:
            return 503
        keys, inbox = self._attached
        if not await keys.accept(message_id, timestamp, body, signature):
            return 401
        delivery = Delivery(
            message_id=message_id, event=event, body=body, timestamp=timestamp,
            subscription_id=_header(request, "Subscription-Id"),
        )  # fmt: skip
        try:
            outcome = await inbox.receive(delivery)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("kick_webhook_not_kept", extra={"error": repr(error)})
            return 503
        self.types.add(event)
        return STATUS.get(outcome, 200)


def _header(request: web.Request, name: str) -> str:
    """A header of Kick's; empty where it is missing, not ASCII or too long to be one."""
    value = request.headers.get(f"Kick-Event-{name}", "").strip()
    limit = 2000 if name == "Signature" else LONGEST_HEADER
    return value if value.isascii() and value.isprintable() and len(value) <= limit else ""
