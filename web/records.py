"""The records of draws, for anybody: made once for each of their states, and sent bit by bit."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass

from aiohttp import web

from core import draws
from core.db import Database, is_away
from core.errors import UserError

_DRAW_ID = re.compile(r"(raffle/\d+|giveaway)/\d+")
KEPT_BYTES = 32 * 1024 * 1024
CHUNK = 64 * 1024
LARGE, LARGE_AT_ONCE = 1024 * 1024, 8


@dataclass(frozen=True)
class Record:
    """`state` names what the row was when the record was made, `tag` its content."""

    state: str
    body: bytes
    tag: str


class Records:
    """What was asked for lately is kept, up to KEPT_BYTES; however many ask at once, it is made once."""

    def __init__(self) -> None:
        self.db: Database | None = None
        self._kept: OrderedDict[str, Record] = OrderedDict()
        self._making = asyncio.Lock()
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        draw_id = request.match_info["draw_id"]
        if self.db is None or not _DRAW_ID.fullmatch(draw_id):
            raise web.HTTPNotFound
        try:
            record = await self._record(self.db, draw_id)
        except UserError as error:
            raise web.HTTPNotFound from error
        except Exception as error:
            if is_away(error):
                raise web.HTTPServiceUnavailable from error
            raise
        headers = {"ETag": f'"{record.tag}"', "Cache-Control": "no-cache"}
        if any(one.value in (record.tag, "*") for one in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return await self._sent(request, record.body, headers)

    async def _record(self, db: Database, draw_id: str) -> Record:
        async with db.reading() as conn:
            state = await draws.state_of(conn, draw_id)
        if (found := self._found(draw_id, state)) is not None:
            return found
        async with self._making:
            if (found := self._found(draw_id, state)) is not None:
                return found
            async with db.reading() as conn:
                body = await draws.record_of(conn, draw_id)
            tag = await asyncio.to_thread(lambda: hashlib.sha256(body).hexdigest()[:32])
            return self._keep(draw_id, Record(state, body, tag))

    def _found(self, draw_id: str, state: str) -> Record | None:
        found = self._kept.get(draw_id)
        if found is None or found.state != state:
            return None
        self._kept.move_to_end(draw_id)
        return found

    def _keep(self, draw_id: str, record: Record) -> Record:
        """The longest unasked ones make room; the newest stays however large it is."""
        self._kept[draw_id] = record
        self._kept.move_to_end(draw_id)
        while len(self._kept) > 1 and sum(len(one.body) for one in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return record

    async def _sent(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
        """No faster than it is read: what a slow reader has not taken is not copied for him."""
        answer = web.StreamResponse(headers=headers)
        answer.content_type, answer.charset = "application/json", "utf-8"
        answer.content_length = len(body)
        async with AsyncExitStack() as turn:
            if len(body) > LARGE and request.method != "HEAD":
                await turn.enter_async_context(self._large)
            await answer.prepare(request)
            for begin in range(0, len(body) if request.method != "HEAD" else 0, CHUNK):
                await answer.write(body[begin : begin + CHUNK])
            await answer.write_eof()
        return answer
