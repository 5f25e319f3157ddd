"""One connection to Kick's socket in either dialect, from the handshake to its loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from core.clock import Clock, monotonic
from kick.backoff import Loss, LossKind, LostError
from kick.decode import Frame, FrameKind
from kick.dialect import Dialect, Endpoint

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


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom a session tells: `frame` for each frame heard (and its bytes), `ready` once, when it listens."""

    frame: Callable[[Frame, bytes], None]
    ready: Callable[[], None]


class Session:
    """A connection that subscribes, answers, asks when it is quiet, and says in the end how it was lost."""

    def __init__(self, endpoint: Endpoint, timings: Timings, clock: Clock, listener: Listener) -> None:
        self._url = endpoint.url
        self._dialect: Dialect = endpoint.dialect()
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
        self._ended = asyncio.Event()
        self._end_with = Loss(LossKind.TRANSIENT, "")

    @property
    def connected_for(self) -> float:
        """Seconds since the first subscription was confirmed, 0 before."""
        return 0.0 if self._confirmed_at is None else monotonic() - self._confirmed_at

    async def run(self, names: Callable[[], Iterable[str]]) -> Loss:
        """Connect, follow `names()`, return how it ended; cancelled, it closes the connection."""
        try:
            async with asyncio.timeout(self._timings.opening):
                greeting = await self._dialect.greeting()
                self._ws = await self._connect(self._url)
                await self._send(*greeting)
                while not self._established:
                    await self._hear()
            await self.follow(names())
            return await self._listen()
        except LostError as lost:
            return lost.loss
        except (OSError, WebSocketException, EOFError, ValueError) as error:
            return self._loss_of(error)
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
        await self._send(*[self._dialect.unsubscribe(name) for name in sorted(old)])
        await self._send(*[self._dialect.subscribe(name) for name in sorted(new)])

    def end(self, loss: Loss) -> None:
        """Give the connection up, for this reason."""
        self._end_with = loss
        self._ended.set()

    async def _until_ended(self) -> Loss:
        await self._ended.wait()
        return self._end_with

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

    async def _listen(self) -> Loss:
        """Read until lost, beside a watch that notices silence and whatever the dialect has to keep up."""
        tasks = [
            asyncio.create_task(work) for work in (self._read(), self._watch(), self._keep_up(), self._until_ended())
        ]
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
            await self._hear()
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
                await self._send(self._dialect.ask())
            await asyncio.sleep(self._timings.pong)
            if self._heard < asked:
                return Loss(LossKind.TRANSIENT, "no answer to a ping")

    async def _keep_up(self) -> Loss:
        """Ends by exception only: what it has to keep up it keeps up for as long as the connection lasts."""
        await self._dialect.keep_up(self._send)
        raise AssertionError

    async def _hear(self) -> None:
        """The next message: the listener sees each of its frames before it is obeyed."""
        assert self._ws is not None
        raw = await self._ws.recv(decode=False)
        self._heard = monotonic()
        for frame, part in self._dialect.read(raw, self._clock.now()):
            if frame.kind in (FrameKind.EVENT, FrameKind.UNKNOWN) and self._names:
                self._now_ready()
            self._listener.frame(frame, part)
            await self._obey(frame)

    async def _obey(self, frame: Frame) -> None:
        """Do what a control frame asks for; LostError where it ends the connection."""
        if frame.kind is FrameKind.ESTABLISHED:
            self._established = True
            self._activity = min(frame.activity_timeout or self._activity, self._activity)
        elif frame.kind is FrameKind.PING:
            await self._send(self._dialect.answer())
        elif frame.kind is FrameKind.SUBSCRIBED:
            self._answered(frame, accepted=True)
        elif frame.kind is FrameKind.SUBSCRIBE_FAILED:
            log.warning("kick_subscription_refused", extra={"channel": str(frame.channel)[:100]})
            self._answered(frame, accepted=False)
        elif frame.kind is FrameKind.ERROR:
            log.warning("kick_socket_error", extra={"code": frame.code, "text": frame.message})
            kind = self._dialect.fatal(frame.code)
            if kind is not None:
                raise LostError(Loss(kind, f"error {frame.code or frame.message}"))

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

    async def _send(self, *texts: str) -> None:
        for text in texts:
            if self._ws is not None:
                await self._ws.send(text)

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

    def _loss_of(self, error: Exception) -> Loss:
        """What an exception of the connection means."""
        if isinstance(error, ConnectionClosed):
            code = error.rcvd.code if error.rcvd is not None else None
            kind = self._dialect.classify(code)
            return Loss(kind, f"closed {code}" if code is not None else "connection lost")
        if isinstance(error, InvalidStatus):
            return Loss(LossKind.TRANSIENT, f"refused {error.response.status_code}")
        if isinstance(error, TimeoutError):
            return Loss(LossKind.TRANSIENT, "no answer in time")
        if isinstance(error, InvalidURI):
            return Loss(LossKind.REJECTED, "no WebSocket address")
        return Loss(LossKind.TRANSIENT, f"{type(error).__name__}: {error}"[:200])
