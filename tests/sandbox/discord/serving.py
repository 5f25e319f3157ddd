"""The stand-in on a free port, and a plain HTTP client that speaks as the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.discord import DiscordWorld, add_routes
from sandbox.driver import Discord
from tests.patience import FACTOR

Body = dict[str, Any]


@asynccontextmanager
async def serving(world: DiscordWorld) -> AsyncIterator[str]:
    """Serve `world`; yields where it is mounted."""
    app = web.Application()
    add_routes(app, world)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/discord"
    finally:
        await runner.cleanup()


class Api:
    """Raw REST calls with the bot's token."""

    def __init__(self, world: DiscordWorld, base: str) -> None:
        self.world = world
        self.base = base
        self.session = aiohttp.ClientSession(headers={"Authorization": f"Bot {world.token}"})
        self.discord = Discord(base, self.session, FACTOR)
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """(status, JSON or None)."""
        if body is not None:
            more["json"] = body
        async with self.session.request(method, f"{self.base}/api/v10{path}", **more) as response:
            self.headers = dict(response.headers)
            return response.status, (await response.json() if response.content_type == "application/json" else None)

    async def refused(self, method: str, path: str, body: Any = None) -> Body:
        """The answer of a request that must be refused, with its status under `status`."""
        status, answer = await self.call(method, path, body)
        assert status >= 400, answer
        return {**answer, "status": status}

    def channel(self, name: str) -> str:
        return next(one.id for one in self.world.channels.values() if one.name == name)

    def user(self, name: str) -> str:
        return next(one.id for one in self.world.users.values() if one.username == name)

    def role(self, name: str) -> str:
        return next(one.id for one in self.world.home.roles.values() if one.name == name)

    @property
    def commands(self) -> str:
        return f"/applications/{self.world.bot_id}/commands"

    async def send(self, body: Body, channel: str = "general") -> tuple[int, Any]:
        return await self.call("POST", f"/channels/{self.channel(channel)}/messages", body)

    async def send_refused(self, body: Body) -> Body:
        return await self.refused("POST", f"/channels/{self.channel('general')}/messages", body)


def codes(answer: Body) -> set[str]:
    """Every `path: CODE` of an error tree, paths joined with dots."""
    assert answer["code"] == 50035, answer
    return set(_walk(answer["errors"], ()))


def _walk(node: Any, path: tuple[str, ...]) -> list[str]:
    found = []
    for key, value in node.items():
        if key == "_errors":
            found += [f"{'.'.join(path)}: {one['code']}" for one in value]
        else:
            found += _walk(value, (*path, key))
    return found
