"""A fresh world per test, served on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.discord import DiscordWorld
from sandbox.driver import Discord
from tests.sandbox.discord.serving import Api, serving


@pytest.fixture
def world() -> DiscordWorld:
    return DiscordWorld.default()


@pytest.fixture
async def api(world: DiscordWorld) -> AsyncIterator[Api]:
    async with serving(world) as base:
        client = Api(world, base)
        try:
            yield client
        finally:
            await client.session.close()


@pytest.fixture
def discord_(api: Api) -> Discord:
    return api.discord
