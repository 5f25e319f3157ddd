"""What people get wrong, and what they read then."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from sandbox.beacon import RUNNING, delayed
from tests.e2e.support import Bot, Stage
from tests.patience import until

PAUSE = timedelta(seconds=15)


async def test_amounts_that_cannot_be(stage: Stage, bot: Bot) -> None:
    owner, moderator = stage.discord.as_user("streamer"), stage.discord.as_user("moderator")
    await stage.give("viewer1", 40, by="moderator")
    for by, amount, shown in (("streamer", 0, "0"), ("moderator", -5, "-5"), ("moderator", 10**12, "1000000000000")):
        refused = await stage.give("viewer1", amount, by=by)
        assert refused.ephemeral
        assert refused.text.replace("\\", "") == (
            f"{shown} is not a number of tickets: it must be from 1 to 1,000,000."
        )
    too_much = await (await owner.slash("raffle remove", channel="raffle", user="viewer1", amount=100)).answer()
    assert too_much.text == "That is more than there is: the balance is 40, you asked for 100."
    assert "**40 tickets**" in (await stage.tickets("viewer1")).text
    too_long = await stage.give("viewer1", 1, reason="x" * 1000)
    assert too_long.text.startswith("That is too long: at most")
    pinging = await stage.give("viewer1", 2, reason="@everyone <@&1> **bold**")
    assert pinging.pinged == []

    stage.clock.turn(forward=PAUSE)
    for text, told in (
        ("!raffle remove @viewer1 lots", "I could not read that."),
        ("!raffle remove @viewer1", "amount is missing."),
        ("!raffle remove nobody_at_all 5", "I know nobody called nobody"),
    ):
        await moderator.say("raffle", text)
        await stage.discord.wait_for_message("raffle", containing=told)

    # Three in ten seconds a member, of the commands that change something.
    assert "Not so fast: try again in" in (await stage.give("viewer2", 1)).text
    assert "**0 tickets**" in (await stage.tickets("viewer2")).text

    viewer = stage.discord.as_user("viewer1")
    for command in ("!tickets", "!raffle give @viewer1 5"):
        said = await viewer.say("dm", command)
        await viewer.wait_for_message("dm", containing="This works in a server only.", after=said)

    question = await stage.ask_draw()
    await owner.click(question, "Cancel")

    async def cancelled() -> bool:
        return (await owner.see(question)).text == "Cancelled. Nothing was changed."

    await until(cancelled)
    assert await stage.announced("final") == []
    assert not bot.said("Traceback")


async def test_a_member_who_left(stage: Stage, bot: Bot) -> None:
    moderator = stage.discord.as_user("moderator")
    await stage.give("viewer1", 10)
    await stage.give("viewer3", 30)
    gone = stage.id_of("viewer3")
    await stage.discord.leave("viewer3")
    stage.clock.turn(forward=PAUSE)

    await moderator.say("raffle", f"!raffle give {gone} 5")
    await stage.discord.wait_for_message("raffle", containing="viewer3 is not a member of this server.")
    await moderator.say("raffle", f"!raffle remove {gone} 3 tidying up")
    await stage.discord.wait_for_message("raffle", containing="30 → **27**")

    frozen = await stage.draw()
    assert frozen.field("Entrants") == "1"
    stage.clock.turn(forward=timedelta(seconds=30))
    winner = await stage.winner()
    assert winner.pinged == ["viewer1"]
    record = json.loads(await stage.discord.file(winner.attachments[0]["url"]))
    assert record["excluded"] == [{"id": gone, "reason": "left the server"}]


async def test_a_draw_with_nobody_in_it(stage: Stage, bot: Bot) -> None:
    refused = await stage.ask_draw()
    assert refused.ephemeral
    assert refused.text == "Nobody has tickets in raffle 1, so there is nothing to draw. Nothing was ended."
    info = await (await stage.discord.as_user("viewer1").slash("raffle info", channel="raffle")).answer()
    assert "(raffle 1)" in info.text

    # Everybody who has tickets leaves between the question and the button.
    await stage.give("viewer3", 30)
    question = await stage.ask_draw()
    await stage.discord.leave("viewer3")
    await stage.discord.as_user("streamer").click(question, "Draw now")
    owner = stage.discord.as_user("streamer")

    async def answered() -> bool:
        return "Nothing was ended." in (await owner.see(question)).text

    await until(answered)
    info = await (await stage.discord.as_user("viewer1").slash("raffle info", channel="raffle")).answer()
    assert "(raffle 1)" in info.text


async def test_two_admins_draw_at_the_same_moment(stage: Stage, bot: Bot) -> None:
    """One draw; the other admin reads why not. While it waits, it can be asked for again in vain."""
    stage.sandbox.beacon.mode = delayed(3600)
    await stage.give("viewer1", 10)
    first, second = stage.discord.as_user("streamer"), stage.discord.as_user("moderator")
    asked = [await stage.ask_draw("streamer", "A"), await stage.ask_draw("moderator", "B")]
    await asyncio.gather(first.click(asked[0], "Draw now"), second.click(asked[1], "Draw now"))

    async def both_know() -> list[str]:
        texts = sorted([(await first.see(asked[0])).text, (await second.see(asked[1])).text])
        return texts if not any("Draw the raffle?" in text for text in texts) else []

    texts = await until(both_know)
    assert texts == [
        "The entrants are frozen and published. The winner follows by itself.",
        "This raffle is being drawn already, or was drawn. Its result does not change.",
    ]
    stage.clock.turn(forward=PAUSE)
    again = await (await first.slash("raffle drawperiod", channel="raffle", number=1)).answer()
    assert "is being drawn already" in again.text
    assert "Nobody has tickets in raffle 2" in (await stage.ask_draw()).text
    assert (
        "There is no finished draw yet." in (await (await first.slash("raffle reroll", channel="raffle")).answer()).text
    )
    assert (
        "There is no raffle 99."
        in (await (await second.slash("raffle drawperiod", channel="raffle", number=99)).answer()).text
    )

    stage.clock.turn(forward=timedelta(seconds=90))
    waiting = await stage.discord.wait_for_message("announcements", containing="The draw waits")
    assert "goes on by itself with the same round" in waiting.text
    stage.sandbox.beacon.mode = RUNNING
    await stage.winner()
    assert len(await stage.announced("the entrants are final")) == 1
    assert len(await stage.announced("RAFFLE WINNER")) == 1
    assert len(await stage.announced("The draw waits")) == 1
