"""The giveaways' world as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.giveaway.support import World, make_world


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await make_world(database_url)
    yield made
    await made.db.close()
