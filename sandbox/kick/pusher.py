"""The socket server: Pusher's protocol 7, with the faults that real ones show."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.kick.frames import Outgoing

APP_KEY = "sandbox"


@dataclass(eq=False)
class Connection:
    """One client and what it subscribed to."""

    ws: web.WebSocketResponse
    channels: set[str] = field(default_factory=set)

    def messages(self, frames: Iterable[Outgoing]) -> Iterable[bytes]:
        """Frames as they go over this connection's wire: each by itself."""
        return [frame.raw for frame in frames]


@dataclass(frozen=True)
class Refusal:
    """How newcomers are turned away until `until` (monotonic): HTTP status, or close code after accepting."""

    until: float
    status: int | None = None
    code: int | None = None


def control(event: str, data: Any, channel: str | None = None) -> str:
    """A frame of the protocol itself; Pusher sends its data as JSON text, except in errors."""
    body: dict[str, Any] = {"event": event, "data": data if event == "pusher:error" else json.dumps(data)}
    if channel is not None:
        body["channel"] = channel
    return json.dumps(body)


class Pusher:
    """All connections of one app."""

    def __init__(self, activity_timeout: int = 120, pong_timeout: float = 30.0) -> None:
        self.activity_timeout = activity_timeout
        self.pong_timeout = pong_timeout
        self.connections: set[Connection] = set()
        self.counts: Counter[str] = Counter()
        self.listeners: list[Callable[[list[Outgoing]], None]] = []
        self._refusal: Refusal | None = None
        self._silent_until = 0.0

    @property
    def silent(self) -> bool:
        """True while the server hears nothing and says nothing, with its connections open."""
        return time.monotonic() < self._silent_until

    def refuse(self, seconds: float, *, status: int | None = None, code: int | None = None) -> None:
        """Turn newcomers away for `seconds`."""
        self._refusal = Refusal(time.monotonic() + seconds, status, code)

    def silence(self, seconds: float) -> None:
        """Say nothing for `seconds`."""
        self._silent_until = time.monotonic() + seconds

    def heal(self) -> None:
        """End every fault."""
        self._refusal, self._silent_until = None, 0.0

    async def close_all(self, code: int = 1001) -> int:
        """Close every connection with `code`; 1006 cuts them off without a word. How many there were."""
        gone = list(self.connections)
        await asyncio.gather(*(self._close(connection, code) for connection in gone))
        return len(gone)

    async def publish(self, frames: Iterable[Outgoing]) -> int:
        """Send each frame to those subscribed to its channel; how many were sent. Listeners hear all of them."""
        told = list(frames)
        for listener in self.listeners:
            listener(told)
        if self.silent:
            return 0
        sent = sum([await self._tell(connection, told) for connection in list(self.connections)])
        self.counts["frames"] += sent
        return sent

    async def _tell(self, connection: Connection, told: Iterable[Outgoing]) -> int:
        """Send a connection the frames of its channels; how many."""
        wanted = [frame for frame in told if frame.channel in connection.channels]
        for message in connection.messages(wanted):
            if not await self._send(connection, message):
                return 0
        return len(wanted)

    async def send_to_all(self, raw: bytes) -> int:
        """Send any bytes as a text frame to every connection, subscribed or not."""
        return sum([await self._send(connection, raw) for connection in list(self.connections)])

    async def _send(self, connection: Connection, raw: bytes) -> int:
        if connection.ws.closed:
            return 0
        try:
            await connection.ws.send_frame(raw, WSMsgType.TEXT)
        except ConnectionError:
            self.connections.discard(connection)
            return 0
        return 1

    async def _close(self, connection: Connection, code: int) -> None:
        self.connections.discard(connection)
        transport = connection.ws.get_extra_info("asyncio_transport")
        if code == 1006 and transport is not None:
            transport.abort()
            return
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(connection.ws.close(code=code, drain=False), 1.0)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /app/{key}`: one connection from handshake to end."""
        refusal = self.refusal()
        if refusal is not None and refusal.status is not None:
            return web.Response(status=refusal.status, text="refused")
        ws = web.WebSocketResponse(compress=False, timeout=1.0)
        await ws.prepare(request)
        code = refusal.code if refusal is not None else unacceptable(request)
        if code is not None:
            await ws.send_str(control("pusher:error", {"code": code, "message": "refused"}))
            await ws.close(code=code)
            return ws
        await self._serve(Connection(ws))
        return ws

    def refusal(self) -> Refusal | None:
        """Count an attempt: how it is turned away, None where it is not."""
        self.counts["attempts"] += 1
        if self._refusal is not None and time.monotonic() >= self._refusal.until:
            self._refusal = None
        return self._refusal

    async def _serve(self, connection: Connection) -> None:
        self.counts["accepted"] += 1
        self.connections.add(connection)
        established = {
            "socket_id": f"{self.counts['accepted']}.1",
            "activity_timeout": self.activity_timeout,
        }
        try:
            if not self.silent:
                await connection.ws.send_str(control("pusher:connection_established", established))
            while await self._turn(connection):
                pass
        except ConnectionError:
            self.counts["cut"] += 1
        finally:
            self.connections.discard(connection)

    async def _turn(self, connection: Connection) -> bool:
        """One message, or a ping after silence; False when the connection is over."""
        ws = connection.ws
        try:
            message = await ws.receive(timeout=float(self.activity_timeout))
        except TimeoutError:
            if self.silent:
                return True
            await ws.send_str(control("pusher:ping", {}))
            try:
                message = await ws.receive(timeout=self.pong_timeout)
            except TimeoutError:
                await ws.close(code=4201)
                return False
        if message.type is not WSMsgType.TEXT:
            return message.type is WSMsgType.BINARY
        if not self.silent:
            await self._answer(connection, str(message.data))
        return True

    async def _answer(self, connection: Connection, text: str) -> None:
        try:
            body = json.loads(text)
            event, data = str(body["event"]), body.get("data")
        except (ValueError, TypeError, KeyError, AttributeError):
            await connection.ws.send_str(control("pusher:error", {"code": None, "message": "Invalid JSON"}))
            return
        channel = str(data.get("channel", "")) if isinstance(data, dict) else ""
        if event == "pusher:ping":
            self.counts["pings"] += 1
            await connection.ws.send_str(control("pusher:pong", {}))
        elif event == "pusher:subscribe":
            await self._subscribe(connection, channel)
        elif event == "pusher:unsubscribe":
            connection.channels.discard(channel)

    async def _subscribe(self, connection: Connection, channel: str) -> None:
        """Public channels are open to all; private ones need a signature that nobody here has."""
        if not channel or channel.startswith(("private-", "presence-")):
            refused = {"type": "AuthError", "error": "no such channel for you", "status": 401}
            await connection.ws.send_str(control("pusher:subscription_error", refused, channel))
            return
        self.counts["subscriptions"] += 1
        connection.channels.add(channel)
        await connection.ws.send_str(control("pusher_internal:subscription_succeeded", {}, channel))


def unacceptable(request: web.Request) -> int | None:
    """Pusher's close code for a request that it would refuse: unknown app, no or unsupported protocol."""
    if request.match_info["key"] != APP_KEY:
        return 4001
    protocol = request.query.get("protocol")
    if protocol is None:
        return 4008
    if not protocol.isdigit():
        return 4006
    return None if protocol in ("4", "5", "6", "7") else 4007
