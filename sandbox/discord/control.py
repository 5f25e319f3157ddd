"""The control API: people act, whoever runs the sandbox interferes, tests and the page look and wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.sockets import serve_events

from . import managing, resolve, views
from .acting import ACTS, Body, shown
from .errors import ApiError, RefusedError
from .gateway import Gateway
from .models import LOADING, Interaction, User
from .world import DiscordWorld, Event

__all__ = ["add_control", "managing"]

MAX_WAIT = 600.0
QUEUE = 10_000
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_control(app: web.Application, world: DiscordWorld, gateway: Gateway, prefix: str) -> None:
    control = Control(world, gateway)
    routes = {
        "/state": control.state,
        "/messages": control.messages,
        "/message": control.message,
        "/commands": control.commands,
        "/interaction": control.interaction,
        "/wait-message": control.wait_message,
        "/wait-ready": control.wait_ready,
        "/wait-command": control.wait_command,
        "/violations": control.violations,
        "/requests": control.requests,
    }
    for path, handler in routes.items():
        app.router.add_get(prefix + path, _guarded(world, prefix, handler))
    app.router.add_get(prefix + "/events", control.events)
    app.router.add_get(prefix + "/socket", control.socket)
    app.router.add_post(prefix + "/act/{name}", _guarded(world, prefix, control.act))
    app.router.add_post(prefix + "/gateway", _guarded(world, prefix, control.gateway_trouble))
    app.on_shutdown.append(control.stop)


def _guarded(world: DiscordWorld, prefix: str, handler: Callable[[web.Request], Awaitable[Any]]) -> Answer:
    """JSON out; what a person cannot do becomes 409 with {"error"}."""

    async def answer(request: web.Request) -> web.StreamResponse:
        world.origin = str(request.url.origin()) + prefix.removesuffix("/control")
        try:
            return web.json_response(await handler(request))
        except RefusedError as refusal:
            return web.json_response({"error": str(refusal)}, status=409)
        except ApiError as error:
            return web.json_response({"error": error.message, "body": error.body()}, status=409)

    return answer


class Control:
    def __init__(self, world: DiscordWorld, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway
        self.streams: set[asyncio.Queue[Event | None]] = set()
        world.listeners.append(self._spread)

    def _spread(self, event: Event) -> None:
        for stream in self.streams:
            if stream.qsize() < QUEUE:
                stream.put_nowait(event)

    async def stop(self, _: web.Application) -> None:
        for stream in self.streams:
            stream.put_nowait(None)

    def _user(self, request: web.Request) -> User | None:
        name = request.query.get("as")
        return resolve.person(self.world, name) if name else None

    # -- looking ----------------------------------------------------------------------------------

    async def state(self, request: web.Request) -> Body:
        return views.state(self.world, self.gateway, self._user(request))

    async def messages(self, request: web.Request) -> list[Body]:
        user = self._user(request)
        place = resolve.channel(self.world, request.query.get("channel", "general"), user)
        if user is not None:
            resolve.visible(self.world, place, user)
        after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "100"))
        return views.messages(self.world, place, user, after, limit)

    async def message(self, request: web.Request) -> Body:
        user = resolve.person(self.world, request.query.get("as", ""))
        _, found = resolve.message(self.world, request.query.get("id", ""), user)
        return shown(self.world, found)

    async def commands(self, request: web.Request) -> list[Body]:
        user = resolve.person(self.world, request.query.get("as", ""))
        place = resolve.channel(self.world, request.query.get("channel", "general"), user)
        return views.commands(self.world, place, user)

    async def violations(self, request: web.Request) -> list[Body]:
        return [asdict(one) for one in self.world.violations]

    async def requests(self, request: web.Request) -> list[Body]:
        method, template = request.query.get("method"), request.query.get("template")
        return [
            asdict(one)
            for one in self.world.requests
            if method in (None, one.method) and template in (None, one.template)
        ]

    # -- waiting ----------------------------------------------------------------------------------

    def _timeout(self, request: web.Request, key: str = "timeout") -> float:
        return min(float(request.query.get(key, "0")), MAX_WAIT)

    async def interaction(self, request: web.Request) -> Body:
        """?id=&timeout=&until=answered|done: `done` also waits for a deferred answer to be filled in."""
        item = self.world.interactions.get(request.query.get("id", ""))
        if item is None:
            raise RefusedError("there is no such interaction")
        done = request.query.get("until") == "done"
        await self.world.wait_until(lambda: self._settled(item, done), self._timeout(request))
        return views.interaction(self.world, item)

    def _settled(self, item: Interaction, done: bool) -> bool:
        if item.state == "pending":
            return False
        channel = self.world.channels.get(item.channel_id)
        original = channel.messages.get(item.original or "") if channel else None
        return not (done and original is not None and original.flags & LOADING)

    async def wait_message(self, request: web.Request) -> Body:
        """?as=&channel=&containing=&author=&after=&timeout=: the first such message; and the last ones."""
        user = self._user(request)
        place = resolve.channel(self.world, request.query.get("channel", "general"), user)
        query = request.query
        author = resolve.person(self.world, query["author"]).id if query.get("author") else None
        after, wanted = int(query.get("after", "0")), query.get("containing", "")

        def look() -> Body | None:
            for one in views.seen(place, user):
                if int(one.id) <= after or author not in (None, one.author_id):
                    continue
                body = shown(self.world, one)
                if wanted.casefold() in views.text_of(body).casefold():
                    return body
            return None

        found = await self.world.wait_until(look, self._timeout(request))
        return {"found": found, "last": views.messages(self.world, place, user, 0, 10)}

    async def wait_ready(self, request: web.Request) -> Body:
        ready = await self.world.wait_until(lambda: self.gateway.ready, self._timeout(request))
        return {"ready": bool(ready)}

    async def wait_command(self, request: web.Request) -> Body:
        """?as=&name=&channel=&timeout=: the registered command, once that person sees it."""
        user = resolve.person(self.world, request.query.get("as", ""))
        place = resolve.channel(self.world, request.query.get("channel", "general"), user)
        name = request.query.get("name")

        def look() -> list[Body]:
            return [one for one in views.commands(self.world, place, user) if one["name"] == name]

        found = await self.world.wait_until(look, self._timeout(request))
        return {"command": found[0] if found else None}

    # -- doing ------------------------------------------------------------------------------------

    async def act(self, request: web.Request) -> Body:
        handler = ACTS.get(request.match_info["name"])
        if handler is None:
            raise RefusedError(f"there is no act {request.match_info['name']!r}; there are {', '.join(sorted(ACTS))}")
        return handler(self.world, await self._body(request))

    async def _body(self, request: web.Request) -> Body:
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError as error:
            raise RefusedError("the body is not JSON") from error
        if not isinstance(body, dict):
            raise RefusedError("the body is not an object")
        return body

    async def gateway_trouble(self, request: web.Request) -> Body:
        """{action: close|down|reconnect|invalidate, code?, seconds?}"""
        body = await self._body(request)
        action = body.get("action")
        if action == "down":
            self.world.faults.gateway_down_until = self.world.seconds() + float(body.get("seconds", 5))
            await self.gateway.close_all(int(body.get("code", 1001)))
        elif action == "close":
            await self.gateway.close_all(int(body.get("code", 4000)))
        elif action == "reconnect":
            await self.gateway.reconnect_all()
        elif action == "invalidate":
            await self.gateway.close_all(int(body.get("code", 4000)))
            self.gateway.drop_sessions()
        else:
            raise RefusedError("action is one of close, down, reconnect, invalidate")
        return {"sessions": len(self.gateway.sessions)}

    # -- watching ---------------------------------------------------------------------------------

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events of everything that changes; `?as=` leaves out what that person cannot see."""
        user = self._user(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        stream: asyncio.Queue[Event | None] = asyncio.Queue()
        self.streams.add(stream)
        try:
            await response.prepare(request)
            await response.write(b": open\n\n")
            while (event := await stream.get()) is not None:
                if self._shows(event, user):
                    await response.write(_frame(event))
        except ConnectionError:
            return response
        finally:
            self.streams.discard(stream)
        return response

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """The same events over a WebSocket, for the page."""
        try:
            user = self._user(request)
        except RefusedError as error:
            raise web.HTTPNotFound from error
        return await serve_events(request, self._watch(user))

    async def _watch(self, user: User | None) -> AsyncIterator[Body]:
        stream: asyncio.Queue[Event | None] = asyncio.Queue()
        self.streams.add(stream)
        try:
            yield {"name": "WATCHING", "data": {}}
            while (event := await stream.get()) is not None:
                if self._shows(event, user):
                    yield _body(event)
        finally:
            self.streams.discard(stream)

    def _shows(self, event: Event, user: User | None) -> bool:
        if event.name == "INTERACTION_CREATE":
            return user is None
        if user is None:
            return True
        if event.visible_to is not None:
            return event.visible_to == user.id
        channel = self.world.channels.get(event.channel_id or "")
        return channel is None or self.world.may(channel, user.id, "view_channel")


def _body(event: Event) -> Body:
    return {
        "name": event.name,
        "guild_id": event.guild_id,
        "channel_id": event.channel_id,
        "visible_to": event.visible_to,
        "data": event.data,
    }


def _frame(event: Event) -> bytes:
    return f"data: {json.dumps(_body(event))}\n\n".encode()
