"""The web server: /health, /ready, /metrics and the records that anybody can check."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from kick.webhooks import LARGEST_BODY
from web.connections import BACKLOG, Connection, Guests, add_headers, middleware
from web.insiders import may_see
from web.records import Records

log = logging.getLogger(__name__)

Health = Callable[[], Awaitable[dict[str, Any]]]


class WebServer:
    """Serves until cancelled; the database may come later than the first request."""

    def __init__(
        self, host: str, port: int, health: Health, registry: CollectorRegistry,
        more: Sequence[Callable[[web.Application], None]] = (), token: str | None = None, guests: Guests | None = None,
    ) -> None:  # fmt: skip
        self._host, self._port = host, port
        self._health = health
        self._registry = registry
        self._more = more
        self._token = token
        self.guests = Guests() if guests is None else guests
        self.records = Records()
        self.bound_port: int | None = None

    async def run(self) -> None:
        app = web.Application(
            middlewares=[middleware(self.guests, LARGEST_BODY)], client_max_size=LARGEST_BODY + 1
        )  # fmt: skip
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/health", self._serve_health)
        app.router.add_get("/ready", self._serve_ready)
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/records/{draw_id:.+}.json", self.records.serve)
        for add_to in self._more:
            add_to(app)
        runner = web.AppRunner(app, shutdown_timeout=2)
        await runner.setup()
        served = runner.server
        assert served is not None
        listening: asyncio.Server | None = None
        try:
            listening = await asyncio.get_running_loop().create_server(
                lambda: Connection(served, self.guests), self._host, self._port, backlog=BACKLOG
            )
            self.bound_port = listening.sockets[0].getsockname()[1]
            log.info("web_listening", extra={"host": self._host, "port": self.bound_port})
            await asyncio.Event().wait()
        finally:
            if listening is not None:
                listening.close()
            await runner.cleanup()

    async def shown(self) -> Mapping[str, Any]:
        """For /health."""
        return {"connections": len(self.guests), "dropped": self.guests.dropped}

    async def _serve_health(self, request: web.Request) -> web.Response:
        """200 while the process leads or stands by, so that a deploy that waits for it goes through.

        Strangers read no more than that.
        """
        health = await self._health()
        up = health["role"] in ("leader", "standby")
        shown = health if may_see(request, self._token) else {"status": "up" if up else "down"}
        return web.json_response(shown, status=200 if up else 503, headers={"Cache-Control": "no-store"})

    async def _serve_ready(self, _request: web.Request) -> web.Response:
        health = await self._health()
        ready = health["role"] == "leader" and health["discord"]["up"] and health["database"]["up"]
        return web.json_response({"ready": ready}, status=200 if ready else 503)

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        if not may_see(request, self._token):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
