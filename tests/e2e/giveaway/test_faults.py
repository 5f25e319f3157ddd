"""What vanishes or refuses while a giveaway runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import asyncpg

from sandbox.driver import Message
from tests.e2e.conftest import StartBot
from tests.e2e.giveaway.support import create, enter, press, preview, run_out, turned
from tests.e2e.giveaway.test_ends import one_true_result
from tests.e2e.support import Bot, Stage
from tests.patience import until


async def enter_while_locked(stage: Stage, posted: Message, database_url: str) -> None:
    """PostgreSQL takes its time: presses and commands are acknowledged, and answered when it is done."""
    postgres = await asyncpg.connect(database_url)
    async with postgres.transaction():
        await postgres.execute("LOCK giveaways, raffle_periods, giveaway_settings IN ACCESS EXCLUSIVE MODE")
        viewer = stage.discord.as_user("viewer1")
        waiting = [await viewer.click(posted, posted.buttons[0]), await viewer.slash("tickets", channel="raffle")]
        for outcome in waiting:
            assert (await outcome.state(timeout=10))["state"] == "answered"
    await postgres.close()

    async def entered() -> bool:
        return any("You are in" in one.text for one in await waiting[0].followups())

    await until(entered)
    assert "0 tickets" in (await waiting[1].answer()).text


async def test_the_message_and_the_host_are_gone(
    stage: Stage, bot: Bot, database_url: str, tmp_path: Path
) -> None:  # fmt: skip
    """The giveaway goes on, the host is told once, and even without the host it ends."""
    posted = await create(stage, "moderator")
    await enter_while_locked(stage, posted, database_url)
    await stage.discord.as_user("streamer").delete(posted)
    info = await (await stage.discord.as_user("viewer1").slash_in("giveaways", "giveaway info", {})).answer()
    assert info.field("Status") == "running"
    stage.clock.turn(forward=timedelta(minutes=30))
    await stage.discord.as_user("moderator").slash_in("giveaways", "giveaway pause", {})
    told = await stage.discord.as_user("moderator").wait_for_message("dm", containing="The message of **Nitro**")
    assert "those who are in stay in" in told.text
    resumed = await (await stage.discord.as_user("moderator").slash_in("giveaways", "giveaway resume", {})).answer()
    assert "goes on" in resumed.text
    await stage.discord.leave("moderator")
    await run_out(stage, timedelta(hours=2))
    await one_true_result(stage, tmp_path)


async def test_the_channel_is_gone(stage: Stage, bot: Bot) -> None:
    posted = await create(stage, "moderator")
    await enter(stage, posted, "viewer1")
    page = await preview(stage, "streamer")
    await stage.discord.delete(channel="giveaways")
    refused = await (await stage.discord.as_user("streamer").click(page, "Start")).answer()
    assert "That channel no longer exists." in refused.text
    await run_out(stage, timedelta(hours=1, seconds=5))
    told = await stage.discord.as_user("moderator").wait_for_message("dm", containing="the channel is gone", timeout=30)
    assert "The draw itself is not affected" in told.text
    letter = await stage.discord.as_user("viewer1").wait_for_message("dm", containing="You won **Nitro**", timeout=30)
    assert stage.mention("moderator") in letter.text


async def test_missing_permissions_are_named_before_the_start(stage: Stage, bot: Bot) -> None:
    owner = stage.discord.as_user("streamer")
    for missing in ("send_messages", "embed_links"):
        await stage.discord.bot_permissions("giveaways", take=(missing,))
        assert "I need the permissions View Channel" in (await preview(stage)).text
        await stage.discord.bot_permissions("giveaways", reset=(missing,))
    page = await preview(stage)
    form = await (await owner.select(page, "options", menu="Change something else …")).form()
    page = await turned(owner, page, await form.submit({"Role for the winners": ["Server Booster"]}))
    assert "I cannot give the role Server Booster" in page.text
    page = await press(owner, page, "Back")

    # Who may manage giveaways must not give out, through the bot, what they could not give themselves.
    theirs = await preview(stage, "moderator")
    moderator = stage.discord.as_user("moderator")
    form = await (await moderator.select(theirs, "options", menu="Change something else …")).form()
    theirs = await turned(moderator, theirs, await form.submit({"Role for the winners": ["VIP"]}))
    assert "You cannot give the role VIP yourself" in theirs.text

    # Allowed at the preview, forbidden at the start: said at once, and the page stays.
    await stage.discord.bot_permissions("giveaways", take=("send_messages",))
    refused = await (await owner.click(page, "Start")).answer()
    assert "I need the permissions View Channel" in refused.text
    await stage.discord.bot_permissions("giveaways", reset=("send_messages",))
    assert "has started" in (await press(owner, await owner.see(page), "Start")).text


async def test_an_entrant_leaves_and_another_loses_the_role(
    stage: Stage, start_bot: StartBot, tmp_path: Path
) -> None:  # fmt: skip
    """Everybody is checked again when the entry closes, and the record says why somebody is out.

    Discord has refused the list of members: it is asked for again, and nothing waits for it.
    """
    await stage.discord.fault("429", "GATEWAY REQUEST_GUILD_MEMBERS")
    bot = await start_bot()
    owner = stage.discord.as_user("streamer")
    page = await preview(stage)
    page = await turned(owner, page, await owner.select(page, "requirements", menu="Change something else …"))
    form = await (await owner.select(page, "any_role", menu="Add or change a requirement …")).form()
    page = await turned(owner, page, await form.submit({"Roles": ["VIP", "Level 10", "Server Booster"]}))
    await press(owner, await turned(owner, page, await owner.click(page, "Next")), "Start")
    posted = await stage.discord.wait_for_message("giveaways", containing="Nitro")
    await enter(stage, posted, "vip", "booster", "viewer3")
    await stage.discord.leave("viewer3")
    await stage.discord.roles("booster", remove=("Server Booster",))
    await run_out(stage, timedelta(hours=1, seconds=5))
    result = await one_true_result(stage, tmp_path)
    assert result.pinged == ["vip"]
    assert "2 entrants were left out" in result.text
    record = (await stage.discord.file(result.attachments[0]["url"])).decode()
    assert "left the server" in record
    assert "has none of the roles" in record

    async def asked_again() -> bool:
        return bool(bot.said("member_list_asked_again"))

    await until(asked_again)


async def test_without_the_members_intent(stage: Stage, start_bot: StartBot, tmp_path: Path) -> None:
    """Discord is asked for the entrants alone; who left is out all the same."""
    await stage.discord.forbid_intents("members")
    await start_bot()
    posted = await create(stage, roles="VIP 5")
    await enter(stage, posted, "vip", "viewer1")
    await stage.discord.leave("viewer1")
    await run_out(stage, timedelta(hours=1, seconds=5))
    result = await one_true_result(stage, tmp_path)
    assert result.pinged == ["vip"]
    assert "1 entrant was left out" in result.text


async def test_the_bot_is_removed_from_the_server(stage: Stage, bot: Bot) -> None:
    """Nothing is drawn in a server that the bot cannot see any more; it stands still, should the bot come back."""
    posted = await create(stage)
    await enter(stage, posted, "viewer1")
    await stage.discord.delete(guild="Sandbox Stream")

    async def noticed() -> bool:
        return bool(bot.said("guild_left"))

    await until(noticed)
    await run_out(stage, timedelta(hours=2))
    assert not bot.said("task_failed")
