"""One Pusher connection, from the handshake to its loss."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from core.clock import Clock, monotonic
from kick.backoff import Loss, LossKind, classify
from kick.decode import Frame, FrameKind, decode_frame

log = logging.getLogger(__name__)

_LARGEST_FRAME = 4 * 1024 * 1024
_FRAMES_A_TURN = 64


@dataclass(frozen=True, slots=True)
class Timings:
    """Limits in real seconds.

    `opening`: to connect and hear connection_established. `activity`: silence before we ask (the server's
    own activity_timeout counts where it is shorter), `pong`: how long the answer may take; any frame is
    one. `subscribing`: after this the connection counts as listening even if no confirmation came.
    `stable`: connected this long, earlier failures are forgotten. `closing`: the closing handshake.
    """

    opening: float = 10.0
    activity: float = 30.0
    pong: float = 10.0
    subscribing: float = 5.0
    stable: float = 60.0
    closing: float = 1.5


class LostError(Exception):
    """The connection is of no more use."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.reason)
        self.loss = loss


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom a session tells: `frame` for each frame heard (and its bytes), `ready` once, when it listens."""

    frame: Callable[[Frame, bytes], None]
    ready: Callable[[], None]


class Session:
    """A connection that subscribes, answers, asks when it is quiet, and says in the end how it was lost."""

    def __init__(self, timings: Timings, clock: Clock, listener: Listener) -> None:
        self._timings = timings
        self._clock = clock
        self._listener = listener
        self._ws: ClientConnection | None = None
        self._names: frozenset[str] = frozenset()
        self._unanswered: set[str] = set()
        self._heard = monotonic()
        self._activity = timings.activity
        self._ready = self._established = False
        self._confirmed_at: float | None = None

    @property
    def connected_for(self) -> float:
        """Seconds since the first subscription was confirmed, 0 before."""
        return 0.0 if self._confirmed_at is None else monotonic() - self._confirmed_at

    async def run(self, url: str, names: Callable[[], Iterable[str]]) -> Loss:
        """Connect to `url`, follow `names()`, return how it ended; cancelled, it closes the connection."""
        try:
            async with asyncio.timeout(self._timings.opening):
                self._ws = await self._connect(url)
                await self._establish()
            self._established = True
            await self.follow(names())
            return await self._listen()
        except LostError as lost:
            return lost.loss
        except (OSError, WebSocketException, EOFError, ValueError) as error:
            return _loss_of(error)
        finally:
            await self._close()

    async def follow(self, names: Iterable[str]) -> None:
        """Subscribe to what is new in `names`, leave what is not there; nothing before the handshake."""
        if not self._established:
            return
        wanted = frozenset(names)
        new, old = wanted - self._names, self._names - wanted
        self._names = wanted
        self._unanswered = (self._unanswered | new) - old
        for name in sorted(old):
            await self._send("pusher:unsubscribe", {"channel": name})
        for name in sorted(new):
            await self._send("pusher:subscribe", {"auth": "", "channel": name})

    async def _connect(self, url: str) -> ClientConnection:
        return await connect(
            url,
            compression=None,
            proxy=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=self._timings.closing,
            max_size=_LARGEST_FRAME,
            max_queue=1024,
        )

    async def _establish(self) -> None:
        while True:
            frame = await self._next()
            if frame.kind is FrameKind.ESTABLISHED:
                self._activity = min(frame.activity_timeout or self._activity, self._activity)
                return
            await self._obey(frame)

    async def _listen(self) -> Loss:
        """Read until lost, with a watch beside it that notices silence."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        timer = asyncio.get_running_loop().call_later(self._timings.subscribing, self._now_ready)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return await done.pop()
        finally:
            timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> Loss:
        frames = 0
        while True:
            await self._obey(await self._next())
            frames += 1
            if frames % _FRAMES_A_TURN == 0:
                await asyncio.sleep(0)

    async def _watch(self) -> Loss:
        """Ping after `activity` quiet seconds; lost when nothing at all follows within `pong`."""
        while True:
            quiet = monotonic() - self._heard
            if quiet < self._activity:
                await asyncio.sleep(self._activity - quiet)
                continue
            asked = monotonic()
            async with asyncio.timeout(self._timings.pong):
                await self._send("pusher:ping", {})
            await asyncio.sleep(self._timings.pong)
            if self._heard < asked:
                return Loss(LossKind.TRANSIENT, "no answer to a ping")

    async def _next(self) -> Frame:
        """The next frame, after the listener has seen it."""
        assert self._ws is not None
        raw = await self._ws.recv(decode=False)
        self._heard = monotonic()
        frame = decode_frame(raw, self._clock.now())
        if frame.kind in (FrameKind.EVENT, FrameKind.UNKNOWN) and self._names:
            self._now_ready()
        self._listener.frame(frame, raw)
        return frame

    async def _obey(self, frame: Frame) -> None:
        """Do what a control frame asks for; LostError where it ends the connection."""
        if frame.kind is FrameKind.PING:
            await self._send("pusher:pong", {})
        elif frame.kind is FrameKind.SUBSCRIBED:
            self._answered(frame, accepted=True)
        elif frame.kind is FrameKind.SUBSCRIBE_FAILED:
            log.warning("kick_subscription_refused", extra={"channel": str(frame.channel)[:100]})
            self._answered(frame, accepted=False)
        elif frame.kind is FrameKind.ERROR:
            log.warning("kick_socket_error", extra={"code": frame.code, "text": frame.message})
            if frame.code is not None and 4000 <= frame.code <= 4299:
                raise LostError(Loss(classify(frame.code), f"error {frame.code}"))

    def _answered(self, frame: Frame, *, accepted: bool) -> None:
        if accepted and self._confirmed_at is None:
            self._confirmed_at = monotonic()
        self._unanswered.discard(frame.channel or "")
        if self._unanswered or not self._names:
            return
        if self._confirmed_at is None:
            raise LostError(Loss(LossKind.TRANSIENT, "every subscription refused"))
        self._now_ready()

    def _now_ready(self) -> None:
        if not self._ready:
            self._ready = True
            self._listener.ready()

    async def _send(self, event: str, data: dict[str, str]) -> None:
        if self._ws is not None:
            await self._ws.send(json.dumps({"event": event, "data": data}))

    async def _close(self) -> None:
        """Close within `closing` seconds, whatever the other side does."""
        ws, self._ws = self._ws, None
        if ws is None:
            return
        try:
            async with asyncio.timeout(self._timings.closing):
                await ws.close()
        except (TimeoutError, WebSocketException, OSError):
            log.debug("kick_socket_closed_hard")
        finally:
            ws.transport.abort()


def _loss_of(error: Exception) -> Loss:
    """What an exception of the connection means."""
    if isinstance(error, ConnectionClosed):
        code = error.rcvd.code if error.rcvd is not None else None
        return Loss(classify(code), f"closed {code}" if code is not None else "connection lost")
    if isinstance(error, InvalidStatus):
        return Loss(LossKind.TRANSIENT, f"refused {error.response.status_code}")
    if isinstance(error, TimeoutError):
        return Loss(LossKind.TRANSIENT, "no answer in time")
    if isinstance(error, InvalidURI):
        return Loss(LossKind.REJECTED, "no WebSocket address")
    return Loss(LossKind.TRANSIENT, f"{type(error).__name__}: {error}"[:200])
