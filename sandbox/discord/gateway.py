"""The gateway: HELLO, IDENTIFY or RESUME, heartbeats, member chunks, and the events that a session may hear."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from typing import Any

from aiohttp import WSMsgType, web

from . import intents, payloads
from .models import Member
from .sessions import Packer, Session, guild_for, hears, packer_for, shown
from .world import DiscordWorld, Event

HEARTBEAT_MS = 41_250
FORGET_SECONDS = 180.0
CHUNK = 1000
HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = (
    1, 2, 3, 4, 6, 7, 8, 9, 10, 11,
)  # fmt: skip


class ClosingError(Exception):
    """Ends a connection with a gateway close code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code} {reason}")


class Gateway:
    """All sessions of one world; `connections` are the sockets that are open now."""

    def __init__(self, world: DiscordWorld) -> None:
        self.world = world
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        world.listeners.append(self.hear)

    def hear(self, event: Event) -> None:
        for session in self.sessions.values():
            if hears(self.world, session, event):
                session.dispatch(event.name, shown(self.world, session, event))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.world.seconds() < self.world.faults.gateway_down_until:
            return web.Response(status=503, text="gateway is down")
        try:
            packer = packer_for(request.query.get("compress"))
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(self, socket, packer)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
        return socket

    async def close_all(self, code: int) -> None:
        """Close every socket with `code`; sessions stay, so that they may be resumed."""
        await asyncio.gather(*(one.socket.close(code=code) for one in list(self.connections)))

    async def reconnect_all(self) -> None:
        """Ask every client to reconnect and resume (op 7)."""
        for connection in list(self.connections):
            connection.send(RECONNECT, None)

    def drop_sessions(self) -> None:
        """Forget all sessions: the next RESUME is answered with INVALID_SESSION."""
        self.sessions.clear()

    def forget_old(self) -> None:
        now = self.world.seconds()
        gone = [s.id for s in self.sessions.values() if s.lost_at is not None and now - s.lost_at > FORGET_SECONDS]
        for session_id in gone:
            self.sessions.pop(session_id)

    @property
    def ready(self) -> bool:
        """Whether some session is connected."""
        return any(session.outbox is not None for session in self.sessions.values())


