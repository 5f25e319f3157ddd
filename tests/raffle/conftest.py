"""The raffle's fixtures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.db import Database
from tests.raffle.support import World


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def world(db: Database) -> World:
    """A guild whose first raffle has just been opened."""
    return await World(db).open()
