"""One raffle from a Kick chat to a winner that anybody can check."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from sandbox.beacon import RUNNING, delayed
from sandbox.driver import Failure
from tests.e2e.support import CODE, Bot, Stage, verify
from tests.patience import until


async def stream(stage: Stage, database_url: str, hours: int, *chatters: str) -> None:
    """A live stream in fast motion, until everybody has so many hours: nobody earns more by an hour."""
    database = await asyncpg.connect(database_url)

    async def counted() -> bool:
        for name in chatters:
            await stage.kick.chat(name, "what a stream")
        await stage.clock.wait(5 * 60)
        enough = await database.fetchval("SELECT count(*) FROM watchtime WHERE minutes >= $1", hours * 60)
        return bool(enough == len(chatters))

    await stage.kick.go_live()
    stage.clock.turn(speed=1200)
    await until(counted, 30)
    stage.clock.turn(speed=1)
    await stage.kick.go_offline()
    await database.close()


async def test_a_viewer_earns_and_wins(stage: Stage, bot: Bot, database_url: str, tmp_path: Path) -> None:
    discord, viewer, owner = stage.discord, stage.discord.as_user("viewer1"), stage.discord.as_user("streamer")

    linked = await stage.link("viewer1")
    assert stage.mention("viewer1") in linked.text

    await stream(stage, database_url, 2, "viewer1", "viewer2")
    stage.clock.turn(forward=timedelta(hours=1))

    async def paid() -> bool:
        return (await stage.tickets("viewer1")).field("Chat time") == "20"

    await until(paid)

    await stage.kick.gift("viewer1", 3)
    await stage.kick.replay_last_gift()
    thanks = await discord.wait_for_message("announcements", containing="for gifting 3 subs")
    assert "45 tickets" in thanks.text
    await stage.kick.gift("viewer2", 2)
    await discord.wait_for_message("announcements", containing="30 tickets are waiting")

    caught_up = await stage.link("viewer2")
    assert "20 tickets" in caught_up.text
    assert "30 tickets" in caught_up.text

    page = await stage.tickets("viewer1")
    assert (page.field("Chat time"), page.field("Gifted subs")) == ("20", "45")
    await viewer.say("raffle", "!tickets")
    by_text = await discord.wait_for_message("raffle", containing="has **65 tickets**", after=page)
    assert by_text.field("Rank") == page.field("Rank") == "1 of 2"

    board = await (await viewer.slash("leaderboard", channel="raffle", top=10)).answer()
    assert board.text.index(stage.mention("viewer1")) < board.text.index(stage.mention("viewer2"))

    given = await stage.give("viewer3", 50, "Won the quiz")
    assert "0 → **50**" in given.text
    assert "Won the quiz" in given.text
    taken = await (
        await owner.slash("raffle remove", channel="raffle", user="viewer3", amount=20, reason="Spam")
    ).answer()
    assert "50 → **30**" in taken.text
    menu = await (await owner.context("Tickets", "viewer3", channel="raffle")).answer()
    assert menu.ephemeral
    assert "**30 tickets**" in menu.text

    question = await stage.ask_draw()
    assert "3 participants, 145 tickets" in question.text
    assert "still running: it ends now" in question.text
    refused = await (await viewer.click(question, "Draw now")).answer()
    assert refused.ephemeral
    assert refused.text == "Only the person who gave the command can press this."
    await owner.click(question, "Draw now")
    frozen = await discord.wait_for_message("announcements", containing="the entrants are final")
    assert (frozen.field("Entrants"), frozen.field("Tickets")) == ("3", "145")
    winner = await stage.winner()
    assert frozen.field("SHA-256").strip("`") in (await discord.file(winner.attachments[0]["url"])).decode()
    assert len(winner.pinged) == 1

    record = await discord.file(winner.attachments[0]["url"])
    code, said = await verify(tmp_path / "stranger", record)
    assert (code, json.loads(record)["total_tickets"]) == (0, 145), said
    status, page_ = await bot.get(f"/records/{json.loads(record)['draw_id']}.json")
    assert (status, page_) == (200, record)

    history = await (await viewer.slash("raffle history", channel="raffle")).answer()
    assert "$500 Cash" in history.text
    assert stage.mention(winner.pinged[0]) in history.text
    empty = await stage.tickets("viewer1")
    assert "**0 tickets**" in empty.text


async def test_killed_between_freeze_and_draw(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    """The bot dies while the round is awaited: the same round decides, and it is said once."""
    stage.sandbox.beacon.mode = delayed(3600)
    for name in ("viewer1", "viewer2", "viewer3"):
        await stage.give(name, 10)
        stage.clock.turn(forward=timedelta(seconds=15))
    frozen = await stage.draw()
    await bot.kill()

    stage.sandbox.beacon.mode = RUNNING
    stage.clock.turn(forward=timedelta(seconds=30))
    await bot.again()
    winner = await stage.winner()
    record = json.loads(await stage.discord.file(winner.attachments[0]["url"]))
    assert f"drand round {record['beacon']['round']}," in frozen.field("Public randomness")
    assert frozen.field("SHA-256") == f"`{record['entrants_sha256']}`"
    assert len(await stage.announced("the entrants are final")) == 1

    # A reroll is the next pick of the same sequence.
    owner = stage.discord.as_user("streamer")
    asked = await (await owner.slash("raffle reroll", channel="raffle", reason="no answer in 48 h")).answer()
    assert f"<@{record['picks'][0]['id']}> loses the prize" in asked.text
    await owner.click(asked, "Reroll")
    rerolled = await stage.discord.wait_for_message("announcements", containing="the next reserve wins")
    assert "no answer in 48 h" in rerolled.text
    after = await stage.discord.file(rerolled.attachments[0]["url"])
    assert (await verify(tmp_path / "stranger", after))[0] == 0
    now = json.loads(after)
    assert (now["seed"], now["picks"][0]) == (record["seed"], record["picks"][0])
    assert [stage.id_of(name) for name in rerolled.pinged] == [now["picks"][1]["id"]]
    assert len(await stage.announced("RAFFLE WINNER")) == 1


async def test_words_and_settings(stage: Stage, bot: Bot) -> None:
    """Languages, help, settings, permissions, reset and unlink."""
    viewer, owner = stage.discord.as_user("viewer1"), stage.discord.as_user("streamer")

    chosen = await (await viewer.slash("language", channel="raffle", language="ar")).answer()
    assert "العربية" in chosen.text
    arabic = await stage.tickets("viewer1")
    assert "تذاكر" in arabic.text or "تذكرة" in arabic.text
    assert "Rank" not in arabic.text

    help_ = await (await owner.slash("help", channel="raffle")).answer()
    assert help_.ephemeral
    for command in ("!tickets", "!leaderboard", "!raffle draw", "!link kick", "!unlink"):
        assert f"`{command}" in help_.text
    one = await (await owner.slash("help", channel="raffle", command="raffle give")).answer()
    assert "Gives bonus tickets" in one.text

    await stage.discord.as_user("vip").say("raffle", "!link kick")
    secret = await stage.discord.as_user("vip").wait_for_message("dm", containing="kick.com")
    found = CODE.search(secret.text)
    assert found is not None
    told = await stage.discord.wait_for_message("raffle", containing="direct messages")
    assert found.group() not in told.text

    denied = await (await viewer.slash("raffle give", channel="raffle", user="viewer1", amount=500)).answer()
    assert denied.ephemeral
    info = await (await viewer.slash("raffle info", channel="raffle")).answer()
    assert len(info.field("(").strip("`")) == 64

    changed = await (
        await owner.slash_in("raffle", "raffle config set", {"name": "gifted_sub_tickets", "value": "20"})
    ).answer()
    assert changed.text == "`gifted_sub_tickets` is now 20."
    bad = await (
        await owner.slash_in("raffle", "raffle config set", {"name": "gifted_sub_tickets", "value": "-3"})
    ).answer()
    assert "-3 does not fit gifted_sub_tickets" in bad.text.replace("\\", "").replace("`", "")
    stage.clock.turn(forward=timedelta(seconds=15))
    await stage.link("viewer2")
    await stage.kick.gift("viewer2", 2)
    await stage.discord.wait_for_message("announcements", containing="earned 40 tickets for gifting 2 subs")

    stats = await (await owner.slash("raffle stats", channel="raffle")).answer()
    assert stats.field("Messages") == "waiting: 0, closed channels: 0, not delivered in 30 days: 0"
    assert "• Gifted subs: 40" in stats.text

    asked = await (await owner.slash("raffle reset", channel="raffle")).answer()
    assert "1 participant and 40 tickets is set aside" in asked.text
    await owner.click(asked, "End it and start anew")
    await stage.discord.wait_for_message("announcements", containing="A new raffle has started")
    assert "**0 tickets**" in (await stage.tickets("viewer2")).text

    ended = await (await stage.discord.as_user("viewer2").slash("unlink", channel="raffle")).answer()
    assert "The link to **viewer2** is ended" in ended.text
    stage.clock.turn(forward=timedelta(seconds=15))
    again = await (await stage.discord.as_user("viewer2").slash("unlink", channel="raffle")).answer()
    assert again.text == "You are not linked to a Kick account."


async def test_an_ordinary_member_may_not_draw(stage: Stage, bot: Bot) -> None:
    await stage.give("viewer1", 10)
    answer = await (await stage.discord.as_user("viewer1").slash("raffle draw", channel="raffle")).answer()
    assert answer.text == "This needs the permission Manage Server, or the manager role."
    with pytest.raises(Failure):
        await stage.discord.wait_for_message("announcements", containing="final", timeout=0.5)
