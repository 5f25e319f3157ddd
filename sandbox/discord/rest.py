"""The REST side: every request is recorded, matched, checked for its token, limited, and answered."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from . import (
    routes_channels,
    routes_commands,
    routes_guilds,
    routes_interactions,
    routes_messages,
    routes_users,
)
from .call import Call, Handler, Routes, read_body
from .errors import ApiError, not_found, unauthorized
from .faults import Fault
from .world import DiscordWorld, Record

VIA = {"Via": "1.1 sandbox"}
FAULT_STATUS = {"500": 500, "502": 502, "503": 503, "504": 504, "lost-500": 500}
OPEN = ("/interactions/", "/webhooks/{webhook_id}/{webhook_token}")


def all_routes() -> Routes:
    routes = Routes()
    for module in (
        routes_users,
        routes_channels,
        routes_messages,
        routes_guilds,
        routes_commands,
        routes_interactions,
    ):
        routes.include(module.routes)
    return routes


@dataclass
class _Answer:
    status: int
    body: Any
    headers: dict[str, str]


class Rest:
    """Serves `/api/v10/...` for one world."""

    def __init__(self, world: DiscordWorld, prefix: str) -> None:
        self.world = world
        self.prefix = prefix
        self.routes = all_routes()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        world = self.world
        world.origin = f"{request.scheme}://{request.host}{self.prefix}"
        path = request.raw_path.split("?")[0].removeprefix(f"{self.prefix}/api/v{request.match_info['version']}")
        record = Record(world.stamp(), request.method, None, path)
        world.requests.append(record)
        headers: dict[str, str] = {}
        fault: Fault | None = None
        try:
            template, params, handler = self._match(record)
            self._authorize(request, template)
            fault = world.faults.take(request.method, template, path)
            early = self._early(fault, record, params, headers)
            answer = early or await self._execute(request, record, params, handler, headers)
        except ApiError as error:
            world.refuse(record, error)
            answer = _Answer(error.status, error.body(), headers)
        record.status, record.answer = answer.status, answer.body
        return await self._finish(request, answer, fault)

    def _match(self, record: Record) -> tuple[str, dict[str, str], Handler]:
        found = self.routes.match(record.method, record.path)
        if found is None:
            raise not_found()
        record.template = found[0]
        return found

    def _authorize(self, request: web.Request, template: str) -> None:
        if template.startswith(OPEN) or template == "/gateway":
            return
        if request.headers.get("Authorization") != f"Bot {self.world.token}":
            raise unauthorized()

    def _early(
        self, fault: Fault | None, record: Record, params: dict[str, str], headers: dict[str, str]
    ) -> _Answer | None:
        """Answers that come before anything is executed: faults and rate limits."""
        seconds = self.world.seconds()
        verdict = self.world.limits.check(record.method, record.template or "", params, seconds)
        headers.update(verdict.headers)
        if fault is not None and fault.kind == "429":
            return _too_many(fault.seconds, fault.is_global, headers)
        if fault is not None and fault.kind in ("500", "502", "503", "504"):
            body = {"message": f"{fault.kind}: sandbox fault", "code": 0}
            return _Answer(FAULT_STATUS[fault.kind], body, headers)
        if fault is not None and fault.kind == "refused":
            raise ApiError(fault.code)
        if not verdict.allowed:
            return _too_many(verdict.retry_after, verdict.is_global, headers)
        return None

    async def _execute(
        self,
        request: web.Request,
        record: Record,
        params: dict[str, str],
        handler: Handler,
        headers: dict[str, str],
    ) -> _Answer:
        body, files = await read_body(self.world, request)
        record.body = body
        record.files = [file.filename for file in files.values()]
        call = Call(
            world=self.world,
            method=request.method,
            template=record.template or "",
            params=params,
            query=dict(request.query),
            body=body,
            files=files,
            reason=request.headers.get("X-Audit-Log-Reason"),
            host=request.host,
        )
        status, answer = await handler(call)
        return _Answer(status, answer, headers)

    async def _finish(self, request: web.Request, answer: _Answer, fault: Fault | None) -> web.StreamResponse:
        if fault is not None and fault.kind == "lost" and request.transport is not None:
            request.transport.abort()
        if fault is not None and fault.kind == "lost-500" and answer.status < 400:
            answer = _Answer(500, {"message": "500: reply lost", "code": 0}, answer.headers)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if answer.body is None:
            return web.Response(status=answer.status, headers=answer.headers)
        # discord.py reads JSON only where the content type has no charset.
        headers = {**answer.headers, "Content-Type": "application/json"}
        return web.Response(body=json.dumps(answer.body).encode(), status=answer.status, headers=headers)


def _too_many(seconds: float, is_global: bool, headers: dict[str, str]) -> _Answer:
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": is_global}
    extra = {
        **VIA,
        "Retry-After": f"{seconds:.3f}",
        "X-RateLimit-Scope": "global" if is_global else "user",
    }
    if is_global:
        extra["X-RateLimit-Global"] = "true"
    return _Answer(429, body, {**headers, **extra})


async def serve_file(world: DiscordWorld, request: web.Request) -> web.Response:
    """A file from the stand-in's CDN."""
    file = world.files.get(request.match_info["file_id"])
    if file is None or file.filename != request.match_info["name"]:
        return web.Response(status=404, text="This content is no longer available.")
    return web.Response(body=file.content, content_type=file.content_type)
