"""Clients that hold connections and say too little."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

HALF = b"GET /health HTTP/1.1\r\nHo"


@contextmanager
def many_files() -> Iterator[None]:
    """Room for both ends of many connections in this one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if soft == resource.RLIM_INFINITY else max(soft, enough), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def held(port: int | None, data: bytes = HALF, times: int = 1) -> AsyncIterator[list[socket.socket]]:
    """Connections that have sent so much and wait."""
    loop, made = asyncio.get_running_loop(), []
    with many_files():
        try:
            for _ in range(times):
                made.append(one := socket.socket())
                one.setblocking(False)
                await loop.sock_connect(one, ("127.0.0.1", port))
                await loop.sock_sendall(one, data)
            yield made
        finally:
            for one in made:
                one.close()
