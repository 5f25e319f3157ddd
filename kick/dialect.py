"""The protocols that carry Kick's events: what a connection says and hears. One loop serves both.

Pusher: its protocol 7, as documented. The other one is in `centrifugo.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kick.backoff import LossKind, classify
from kick.decode import Frame, decode_frame

Send = Callable[[str], Awaitable[None]]


class Dialect(Protocol):
    """One connection's worth of a protocol. Texts are messages ready to be sent."""

    async def greeting(self) -> Sequence[str]:
        """What to say first. Errors: `LostError` where that cannot be found out."""
        ...

    def read(self, raw: bytes, received_at: datetime) -> Iterable[tuple[Frame, bytes]]:
        """The frames of a message, each with its bytes; never raises."""
        ...

    def subscribe(self, channel: str) -> str: ...

    def unsubscribe(self, channel: str) -> str: ...

    def ask(self) -> str:
        """Whether the server is still there; any message is an answer."""
        ...

    def answer(self) -> str:
        """To the server's ping."""
        ...

    def classify(self, code: int | None) -> LossKind:
        """What a close code means for the next attempt; None: there was none."""
        ...

    def fatal(self, code: int | None) -> LossKind | None:
        """What an error that the server tells ends the connection with; None where it goes on."""
        ...

    async def keep_up(self, send: Send) -> None:
        """What has to be said now and then while the connection lasts; does not return."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and the protocol that is spoken there; `dialect` makes one for each connection."""

    url: str
    dialect: Callable[[], Dialect]


class Pusher:
    """Pusher's protocol 7: the server speaks first, JSON within JSON, one frame a message."""

    async def greeting(self) -> Sequence[str]:
        return ()

    def read(self, raw: bytes, received_at: datetime) -> Iterable[tuple[Frame, bytes]]:
        return ((decode_frame(raw, received_at), raw),)

    def subscribe(self, channel: str) -> str:
        return _event("pusher:subscribe", {"auth": "", "channel": channel})

    def unsubscribe(self, channel: str) -> str:
        return _event("pusher:unsubscribe", {"channel": channel})

    def ask(self) -> str:
        return _event("pusher:ping", {})

    def answer(self) -> str:
        return _event("pusher:pong", {})

    def classify(self, code: int | None) -> LossKind:
        return classify(code)

    def fatal(self, code: int | None) -> LossKind | None:
        return classify(code) if code is not None and 4000 <= code <= 4299 else None

    async def keep_up(self, send: Send) -> None:
        await asyncio.Event().wait()


def _event(name: str, data: dict[str, str]) -> str:
    return json.dumps({"event": name, "data": data})
