"""The second socket server: Centrifugo's JSON protocol over the connections and faults of the first."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.kick.frames import Outgoing
from sandbox.kick.pusher import Connection, Pusher

SOCKET = "/connection/websocket"
TOGETHER = 10
INVALID_TOKEN, EXPIRED, NO_PONG, BAD_REQUEST, STALE = 3500, 3005, 3012, 3501, 3502


@dataclass(eq=False)
class Client(Connection):
    """A connection until its token expires (monotonic); `ponged` since the last ping."""

    until: float = float("inf")
    ponged: bool = True

    def messages(self, frames: Iterable[Outgoing]) -> Iterable[bytes]:
        """Frames as they go over this connection's wire: up to ten in a message, a line each."""
        pushed = [_push(frame) for frame in frames]
        return [b"\n".join(pushed[i : i + TOGETHER]) for i in range(0, len(pushed), TOGETHER)]


def _push(frame: Outgoing) -> bytes:
    said = json.loads(frame.raw)
    published = {"event": said["event"], "data": said["data"]}
    return json.dumps({"push": {"channel": frame.channel, "pub": {"data": published}}}).encode()


class Centrifugo:
    """Tokens live `ttl` seconds, pings come each `ping`. `refuse_tokens` answers who asks for one with that status."""

    def __init__(self, pusher: Pusher, ttl: float = 1800, ping: float = 25) -> None:
        self.pusher = pusher
        self.ttl = ttl
        self.ping = ping
        self.refuse_tokens: int | None = None
        self.refuse_channels = False
        self.counts: Counter[str] = Counter()
        self._tokens: dict[str, float] = {}

    def add_routes(self, app: web.Application, prefix: str) -> None:
        app.router.add_get(f"{prefix}{SOCKET}", self._handle)
        app.router.add_post(f"{prefix}/api/v1/realtime/auth/connection", self._give_token)

    async def _give_token(self, request: web.Request) -> web.Response:
        self.counts["tokens asked"] += 1
        if self.refuse_tokens is not None:
            return web.Response(status=self.refuse_tokens, text="no")
        body = await request.json()
        if not isinstance(body, dict) or not body.get("client_id"):
            return web.json_response({"message": "client_id is missing"}, status=400)
        token = uuid.uuid4().hex
        self._tokens[token] = time.monotonic() + self.ttl
        return web.json_response({"data": {"token": token}, "message": "success"})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """One connection from handshake to end."""
        refusal = self.pusher.refusal()
        if request.headers.get("Origin") not in (None, "https://kick.com"):
            return web.Response(status=403, text="wrong origin")
        if refusal is not None and refusal.status is not None:
            return web.Response(status=refusal.status, text="refused")
        ws = web.WebSocketResponse(compress=False, timeout=1.0)
        await ws.prepare(request)
        if refusal is not None:
            await ws.close(code=refusal.code or STALE)
            return ws
        client = Client(ws)
        keeper = asyncio.create_task(self._keep(client))
        try:
            while await self._turn(client):
                pass
        except ConnectionError:
            self.pusher.counts["cut"] += 1
        finally:
            keeper.cancel()
            self.pusher.connections.discard(client)
        return ws

    async def _keep(self, client: Client) -> None:
        """Ping, miss the pong, let the token expire."""
        asked = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while not client.ws.closed:
                await asyncio.sleep(0.02)
                now = time.monotonic()
                if now >= client.until:
                    await client.ws.close(code=EXPIRED)
                elif now - asked >= self.ping and client in self.pusher.connections and not self.pusher.silent:
                    if not client.ponged:
                        await client.ws.close(code=NO_PONG)
                        return
                    asked, client.ponged = now, False
                    self.counts["pings"] += 1
                    await client.ws.send_str("{}")

    async def _turn(self, client: Client) -> bool:
        """One message with its commands; False when the connection is over."""
        message = await client.ws.receive()
        if message.type is not WSMsgType.TEXT:
            return False
        if self.pusher.silent:
            return True
        answers = [await self._answer(client, line) for line in str(message.data).splitlines()]
        told = [json.dumps(answer) for answer in answers if answer is not None]
        if told and not client.ws.closed:
            await client.ws.send_str("\n".join(told))
        return not client.ws.closed

    async def _answer(self, client: Client, line: str) -> dict[str, Any] | None:
        try:
            said: dict[str, Any] = json.loads(line)
            if not said:
                client.ponged = True
                self.counts["pongs"] += 1
                return None
            number, name = int(said["id"]), next(key for key in said if key != "id")
        except (ValueError, TypeError, KeyError, StopIteration, AttributeError):
            await client.ws.close(code=BAD_REQUEST)
            return None
        return await self._obey(client, number, name, dict(said[name]))

    async def _obey(self, client: Client, number: int, name: str, said: dict[str, Any]) -> dict[str, Any] | None:
        if name == "connect":
            return await self._connect(client, number, str(said.get("token")))
        if client not in self.pusher.connections:
            await client.ws.close(code=BAD_REQUEST)
            return None
        if name == "refresh":
            return self._refresh(client, number, str(said.get("token")))
        if name == "subscribe":
            return self._subscribe(client, number, str(said.get("channel", "")))
        if name == "unsubscribe":
            client.channels.discard(str(said.get("channel", "")))
        return {"id": number, name: {}}

    async def _connect(self, client: Client, number: int, token: str) -> dict[str, Any] | None:
        until = self._tokens.get(token, 0.0)
        if until <= time.monotonic():
            await client.ws.close(code=INVALID_TOKEN)
            return None
        client.until = until
        self.pusher.counts["accepted"] += 1
        self.pusher.connections.add(client)
        taken = {"client": uuid.uuid4().hex, "version": "sandbox", "expires": True, "ttl": self._left(until)}
        return {"id": number, "connect": {**taken, "ping": max(int(self.ping), 1)}}

    def _refresh(self, client: Client, number: int, token: str) -> dict[str, Any]:
        self.counts["refreshes"] += 1
        until = self._tokens.get(token, 0.0)
        if until <= time.monotonic():
            return {"id": number, "error": {"code": 109, "message": "token expired"}}
        client.until = until
        return {"id": number, "refresh": {"client": "x", "expires": True, "ttl": self._left(until)}}

    def _subscribe(self, client: Client, number: int, channel: str) -> dict[str, Any]:
        if not channel or channel.startswith("$") or self.refuse_channels:
            return {"id": number, "error": {"code": 103, "message": "permission denied"}}
        if channel in client.channels:
            return {"id": number, "error": {"code": 105, "message": "already subscribed"}}
        self.pusher.counts["subscriptions"] += 1
        client.channels.add(channel)
        return {"id": number, "subscribe": {}}

    def _left(self, until: float) -> int:
        return max(1, round(until - time.monotonic()))