class Connection:
    """One WebSocket: a reader (the handler) and a writer task fed by `outbox`."""

    def __init__(self, gateway: Gateway, socket: web.WebSocketResponse, packer: Packer) -> None:
        self.gateway = gateway
        self.world = gateway.world
        self.socket = socket
        self.packer = packer
        self.outbox: asyncio.Queue[str] = asyncio.Queue()
        self.session: Session | None = None

    def send(self, op: int, data: Any) -> None:
        self.outbox.put_nowait(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    async def run(self) -> None:
        writer = asyncio.create_task(self._write())
        self.send(HELLO, {"heartbeat_interval": HEARTBEAT_MS, "_trace": ["sandbox"]})
        try:
            await self._read()
        except ClosingError as closing:
            await self.socket.close(code=closing.code, message=closing.reason.encode())
        finally:
            self._detach()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer

    async def _write(self) -> None:
        while True:
            packed = self.packer.pack(await self.outbox.get())
            if isinstance(packed, bytes):
                await self.socket.send_bytes(packed)
            else:
                await self.socket.send_str(packed)

    def _detach(self) -> None:
        session = self.session
        if session is not None and session.outbox is self.outbox:
            session.outbox = None
            session.lost_at = self.world.seconds()
            self.world.emit(Event("BOT_OFFLINE", {"session_id": session.id}, control=True))

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is not WSMsgType.TEXT:
                raise ClosingError(4002, "Error while decoding payload.")
            try:
                frame = json.loads(message.data)
                op, data = int(frame["op"]), frame.get("d")
            except (ValueError, KeyError, TypeError) as error:
                raise ClosingError(4002, "Error while decoding payload.") from error
            self._handle(op, data)

    def _handle(self, op: int, data: Any) -> None:
        if op == HEARTBEAT:
            self.send(ACK, None)
        elif op == IDENTIFY:
            self._identify(data)
        elif op == RESUME:
            self._resume(data)
        elif self.session is None:
            raise ClosingError(4003, "Not authenticated.")
        elif op == MEMBERS:
            self._members(self.session, data)
        elif op not in (PRESENCE, VOICE):
            raise ClosingError(4001, "Unknown opcode.")

    def _identify(self, data: dict[str, Any]) -> None:
        if self.session is not None:
            raise ClosingError(4005, "Already authenticated.")
        if str(data.get("token", "")).removeprefix("Bot ") != self.world.token:
            raise ClosingError(4004, "Authentication failed.")
        number, count = data.get("shard", (0, 1))
        if not 0 <= number < count:
            raise ClosingError(4010, "Invalid shard.")
        wanted = int(data.get("intents", 0))
        if wanted & intents.PRIVILEGED & ~self.world.allowed_intents:
            raise ClosingError(4014, "Disallowed intent(s).")
        self.gateway.forget_old()
        session = Session(secrets.token_hex(16), (number, count), wanted)
        self.gateway.sessions[session.id] = session
        self._attach(session)
        self._welcome(session)

    def _attach(self, session: Session) -> None:
        session.outbox = self.outbox
        session.lost_at = None
        self.session = session

    def _welcome(self, session: Session) -> None:
        world = self.world
        mine = [guild for guild in world.guilds.values() if self._is_mine(session, guild.id)]
        ready = {
            "v": 10,
            "user": payloads.me(world.users[world.bot_id]),
            "guilds": [{"id": guild.id, "unavailable": True} for guild in mine],
            "session_id": session.id,
            "resume_gateway_url": world.origin.replace("http", "ws", 1) + "/gateway",
            "shard": list(session.shard),
            "application": {"id": world.bot_id, "flags": payloads.application(world)["flags"]},
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
            "geo_ordered_rtc_regions": [],
            "_trace": ["sandbox"],
        }
        session.dispatch("READY", ready)
        for guild in mine:
            session.dispatch("GUILD_CREATE", guild_for(world, session, guild.id))
        world.emit(Event("BOT_READY", {"session_id": session.id}, control=True))

    def _is_mine(self, session: Session, guild_id: str) -> bool:
        number, count = session.shard
        in_it = self.world.bot_id in self.world.guilds[guild_id].members
        return in_it and (int(guild_id) >> 22) % count == number

    def _resume(self, data: dict[str, Any]) -> None:
        if str(data.get("token", "")).removeprefix("Bot ") != self.world.token:
            raise ClosingError(4004, "Authentication failed.")
        session = self.gateway.sessions.get(str(data.get("session_id")))
        missed = session.replay(int(data.get("seq") or 0)) if session else None
        if session is None or missed is None:
            self.send(INVALID, False)
            return
        for text in missed:
            self.outbox.put_nowait(text)
        self._attach(session)
        session.dispatch("RESUMED", {"_trace": ["sandbox"]})
        self.world.emit(Event("BOT_READY", {"session_id": session.id, "resumed": True}, control=True))

    def _members(self, session: Session, data: dict[str, Any]) -> None:
        guild_id = str(data["guild_id"][0] if isinstance(data["guild_id"], list) else data["guild_id"])
        guild = self.world.guilds.get(guild_id)
        if guild is None or not self._is_mine(session, guild_id):
            return
        everybody = data.get("query") == "" and not data.get("limit")
        if everybody and not session.intents & intents.MEMBERS:
            raise ClosingError(4014, "Disallowed intent(s).")
        if self.world.faults.take("GATEWAY", "REQUEST_GUILD_MEMBERS"):
            session.dispatch("RATE_LIMITED", {"opcode": 8, "retry_after": 30.0, "meta": {"guild_id": guild_id}})
            return
        found, missing = self._matching(list(guild.members.values()), data)
        parts = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
        for index, part in enumerate(parts):
            body: dict[str, Any] = {
                "guild_id": guild_id,
                "members": [payloads.member(self.world, one) for one in part],
                "chunk_index": index,
                "chunk_count": len(parts),
            }
            if missing:
                body["not_found"] = missing
            if data.get("nonce") is not None:
                body["nonce"] = data["nonce"]
            session.dispatch("GUILD_MEMBERS_CHUNK", body)

    def _matching(self, members: list[Member], data: dict[str, Any]) -> tuple[list[Member], list[str]]:
        if data.get("user_ids") is not None:
            ids = data["user_ids"]
            wanted = [str(one) for one in (ids if isinstance(ids, list) else [ids])]
            found = [one for one in members if one.user_id in wanted]
            return found, sorted(set(wanted) - {one.user_id for one in found})
        prefix = str(data.get("query", "")).casefold()
        users = self.world.users
        found = [one for one in members if users[one.user_id].username.casefold().startswith(prefix)]
        limit = int(data.get("limit") or 0)
        return (found[:limit] if limit else found), []
