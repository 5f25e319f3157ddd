"""A raffle's world behind the web server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.db import Database
from tests.raffle.support import World


@pytest.fixture
async def raffle(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db).open()
    await db.close()
