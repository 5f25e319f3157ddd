"""A TCP proxy before PostgreSQL that cuts a connection around a statement, as networks do."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse


class CutProxy:
    """`url` leads through it to `target`. A cut happens once, at the next packet that holds the needle."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.cuts = 0
        self._needle: bytes | None = None
        self._mark: bytes | None = None
        self._forwards = False
        self._closes = False
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        parts = urllib.parse.urlsplit(self.target)
        who = parts.netloc.rpartition("@")[0]
        self.url = f"postgresql://{who}@127.0.0.1:{port}{parts.path}?sslmode=disable"

    async def close(self) -> None:
        await self._stop_listening()

    def cut_after(self, needle: bytes, *, closes: bool = False) -> None:
        """The server gets the packet, its answer is lost; with `closes` nobody can connect any more."""
        self._needle, self._forwards, self._closes = needle, True, closes

    def cut_commit_of(self, mark: bytes) -> None:
        """`cut_after` the COMMIT that follows a packet with the mark."""
        self._mark = mark

    def cut_before(self, needle: bytes) -> None:
        """The server never gets the packet."""
        self._needle, self._forwards, self._closes = needle, False, False

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.target).query)
        host = query["host"][0]
        behind, ahead = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{query.get('port', ['5432'])[0]}")
        ways = [asyncio.create_task(self._pump(behind, writer)), asyncio.create_task(self._watch(reader, ahead))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, ahead):
            end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()

    async def _watch(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if self._mark is not None and self._mark in data:
                    self._mark = None
                    self.cut_after(b"COMMIT")
                cut = self._needle is not None and self._needle in data
                if not cut or self._forwards:
                    sink.write(data)
                if cut:
                    self._needle, self.cuts = None, self.cuts + 1
                    if self._closes:
                        await self._stop_listening()
                    return
                await sink.drain()
