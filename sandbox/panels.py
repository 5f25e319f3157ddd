"""What the page's side panels show besides Discord: the clock, Kick, wagers, the beacon and the faults that wait."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Protocol

from aiohttp import web

from sandbox.affiliate import AffiliateFeed
from sandbox.beacon import Beacon, Mode
from sandbox.clock import TurnableClock
from sandbox.discord import DiscordWorld
from sandbox.kick import KickWorld
from sandbox.kick.frames import Outgoing
from sandbox.sockets import serve_events

KEPT_LINES = 200
SENT_LINES = 100
LOOK_SECONDS = 0.2
CLOCK_SECONDS = 5.0
MODES = ("running", "delayed", "down")
LONGEST_DELAY = 86_400.0

Body = dict[str, Any]


class Worlds(Protocol):
    """What the panels look at; `sandbox.app.Sandbox` is one."""

    clock: TurnableClock
    discord: DiscordWorld
    kick: KickWorld
    affiliate: AffiliateFeed
    beacon: Beacon


class KickLog:
    """The newest lines of Kick's chat. Frames are read when somebody looks, not when they are sent."""

    def __init__(self) -> None:
        self.count = 0
        self._frames: deque[tuple[int, Outgoing]] = deque(maxlen=KEPT_LINES)

    def hear(self, frames: Iterable[Outgoing]) -> None:
        for frame in frames:
            if frame.channel.endswith(".v2") or frame.channel.startswith("channel."):
                self.count += 1
                self._frames.append((self.count, frame))

    def after(self, number: int) -> list[Body]:
        """The lines after `number`, the newest ones where there are many."""
        fresh = [(count, frame) for count, frame in self._frames if count > number][-SENT_LINES:]
        read = [(count, read_line(frame)) for count, frame in fresh]
        return [{"number": count, **line} for count, line in read if line is not None]


def read_line(frame: Outgoing) -> Body | None:
    """A frame as a line of chat; None for frames that nobody sees there."""
    body = json.loads(frame.raw)
    event = str(body["event"]).rpartition("\\")[2]
    data = json.loads(body["data"]) if isinstance(body["data"], str) else {}
    if event == "ChatMessageEvent":
        sender = data["sender"]
        badges = [badge["type"] for badge in sender["identity"]["badges"]]
        return {"kind": "chat", "who": sender["username"], "text": data["content"], "badges": badges}
    if event == "GiftedSubscriptionsEvent":
        return _gift(data)
    known = {"StreamerIsLive": "live", "StopStreamBroadcast": "offline", "ChatMoveToSupportedChannelEvent": "host"}
    return {"kind": known[event]} if event in known else None


def _gift(data: Body) -> Body | None:
    chunk = data.get("chunk_details") or {}
    if chunk.get("chunk_index"):
        return None
    count = data.get("gifted_total") or len(data["gifted_usernames"])
    return {
        "kind": "gift",
        "who": data["gifter_username"],
        "count": count,
        "gift": data.get("correlation_id"),
        "to": data["gifted_usernames"][:5],
    }


class Panels:
    """`/panels/socket` tells what changed, `/panels/beacon` turns the beacon."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self.log = KickLog()
        worlds.kick.pusher.listeners.append(self.log.hear)
        self._stopping = asyncio.Event()

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/panels/state", self._serve_state)
        app.router.add_get("/panels/socket", self._serve_socket)
        app.router.add_post("/panels/beacon", self._serve_beacon)
        app.on_shutdown.append(self._stop)

    async def _stop(self, _: web.Application) -> None:
        self._stopping.set()

    def parts(self) -> Body:
        """Everything but the chat lines, each part compared as a whole."""
        worlds = self._worlds
        channel = worlds.kick.default
        mode = worlds.beacon.mode
        return {
            "kick": {
                "slug": channel.slug,
                "live": channel.live_since is not None,
                "listening": self._listening(channel.chatroom_id),
                "silent": worlds.kick.pusher.silent,
                "site_blocked": worlds.kick.site_blocked,
                "can_replay": bool(channel.last_gift),
            },
            "wagers": {
                "rows": [{"who": name, "amount": str(amount)} for name, amount in worlds.affiliate.wagers.items()],
                "trouble": worlds.affiliate.trouble,
            },
            "beacon": {"mode": mode.name, "seconds": mode.seconds},
            "faults": [
                {"kind": one.kind, "pattern": one.pattern, "count": one.count} for one in worlds.discord.faults.pending
            ],
        }

    def _listening(self, chatroom_id: int) -> int:
        """How many sockets hear the chat; a connection alone hears nothing."""
        chat = f"chatrooms.{chatroom_id}.v2"
        return sum(chat in each.channels for each in self._worlds.kick.pusher.connections)

    async def _serve_state(self, _: web.Request) -> web.Response:
        clock = self._worlds.clock.state()
        return web.json_response({**self.parts(), "clock": clock, "lines": self.log.after(0)})

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        """Over a WebSocket: the parts that changed, whenever some did."""
        return await serve_events(request, self._watch())

    async def _watch(self) -> AsyncIterator[Body]:
        watcher = _Watcher(self)
        while not self._stopping.is_set():
            if changed := watcher.changes():
                yield changed
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def clock(self) -> TurnableClock:
        return self._worlds.clock

    async def _serve_beacon(self, request: web.Request) -> web.Response:
        """POST {"mode": "running" | "delayed" | "down", "seconds"?}"""
        body = await request.json()
        try:
            if body.get("mode") not in MODES:
                raise ValueError(f"the beacon is one of {', '.join(MODES)}")
            seconds = float(body.get("seconds", 0))
            if not 0 <= seconds <= LONGEST_DELAY:
                raise ValueError("a delay is between 0 seconds and a day")
        except (TypeError, ValueError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=409)
        self._worlds.beacon.mode = Mode(body["mode"], seconds if body["mode"] == "delayed" else 0.0)
        return web.json_response(self.parts()["beacon"])


class _Watcher:
    """One reader: what it was told last."""

    def __init__(self, panels: Panels) -> None:
        self._panels = panels
        self._told: Body = {}
        self._line = 0
        self._version = 0
        self._clock_due = 0.0

    def changes(self) -> Body:
        now = self._panels.parts()
        changed = {key: value for key, value in now.items() if self._told.get(key) != value}
        self._told = now
        if self._panels.log.count > self._line:
            changed["lines"] = self._panels.log.after(self._line)
            self._line = self._panels.log.count
        at = asyncio.get_running_loop().time()
        if self._panels.clock.version != self._version or at >= self._clock_due:
            self._version, self._clock_due = self._panels.clock.version, at + CLOCK_SECONDS
            changed["clock"] = self._panels.clock.state()
        return changed


def add_routes(app: web.Application, worlds: Worlds) -> None:
    Panels(worlds).add_routes(app)
