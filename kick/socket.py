"""Kick's chat and event socket: kept up for months, every loss recorded as a gap."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from core.clock import Clock, monotonic
from core.kick_events import KickChannelIds, SocketGap
from kick.backoff import Backoff, Loss, LossKind
from kick.channels import ChannelBook, channel_names
from kick.decode import Frame, FrameKind
from kick.delivery import Delivery, Sink, SinkMany
from kick.dialect import Endpoint, Pusher
from kick.session import Listener, Session, Timings
from kick.state import NameCounter, SocketState, Status

log = logging.getLogger(__name__)

_ASK_AGAIN_AFTER = 10
_SHOWN_BYTES = 500


class EndpointProvider(Protocol):
    """Where to connect; never raises."""

    async def __call__(self, *, fresh: bool = False, failures: int = 0, instead_of: str | None = None) -> Endpoint:
        """The address; `fresh` asks Kick again instead of repeating the last answer.

        `failures` is how often in a row the last addresses failed: another one may be better then. `instead_of` is an
        address that answers and tells nothing: any other is better.
        """
        ...


class KickSocket:
    """One connection for any number of channels.

    `on_event` gets the events one by one and in order; a slow one loses chat beyond `queue_limit`, never
    gifts, and one that raises is asked again for about a minute for everything but chat. What it got it
    must have made durable before it returns.
    """

    def __init__(
        self,
        url: str | EndpointProvider,
        channels: Iterable[KickChannelIds],
        clock: Clock,
        on_event: Sink,
        *,
        timings: Timings | None = None,
        backoff: Backoff | None = None,
        queue_limit: int = 100_000,
        on_events: SinkMany | None = None,
    ) -> None:
        self._endpoint = _fixed(url) if isinstance(url, str) else url
        self._book = ChannelBook(channels)
        self._clock = clock
        self._timings = timings or Timings()
        self._backoff = backoff or Backoff(self._timings.stable)
        self._delivery = Delivery(on_event, queue_limit, on_events)
        self._session: Session | None = None
        self._followed = asyncio.Event()
        self._mark_followed()
        self._rejected_urls: set[str] = set()
        self._counter = NameCounter()
        self._malformed = self._unknown = self._attempts = 0
        self._status: Status = "connecting"
        self._since = self._heard_until = clock.now()
        self._last_frame_at: datetime | None = None
        self._reason = ""
        self._alarm: str | None = None
        self._gap: tuple[datetime, str] | None = None
        self._ready_at = (clock.now(), monotonic())
        self._published: dict[str, tuple[datetime, float]] = {}
        self._deaf: str | None = None
        self._elsewhere = False

    @property
    def state(self) -> SocketState:
        """The connection as it is now."""
        return SocketState(
            status=self._status,
            since=self._since,
            last_frame_at=self._last_frame_at,
            attempts=self._attempts,
            failures=self._backoff.failures,
            reason=self._reason,
            alarm=self._alarm or self._deaf,
            malformed=self._malformed,
            unknown=self._unknown,
            dropped_chat=self._delivery.dropped_chat,
            lost=self._delivery.failed,
            queued=len(self._delivery),
            counters=self._counter.snapshot(),
        )

    def heard_of(self, ids: KickChannelIds) -> tuple[datetime, float]:
        """When a channel was heard of last, at least by being subscribed to: by the clock, and measured in seconds."""
        told = [self._published[name] for name in channel_names(ids) if name in self._published]
        return max([self._ready_at, *told], key=lambda when: when[1])

    def published_since(self, when: datetime, channels: Collection[KickChannelIds]) -> bool:
        """Whether an event came of one of these channels after a moment."""
        names = [name for ids in channels for name in channel_names(ids)]
        return any(name in self._published and self._published[name][0] > when for name in names)

    def renew(self, reason: str) -> None:
        """Give this connection up for one elsewhere."""
        if self._session is not None:
            self._session.end(Loss(LossKind.DEAF, reason))

    async def subscribe_anew(self, channels: Collection[KickChannelIds]) -> None:
        """Leave the channels and come back, on the same connection."""
        names = frozenset(name for ids in channels for name in channel_names(ids))
        log.warning("kick_channels_silent", extra={"channels": sorted(names)})
        if self._session is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._session.follow(self._book.names - names)
                await self._session.follow(self._book.names)

    async def follow(self, channels: Iterable[KickChannelIds]) -> None:
        """Follow these channels from now on, without a new connection."""
        self._book = ChannelBook(channels)
        self._mark_followed()
        if self._session is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._session.follow(self._book.names)

    async def run(self) -> None:
        """Listen until cancelled; then close the connection and hand over what was heard, for at most 2 s."""
        deliverer = asyncio.create_task(self._delivery.run(), name="kick-delivery")
        self._heard_until = self._clock.now()
        try:
            await self._connect_for_ever()
        finally:
            self._enter("down", "stopped")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._delivery.drained()
            deliverer.cancel()
            if len(self._delivery):
                log.error("kick_events_left", extra={"events": len(self._delivery)})

    async def _connect_for_ever(self) -> None:
        endpoint = await self._endpoint()
        while True:
            await self._followed.wait()
            began = monotonic()
            loss, connected = await self._attempt(endpoint)
            previous, endpoint = endpoint, await self._next_endpoint(loss, endpoint, connected)
            if connected >= self._timings.stable:
                self._rejected_urls.clear()
            if loss.kind is LossKind.REJECTED:
                self._rejected_urls.add(previous.url)
            wait = self._backoff.after(
                loss,
                attempt=monotonic() - began,
                connected=connected,
                elsewhere=endpoint.url not in self._rejected_urls,
            )
            await asyncio.sleep(wait)

    async def _attempt(self, endpoint: Endpoint) -> tuple[Loss, float]:
        """One connection until it is lost; with the seconds for which it was subscribed."""
        self._attempts += 1
        self._enter("connecting", self._reason)
        session = Session(endpoint, self._timings, self._clock, Listener(self._on_frame, self._on_ready))
        self._session = session
        try:
            loss = await session.run(lambda: self._book.names)
        finally:
            self._session = None
        self._on_loss(loss)
        return loss, session.connected_for

    async def _next_endpoint(self, loss: Loss, last: Endpoint, connected: float) -> Endpoint:
        """The next address: negotiated anew after a rejection, and now and then when nothing else helps.

        One that tells nothing is left for another; where that is out of reach, Kick is asked without conditions.
        """
        failures = self._backoff.failures + 1
        if loss.kind is LossKind.DEAF:
            self._elsewhere = True
            return await self._endpoint(fresh=True, failures=failures, instead_of=last.url)
        fresh = loss.kind is LossKind.REJECTED or failures % _ASK_AGAIN_AFTER == 0
        fresh, self._elsewhere = fresh or (self._elsewhere and not connected), False
        return await self._endpoint(fresh=fresh, failures=failures)

    def _on_frame(self, frame: Frame, raw: bytes) -> None:
        """Count the frame and queue its events."""
        now = self._clock.now()
        self._last_frame_at = now
        if self._status == "connected":
            self._heard_until = now
        self._malformed += frame.kind is FrameKind.MALFORMED
        self._unknown += frame.kind is FrameKind.UNKNOWN
        count = self._counter.add(frame.name or "unreadable")
        if frame.kind in (FrameKind.MALFORMED, FrameKind.UNKNOWN) and _worth_a_line(count):
            shown = raw[:_SHOWN_BYTES].decode("utf-8", "replace")
            level = logging.WARNING if frame.kind is FrameKind.MALFORMED else logging.INFO
            log.log(level, "kick_frame_unread", extra={"why": frame.message or frame.name, "frame": shown})
        if frame.kind in (FrameKind.EVENT, FrameKind.UNKNOWN):
            self._note_published(frame.channel, now)
        for event in frame.events:
            self._delivery.put(self._book.complete(event))

    def _note_published(self, channel: str | None, now: datetime) -> None:
        """Events without a channel's name are of the only one."""
        self._deaf = None
        if channel in self._book.names:
            self._published[channel] = now, monotonic()
        elif len(self._book.channels) == 1:
            self._published[channel_names(self._book.channels[0])[0]] = now, monotonic()

    def _on_ready(self) -> None:
        """Listening again: the gap, if there was one, is over."""
        now = self._clock.now()
        if self._gap is not None:
            started, reason = self._gap
            self._delivery.put(SocketGap(started, max(started, now), reason))
            log.warning("kick_socket_gap", extra={"seconds": (now - started).total_seconds(), "why": reason})
        self._gap = self._alarm = None
        self._heard_until = now
        self._ready_at = now, monotonic()
        self._enter("connected", "")

    def _on_loss(self, loss: Loss) -> None:
        if self._gap is None:
            told = max([self._ready_at, *self._published.values()], key=lambda when: when[1])
            self._gap = (told[0] if loss.kind is LossKind.DEAF else self._heard_until, loss.reason)
        if loss.kind is LossKind.DEAF:
            self._deaf = loss.reason
            log.error("kick_socket_deaf", extra={"since": self._gap[0].isoformat()})
        elif loss.kind is LossKind.REJECTED:
            self._alarm = loss.reason
            log.error("kick_socket_rejected", extra={"why": loss.reason})
        else:
            log.warning("kick_socket_lost", extra={"why": loss.reason, "failures": self._backoff.failures})
        self._enter("down", loss.reason)

    def _enter(self, status: Status, reason: str) -> None:
        if status != self._status:
            self._status, self._since = status, self._clock.now()
        self._reason = reason

    def _mark_followed(self) -> None:
        """Without a channel there is nothing to connect for."""
        if self._book.names:
            self._followed.set()
        else:
            self._followed.clear()


def _worth_a_line(count: int) -> bool:
    """The first few of a kind are logged, then each thousandth."""
    return count <= 5 or count % 1000 == 0


def _fixed(url: str) -> EndpointProvider:
    """A provider that knows one address, of Pusher's protocol."""
    endpoint = Endpoint(url, Pusher)

    async def provide(*, fresh: bool = False, failures: int = 0, instead_of: str | None = None) -> Endpoint:
        return endpoint

    return provide
