"""A deploy leaves no gap: gifts go on while processes take over from each other, each is paid once.

`python -m bench handover` does the same through twenty hand-overs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.handover import Relay
from core.db import migrate
from sandbox.app import Sandbox
from sandbox.clock import TurnableClock
from tests.e2e.forked import ForkedBot
from tests.patience import FACTOR

HANDOVERS = 4
GIFT_SECONDS = 0.5


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(TurnableClock())
    await made.start()
    yield made
    await made.stop()


async def test_each_gift_is_paid_once_through_orderly_and_killed_handovers(
    tmp_path: Path, database_url: str, sandbox: Sandbox
) -> None:
    await migrate(database_url)
    relay = Relay(tmp_path, database_url, sandbox, HANDOVERS, GIFT_SECONDS, ForkedBot, FACTOR)
    paid = await relay.run()
    assert len(relay.told) > HANDOVERS
    assert len(relay.took) == HANDOVERS
    assert sorted(paid) == sorted(relay.told)
