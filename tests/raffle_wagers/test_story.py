"""Wagers as people see them: the bot as a process, against the stand-ins."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from tests.e2e.conftest import bot, discord, sandbox, stage, start_bot  # noqa: F401 - fixtures
from tests.e2e.support import Bot, Stage
from tests.patience import until

pytestmark = pytest.mark.timeout(90)


class Feed:
    """What the bot keeps of the guild's feed."""

    def __init__(self, stage: Stage, connection: asyncpg.Connection[asyncpg.Record]) -> None:  # noqa: F811
        self._clock, self._connection = stage.clock, connection

    async def once_more(self, minutes: int = 16) -> None:
        """Until the next answer is stored, however it was."""
        before = await self._next()
        while True:
            self._clock.turn(forward=timedelta(minutes=minutes))
            # An answer on its way when the clock is turned puts the next poll off by one more interval.
            for _ in range(100):
                await asyncio.sleep(0.02)
                if await self._next() != before:
                    return

    async def _next(self) -> datetime | None:
        found: datetime | None = await self._connection.fetchval("SELECT max(next_poll_at) FROM wager_feeds")
        return found


@pytest.fixture
async def polled(stage: Stage, database_url: str) -> AsyncIterator[Feed]:  # noqa: F811
    connection = await asyncpg.connect(database_url)
    yield Feed(stage, connection)
    await connection.close()


async def test_a_member_links_a_casino_name_and_is_paid(stage: Stage, bot: Bot, polled: Feed) -> None:  # noqa: F811
    feed, people = stage.sandbox.affiliate, stage.discord
    await stage.link("viewer1")
    feed.raise_("Roller", Decimal(900))
    await polled.once_more()
    viewer, mod = people.as_user("viewer1"), people.as_user("moderator")
    asked = await (await viewer.slash("link shuffle", channel="raffle", username="roller")).answer()
    assert asked.ephemeral
    assert "An admin decides" in asked.text
    owner = people.as_user("streamer")
    card = await owner.wait_for_message("dm", containing="A casino name to link")
    assert "$900.00" in card.text
    assert await stage.announced("A casino name to link") == []
    await bot.kill()
    await bot.again()
    await (await owner.click(card, "Approve")).settled()
    assert "18 tickets" in (await owner.see(card)).text

    named = await owner.slash_in("raffle", "raffle config set", {"name": "admin_channel_id", "value": "#announcements"})
    assert "<#" in (await named.answer()).text
    await stage.link("viewer2")
    await people.as_user("viewer2").slash("link shuffle", channel="raffle", username="second")
    other = await people.wait_for_message("announcements", containing="A casino name to link")
    refused = await (await viewer.click(other, "Approve")).answer()
    assert refused.ephemeral
    await (await mod.click(other, "Reject")).settled()

    async def decided() -> bool:
        seen = await mod.see(other)
        return "Rejected by" in seen.text and not seen.components

    await until(decided)
    feed.raise_("Roller", Decimal(1100))
    await polled.once_more()
    said = await people.wait_for_message("announcements", containing="for wagering", timeout=20)
    assert "22 tickets" in said.text
    assert "40" in (await stage.tickets("viewer1")).text


async def test_an_admin_sees_trouble_and_the_secret_stays_secret(stage: Stage, bot: Bot, polled: Feed) -> None:  # noqa: F811
    feed, people = stage.sandbox.affiliate, stage.discord
    await polled.once_more()
    feed.trouble = "html"
    for _ in range(4):
        await polled.once_more(minutes=70)
    told = await people.wait_for_message("announcements", containing="A wager feed has trouble")
    assert "web page" in told.text
    status = await (await people.as_user("streamer").slash("raffle wagers status", channel="raffle")).answer()
    assert "web page" in status.text
    secret = "5a4db0c5-0000-4000-8000-00000000d201"
    assert secret not in "".join(bot.log)
    assert secret not in str(await people.state())
    feed.trouble = ""
    stage.clock.turn(forward=timedelta(minutes=70))
    await people.wait_for_message("announcements", containing="works again", timeout=20)


async def test_every_new_command_answers_in_both_languages(stage: Stage, bot: Bot) -> None:  # noqa: F811
    """No key, no error and no refused message in anything that a member or an admin asks for."""
    people = stage.discord
    await stage.link("viewer1")
    await stage.give("viewer1", 30)
    await stage.give("viewer2", 300)
    owner = people.as_user("streamer")
    set_ = await owner.slash("raffle prizes", channel="raffle", items="$500 | a hood\u202eie")
    assert "a hoodie" in (await set_.answer()).text
    named = await owner.slash_in("raffle", "raffle config set", {"name": "admin_channel_id", "value": "#mods"})
    assert "<#" in (await named.answer()).text
    for locale in ("en", "ar"):
        changed = await owner.slash_in("raffle", "raffle config set", {"name": "locale", "value": locale})
        await changed.answer()
        for name in ("schedule", "odds", "prizes", "links", "wagers status", "stats", "export", "config show"):
            answer = await (await owner.slash(f"raffle {name}", channel="raffle")).answer()
            assert not re.search(r"\b(wagers|shuffle|schedule|odds|stats|claim|end|chart)\.[a-z_]+\b", answer.text), (
                name
            )
            assert "incident" not in answer.text, answer.text
            if name == "export":
                assert answer.attachments
            if name == "stats":
                chart = await people.file(answer.embeds[0]["image"]["url"])
                assert chart.startswith(b"\x89PNG")
    assert not await people.violations()


async def test_winners_of_two_prizes_claim_or_lose_their_place(stage: Stage, bot: Bot) -> None:  # noqa: F811
    people, owner = stage.discord, stage.discord.as_user("streamer")
    for name in ("viewer1", "viewer2", "viewer3"):
        await stage.give(name, 30)
    await (await owner.slash_in("raffle", "raffle config set", {"name": "claim_hours", "value": "24"})).answer()
    await (await owner.slash("raffle prizes", channel="raffle", items="first prize | second prize")).answer()
    await stage.draw(prize="")
    stage.clock.turn(forward=timedelta(seconds=20))
    said = await people.wait_for_message("announcements", containing="RAFFLE WINNERS", timeout=30)
    named = {name: said.text.find(stage.mention(name)) for name in ("viewer1", "viewer2", "viewer3")}
    (loser,) = (name for name, at in named.items() if at < 0)
    first, second = sorted((name for name in named if name != loser), key=lambda name: named[name])
    refused = await (await people.as_user(loser).click(said, "Claim")).answer()
    assert "Only a winner" in refused.text
    thanks = await (await people.as_user(second).click(said, "Claim")).answer()
    assert "second prize" in thanks.text
    stage.clock.turn(forward=timedelta(hours=25))
    passed_on = await people.wait_for_message("announcements", containing="Not claimed in time", timeout=30)
    assert stage.mention(first) in passed_on.text
    assert stage.mention(loser) in passed_on.text
    await (await people.as_user(loser).click(passed_on, "Claim")).answer()
    await people.wait_for_message("announcements", containing=f"{stage.mention(loser)} has claimed", timeout=20)
