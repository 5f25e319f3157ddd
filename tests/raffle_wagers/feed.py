"""A casino's affiliate server on loopback, which answers what the test says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

SECRET = "5a4db0c5-0000-4000-8000-0000000000aa"


class CasinoServer:
    """`answer` is sent as JSON unless it is bytes; `asked` has the query of every request."""

    def __init__(self) -> None:
        self.answer: Any = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.delay = 0.0
        self.asked: list[dict[str, str]] = []
        self.seen_headers: list[dict[str, str]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> CasinoServer:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stats/{SECRET}"

    def wagers(self, **amounts: object) -> None:
        """Answer with these names and amounts."""
        self.rows(list(amounts.items()))

    def rows(self, rows: list[tuple[str, object]], code: str = "lele") -> None:
        self.status = 200
        self.answer = [{"username": name, "campaignCode": code, "wagerAmount": amount} for name, amount in rows]

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        self.seen_headers.append(dict(request.headers))
        await asyncio.sleep(self.delay)
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return web.Response(body=body, status=self.status, headers=self.headers)
