"""However a giveaway ends and however often the process dies: one announcement, one record, the same winners."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import asyncpg

from sandbox.beacon import RUNNING, delayed
from sandbox.driver import Message
from tests.e2e.conftest import StartBot
from tests.e2e.giveaway.support import create, enter, press, stale_press
from tests.e2e.support import Bot, Stage, verify
from tests.patience import until

SEND = "POST /channels/{channel_id}/messages"


async def results(stage: Stage, prize: str = "Nitro") -> list[Message]:
    found = await stage.discord.messages("giveaways")
    return [one for one in found if one.author == "drumroll" and f"won **{prize}**" in one.text]


async def one_true_result(stage: Stage, folder: Path, prize: str = "Nitro") -> Message:
    """The only announcement; its record is checked as a stranger would."""
    await stage.discord.wait_for_message("giveaways", containing=f"won **{prize}**", timeout=40)
    await asyncio.sleep(1.5)
    found = await results(stage, prize)
    assert len(found) == 1
    code, said = await verify(folder, await stage.discord.file(found[0].attachments[0]["url"]))
    assert code == 0, said
    return found[0]


async def record_of(stage: Stage, message: Message) -> dict[str, object]:
    found: dict[str, object] = json.loads(await stage.discord.file(message.attachments[0]["url"]))
    return found


async def test_by_hand(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    """From the message's menu; a second end finds it closed."""
    owner = stage.discord.as_user("streamer")
    posted = await create(stage)
    await enter(stage, posted, "viewer1", "viewer2", "viewer3")
    denied = await (await stage.discord.as_user("viewer1").context("End giveaway", posted)).answer()
    assert "a role that manages giveaways" in denied.text
    question = await (await owner.context("End giveaway", posted)).answer()
    other = await (await owner.context("End giveaway", posted)).answer()
    assert "The winners are drawn as soon as" in (await press(owner, question, "End it now")).text
    assert "closed already" in (await press(owner, other, "End it now")).text
    late = await stale_press(stage, posted, "vip")
    assert "This giveaway is over." in late.text
    result = await one_true_result(stage, tmp_path)
    assert len(result.pinged) == 1


async def test_after_a_restart_with_kills_in_between(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    """Killed before the end, after the freeze, and while the announcement is on its way."""
    stage.sandbox.beacon.mode = delayed(3600)
    posted = await create(stage, winners="2")
    await enter(stage, posted, "viewer1", "viewer2", "viewer3", "vip")
    await bot.kill()
    stage.clock.turn(forward=timedelta(hours=2))
    await bot.again()

    async def frozen() -> bool:
        return "Entry is closed" in (await stage.discord.as_user("streamer").see(posted)).text

    await until(frozen)
    digest = (await stage.discord.as_user("streamer").see(posted)).field("Entrant digest").strip("`")
    await bot.kill()
    assert await results(stage) == []

    # The first announcement reaches Discord, but the bot dies before it hears so.
    await stage.discord.fault("lost", SEND, count=1)
    stage.sandbox.beacon.mode = RUNNING
    await bot.again()
    await stage.discord.wait_for_message("giveaways", containing="won **Nitro**", timeout=40)
    await bot.kill()
    await bot.again()
    result = await one_true_result(stage, tmp_path)
    record = await record_of(stage, result)
    assert record["entrants_sha256"] == digest
    assert len(result.pinged) == 2
    assert "This ends late" in result.text
    over = await stage.discord.as_user("streamer").see(posted)
    assert over.buttons == []


async def test_50_overdue_at_a_restart(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    """Discord was away at their end, too."""
    owner = stage.discord.as_user("streamer")
    await stage.discord.act("crowd", prefix="host", count=17)
    for number in range(1, 18):
        await stage.discord.roles(f"host{number}", add=("Moderator",))
    first = await create(stage, prize="Prize 1", duration="1h")
    for number in range(2, 51):
        await create(stage, f"host{number % 17 + 1}", prize=f"Prize {number} of 50", duration="1h")
    await enter(stage, first, "viewer1")
    await bot.kill()
    stage.clock.turn(forward=timedelta(hours=3))
    await bot.again()

    async def all_over() -> bool:
        found = await owner.messages("giveaways")
        return sum("Nobody entered." in one.text and not one.buttons and "late" in one.text for one in found) == 49

    await until(all_over, 60)
    await one_true_result(stage, tmp_path, "Prize 1")


async def test_discord_is_down_at_the_end(stage: Stage, bot: Bot, database_url: str, tmp_path: Path) -> None:
    posted = await create(stage)
    await enter(stage, posted, "viewer1", "viewer2")
    await stage.discord.fault("500", "* /channels/*", count=100_000)
    stage.clock.turn(forward=timedelta(hours=1, seconds=30))

    database = await asyncpg.connect(database_url)
    try:
        await until(lambda: database.fetchval("SELECT count(*) FROM giveaway_winners"), 60)
        stage.clock.turn(forward=timedelta(minutes=20))
        tried = "SELECT min(attempts) FROM outbox WHERE delivered_at IS NULL"
        before = await database.fetchval(tried)

        async def tried_again() -> bool:
            """What was on its way when the clock was turned did not know yet how late it is."""
            return bool(await database.fetchval(tried) > before)

        await until(tried_again, 60)
    finally:
        await database.close()
    await stage.discord.heal()
    result = await one_true_result(stage, tmp_path)
    assert "This announcement comes late" in result.text


async def test_two_replicas(stage: Stage, start_bot: StartBot, tmp_path: Path) -> None:
    """The one that leads dies; the other answers the button that it never sent."""
    one = await start_bot(name="one")
    two = await start_bot(ready=False, name="two")
    posted = await create(stage)
    await enter(stage, posted, "viewer1")
    await one.kill()
    await two.ready()
    assert "You are in already" in (await enter(stage, posted, "viewer1"))[0].text
    assert "1 entry of 2: 50%" in (await enter(stage, posted, "viewer2"))[0].text
    stage.clock.turn(forward=timedelta(hours=1, seconds=5))
    await one_true_result(stage, tmp_path)
