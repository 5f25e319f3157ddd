"""Centrifugo's JSON protocol, the second that Kick uses: a token, numbered commands, the same events inside.

Several objects may come in one message, a line each. The server pings with an empty object and wants one back.
Source of commands, error codes and ranges of close codes: Centrifugo's documentation of its client protocol.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kick.backoff import Loss, LossKind, LostError
from kick.coerce import mapping, parse, text, whole
from kick.decode import Frame, FrameKind, decode_published, malformed
from kick.dialect import Send

log = logging.getLogger(__name__)

REFRESH_AFTER = 0.75
TRY_AGAIN_AFTER = 0.02
PING_SLACK = 5
INTERNAL, ALREADY_SUBSCRIBED, TOKEN_EXPIRED, TOO_MANY = 100, 105, 109, 111
SHUTDOWN, EXPIRED = 3001, 3005

FetchToken = Callable[[], Awaitable[str]]


class TokenRefused(Exception):
    """Kick gave no token for the connection; the message says why."""


class Centrifugo:
    """One connection's commands and their answers. `token` fetches a new token (errors: `TokenRefused`).

    `refresh_after` is the part of a token's life after which it is replaced.
    """

    def __init__(self, token: FetchToken, refresh_after: float = REFRESH_AFTER) -> None:
        self._token = token
        self._refresh_after = refresh_after
        self._last_id = 0
        self._asked: dict[int, tuple[str, str]] = {}
        self._life: float | None = None
        self._renew_in = 0.0
        self._counting = asyncio.Event()

    async def greeting(self) -> Sequence[str]:
        try:
            token = await self._token()
        except TokenRefused as error:
            raise LostError(Loss(LossKind.TRANSIENT, f"no token: {error}")) from error
        return (self._command("connect", {"token": token, "name": "js"}),)

    def subscribe(self, channel: str) -> str:
        return self._command("subscribe", {"channel": channel, "flag": 1})

    def unsubscribe(self, channel: str) -> str:
        return self._command("unsubscribe", {"channel": channel})

    def ask(self) -> str:
        return self._command("ping", {})

    def answer(self) -> str:
        return "{}"

    def classify(self, code: int | None) -> LossKind:
        """3500-3999 and 4500-4999: do not come back unchanged; the others: come back, after a restart at once."""
        if code is not None and (3500 <= code <= 3999 or 4500 <= code <= 4999):
            return LossKind.REJECTED
        return LossKind.AT_ONCE if code in (SHUTDOWN, EXPIRED) else LossKind.TRANSIENT

    def fatal(self, code: int | None) -> LossKind | None:
        """Errors are passed on only where they end the connection."""
        return LossKind.AT_ONCE if code == TOKEN_EXPIRED else self.classify(code)

    async def keep_up(self, send: Send) -> None:
        """Replace the token before it expires, however often Kick has to be asked for one."""
        while True:
            await self._counting.wait()
            self._counting.clear()
            await asyncio.sleep(self._renew_in)
            try:
                token = await self._token()
            except TokenRefused as error:
                log.warning("kick_token_not_renewed", extra={"error": str(error)})
                self._renew(TRY_AGAIN_AFTER)
            else:
                await send(self._command("refresh", {"token": token}))

    def read(self, raw: bytes, received_at: datetime) -> Iterator[tuple[Frame, bytes]]:
        for line in raw.split(b"\n"):
            if line.strip() or not raw.strip():
                yield self._frame(line, received_at), line

    def _command(self, name: str, fields: Mapping[str, Any]) -> str:
        self._last_id += 1
        self._asked[self._last_id] = name, str(fields.get("channel", ""))
        return json.dumps({name: fields, "id": self._last_id})

    def _frame(self, line: bytes, received_at: datetime) -> Frame:
        try:
            said = parse(line)
        except ValueError as error:
            return malformed("", None, f"no JSON: {type(error).__name__}")
        if not isinstance(said, dict):
            return malformed("", None, "not an object")
        if not said:
            return Frame(FrameKind.PING, "centrifugo:ping")
        if "push" in said:
            return self._pushed(mapping(said["push"]), received_at)
        asked = self._asked.pop(whole(said.get("id")) or 0, None)
        return malformed("", None, "an answer to nothing") if asked is None else self._answered(*asked, said)

    def _pushed(self, push: Mapping[str, Any], received_at: datetime) -> Frame:
        channel = push.get("channel")
        channel = channel if isinstance(channel, str) else None
        if "pub" in push:
            return decode_published(mapping(push["pub"]).get("data"), channel, received_at)
        if "disconnect" in push:
            return _error("disconnect", mapping(push["disconnect"]))
        if "unsubscribe" in push:
            return Frame(FrameKind.ERROR, "centrifugo:unsubscribe", channel, message="unsubscribed by the server")
        return Frame(FrameKind.UNKNOWN, "centrifugo:push", channel)

    def _answered(self, name: str, channel: str, said: Mapping[str, Any]) -> Frame:
        error = mapping(said.get("error"))
        code = whole(error.get("code")) if error else None
        if (name == "connect" and error) or (name == "subscribe" and code in (INTERNAL, TOO_MANY)):
            return _error(name, error)
        if name == "subscribe":
            refused = bool(error) and code != ALREADY_SUBSCRIBED
            kind = FrameKind.SUBSCRIBE_FAILED if refused else FrameKind.SUBSCRIBED
            return Frame(kind, "centrifugo:subscribe", channel, message=text(error.get("message"), 300))
        if name == "refresh" and error:
            log.warning("kick_token_refused", extra={"code": code})
            self._renew(TRY_AGAIN_AFTER)
        elif name in ("connect", "refresh"):
            return self._connected(name, mapping(said.get(name)))
        return Frame(FrameKind.PONG, f"centrifugo:{name}")

    def _connected(self, name: str, said: Mapping[str, Any]) -> Frame:
        """The first token was taken, or another one: how long it lasts."""
        life = whole(said.get("ttl"), 10**7)
        if said.get("expires") is True and life:
            self._life = float(life)
            self._renew(self._refresh_after)
        if name == "refresh":
            return Frame(FrameKind.PONG, "centrifugo:refresh")
        ping = whole(said.get("ping"), 3600)
        return Frame(FrameKind.ESTABLISHED, "centrifugo:connect", activity_timeout=ping + PING_SLACK if ping else None)

    def _renew(self, part: float) -> None:
        """Think of the next token when `part` of this one's life has passed."""
        self._renew_in = (self._life or 0.0) * part
        self._counting.set()


def _error(name: str, said: Mapping[str, Any]) -> Frame:
    message = text(said.get("message"), 300) or text(said.get("reason"), 300)
    return Frame(FrameKind.ERROR, f"centrifugo:{name}", code=whole(said.get("code")), message=message)


def speaks(url: str) -> bool:
    """Whether an address looks like Centrifugo's: Pusher's has `/app/` and the key in its path."""
    return url.partition("?")[0].rstrip("/").endswith("/connection/websocket")
