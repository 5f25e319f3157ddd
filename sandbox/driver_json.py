"""The HTTP side of the driver: JSON in, JSON out, refusals as Failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp


class Failure(AssertionError):
    """What the story expected did not happen."""


class Link:
    """One control API; owns its session unless it is given one."""

    def __init__(self, base: str, session: aiohttp.ClientSession | None = None) -> None:
        self.base = base
        self._session = session
        self._own = session is None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600))
        return self._session

    async def close(self) -> None:
        if self._own and self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, **query: Any) -> Any:
        params = {key: str(value) for key, value in query.items() if value is not None}
        async with self.session.get(self.base + path, params=params) as response:
            return await self._read(response)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        given = {key: value for key, value in body.items() if value is not None}
        async with self.session.post(self.base + path, json=given) as response:
            return await self._read(response)

    async def _read(self, response: aiohttp.ClientResponse) -> Any:
        if response.content_type != "application/json":
            raise Failure(f"{response.status} from {response.url}: {(await response.text())[:500]}")
        body = await response.json()
        if response.status == 409:
            raise Failure(body["error"])
        if response.status != 200:
            raise Failure(f"{response.status} from {response.url}: {body}")
        return body

    async def fetch(self, url: str) -> bytes:
        async with self.session.get(url) as response:
            if response.status != 200:
                raise Failure(f"{response.status} from {url}")
            return await response.read()

    async def stream(self, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
        params = {key: str(value) for key, value in query.items() if value is not None}
        forever = aiohttp.ClientTimeout(total=None)
        async with self.session.get(self.base + path, params=params, timeout=forever) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
