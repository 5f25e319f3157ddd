"""Two hundred people at once, through the real gateway."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.e2e.giveaway.support import create
from tests.e2e.support import Bot, Stage
from tests.patience import until

CROWD = 200
EDIT = "/channels/{channel_id}/messages/{message_id}"


async def test_200_people_press_twice_at_once(stage: Stage, bot: Bot) -> None:
    await stage.discord.act("crowd", prefix="fan", count=CROWD)
    posted = await create(stage)
    people = [stage.discord.as_user(f"fan{number}") for number in range(1, CROWD + 1)]
    edits_before = len(await stage.discord.requests("PATCH", EDIT))
    began = stage.clock.now()
    presses = await asyncio.gather(*(one.click(posted, "Enter") for one in people for _ in (1, 2)))
    # Discord calls an interaction failed that was not answered within three seconds.
    answers = await asyncio.gather(*(press.answer() for press in presses))
    texts = [answer.text for answer in answers]
    assert sum("You are in!" in text for text in texts) == CROWD
    assert sum("You are in already" in text for text in texts) == CROWD
    assert all(answer.ephemeral for answer in answers)

    async def counted() -> bool:
        return f"👥 {CROWD} entrants" in (await people[0].see(posted)).text

    await until(counted, 30)
    took = stage.clock.now() - began
    edits = len(await stage.discord.requests("PATCH", EDIT)) - edits_before
    assert edits <= 1 + took / timedelta(seconds=5)
    listed = await (await people[0].click(posted, "Entrants")).answer()
    assert f"Page 1 of {CROWD // 10}" in listed.text
    turned = await people[0].click(listed, "Next ▶")
    await turned.settled()
    assert f"Page 2 of {CROWD // 10}" in (await people[0].see(listed)).text
    assert "1 entry of 200: 0.5% for the first prize" in listed.text
