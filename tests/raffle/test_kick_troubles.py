"""What keeps a channel from being heard is told where admins read: once, and again after it was mended."""

from __future__ import annotations

from dataclasses import replace

from core.guilds import Guilds
from raffle_system import kick_troubles
from tests.raffle.support import ADMIN, EchoTexts, World


async def test_a_trouble_is_told_once_until_it_is_mended(world: World) -> None:
    deaf = {"deaf": {"name": "a_b", "minutes": "10"}}
    unknown = {"unknown": {"name": "@everyone"}}

    async def told(*troubles: dict[int, dict[str, dict[str, str]]]) -> list[str]:
        before = len(await world.said())
        for one in troubles:
            await kick_troubles.tell(world.db, world.clock, world.guilds, one)
        return [message.embeds[0].description for message in (await world.said())[before:]]

    guild = world.guild_id
    await world.set("announcement_channel_id", None)
    world.guilds = Guilds(world.db, world.clock, replace(world.config, announcement_channel_id=None), EchoTexts())
    await world.guilds.load()
    assert await told({guild: deaf}) == []  # nobody to hear it yet
    await world.set("admin_channel_id", ADMIN)
    assert await told({}, {guild: deaf}, {guild: deaf}, {guild: deaf, 5: deaf}) == [
        "kick.trouble_deaf {'name': 'a\\\\_b', 'minutes': '10'}"
    ]
    assert await told({guild: unknown}, {guild: unknown}) == ["kick.trouble_unknown {'name': '@\\u200beveryone'}"]
    assert len(await told({}, {guild: deaf})) == 1
    assert {row["channel_id"] for row in await world.rows("SELECT channel_id FROM outbox")} == {ADMIN}
