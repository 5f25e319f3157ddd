"""Which channel a name leads to: as Kick answers it, kept by the name that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp

from core.clock import SystemClock
from core.kick_events import KickChannelIds, KickEvent
from kick.api import KickApi
from kick.listener import KickListener
from tests.kick.conftest import Kick
from tests.patience import until

Seen = list[Mapping[int, KickChannelIds]]


def _listener(
    kick: Kick, session: aiohttp.ClientSession, name: str, kept: dict[str, KickChannelIds], seen: Seen
) -> KickListener:
    """A listener for one channel by name, with what it kept of earlier answers."""

    async def recall(asked: str) -> KickChannelIds | None:
        return kept.get(asked)

    async def remember(asked: str, ids: KickChannelIds) -> None:
        kept[asked] = ids

    async def on_event(_event: KickEvent) -> None:
        return

    clock = SystemClock()
    api = KickApi(session, clock, api_base=kick.site, id_base=kick.site, client_id=None, client_secret=None)
    return KickListener(
        session, clock, site_base=kick.site, socket_url=kick.url, wanted=lambda: {1: KickChannelIds(name)},
        followed=seen.append, on_event=on_event, recall=recall, remember=remember, api=api,
    )  # fmt: skip


async def _followed(kick: Kick, name: str, kept: dict[str, KickChannelIds]) -> KickChannelIds:
    """The channel that a listener follows for the name."""
    seen: Seen = []
    async with aiohttp.ClientSession() as session:
        listener = _listener(kick, session, name, kept, seen)
        task = asyncio.create_task(listener.run())
        try:
            await until(lambda: seen)
        finally:
            task.cancel()
            await asyncio.wait({task})
    return seen[-1][1]


async def test_the_answers_own_slug_is_kept_under_the_name_that_was_asked_for(kick: Kick) -> None:
    kept: dict[str, KickChannelIds] = {}
    found = await _followed(kick, "sandbox_streamer", kept)
    assert (found.slug, found.channel_id) == ("sandbox-streamer", 7001)
    assert kept == {"sandbox_streamer": found}


async def test_a_channel_kept_under_another_spelling_serves_only_while_kick_does_not_answer(kick: Kick) -> None:
    """An earlier release took `_` for `-`: that may be another channel, or all that is known."""
    other = KickChannelIds("a-b", 81, 83, 82)
    kick.world.site_blocked = True
    assert await _followed(kick, "a_b", {"a-b": other}) == other
    kick.world.site_blocked = False
    kick.world.add_channel("a-b", 81, 82, 83)
    kick.world.add_channel("a_b", 71, 72, 73)
    assert (await _followed(kick, "a_b", {"a-b": other})).channel_id == 71


async def test_a_stranger_who_took_the_name_says_nothing_of_the_channel(kick: Kick) -> None:
    """The streamer was renamed; the ids that were kept are still theirs."""
    kick.world.add_channel("old-name", 71, 72, 73).live_since = kick.world.now()
    async with aiohttp.ClientSession() as session:
        listener = _listener(kick, session, "old-name", {}, [])
        assert await listener._live_by_site(KickChannelIds("old-name", 7001, 9001, 8001)) is None
        theirs = await listener._live_by_site(KickChannelIds("old-name", 71, 73, 72))
    assert theirs is not None
    assert theirs.live
