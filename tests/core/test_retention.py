"""Bodies and secrets go by age; what counts, what waits, and the keys by which nothing counts twice stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core import retention
from core.db import Database
from core.retention import Retention
from tests.raffle.support import DAY, HOUR, World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db).open()
    await db.close()


async def _fill(world: World, name: str, at: timedelta) -> None:
    """One of each kind, done so long ago, and the like that waits since then."""
    then = world.clock.now() - at
    for message, handled in ((f"{name} done", then), (f"{name} waits", None)):
        await world.execute(
            "INSERT INTO kick_inbox (message_id, event, body, received_at, next_attempt_at, handled_at) "
            "VALUES (:id, 'e', 'x', :at, :at, :handled)", id=message, at=then, handled=handled,
        )  # fmt: skip
        await world.execute(
            "INSERT INTO outbox (guild_id, channel_id, payload, created_at, next_attempt_at, delivered_at, ref) "
            "VALUES (1, 2, jsonb_build_object('content', 'x'), :at, :at, :done, :ref)",
            at=then, done=handled, ref=message,
        )  # fmt: skip
    await world.execute(
        "INSERT INTO kick_oauth_states (nonce, guild_id, discord_id, verifier, expires_at) "
        "VALUES (:name, 1, 2, 'secret', :at)", name=name, at=then,
    )  # fmt: skip
    await world.execute(
        "INSERT INTO link_codes (guild_id, code, discord_id, created_at, expires_at) VALUES (1, :name, 2, :at, :at)",
        name=name, at=then,
    )  # fmt: skip
    await world.execute("INSERT INTO acts (key, name, at) VALUES (:name, 'x', :at)", name=name, at=then)
    await world.execute("INSERT INTO kick_subscriptions VALUES (:name, 'e', 1, :at)", name=name, at=then)


async def _kept(world: World) -> dict[str, list[str]]:
    """The names of what is kept, and of what has kept its words."""
    asked = {
        "inbox": "SELECT message_id AS name FROM kick_inbox",
        "bodies": "SELECT message_id AS name FROM kick_inbox WHERE body IS NOT NULL",
        "outbox": "SELECT ref AS name FROM outbox",
        "words": "SELECT ref AS name FROM outbox WHERE payload <> jsonb_build_object()",
        "sign_ins": "SELECT nonce AS name FROM kick_oauth_states",
        "codes": "SELECT code AS name FROM link_codes",
        "acts": "SELECT key AS name FROM acts",
        "subscriptions": "SELECT id AS name FROM kick_subscriptions",
    }
    return {what: sorted(row["name"] for row in await world.rows(sql)) for what, sql in asked.items()}


async def test_each_kind_goes_at_its_age_and_keys_stay(world: World) -> None:
    for name, at in (("new", HOUR), ("week", 8 * DAY), ("month", 31 * DAY), ("old", 100 * DAY)):
        await _fill(world, name, at)
    await Retention(world.db, world.clock).tick()
    everything = sorted(f"{name} {how}" for name in ("new", "week", "month", "old") for how in ("done", "waits"))
    waiting = [name for name in everything if name.endswith("waits")]
    assert await _kept(world) == {
        "inbox": everything, "bodies": sorted(["new done", *waiting]),
        "outbox": everything, "words": sorted(["new done", "week done", *waiting]),
        "sign_ins": ["new"], "codes": ["new"], "acts": ["new", "week"], "subscriptions": ["month", "new", "week"],
    }  # fmt: skip


async def test_much_of_it_goes_in_batches_and_then_hourly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(3):
        await _fill(world, f"n{number}", 100 * DAY)
    tidy = Retention(world.db, world.clock)
    await tidy.tick()
    assert len((await _kept(world))["acts"]) == 1
    await tidy.tick()
    assert (await _kept(world))["acts"] == []
    await _fill(world, "later", 100 * DAY)
    await tidy.tick()
    assert (await _kept(world))["acts"] == ["later"]
    world.clock.advance(HOUR)
    await tidy.tick()
    assert (await _kept(world))["acts"] == []
