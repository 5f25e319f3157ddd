"""The bot speaks Discord: everything that it sends during a raffle is as Discord's own description wants it."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.e2e.support import Bot, Stage
from tests.sandbox.discord.openapi import needs_openapi, validate_request

PREFIX = re.compile(r"^.*?/api/v10")


@needs_openapi
async def test_all_requests_of_a_raffle(stage: Stage, bot: Bot) -> None:
    viewer, owner = stage.discord.as_user("viewer1"), stage.discord.as_user("streamer")
    await stage.link("viewer1")
    await stage.kick.gift("viewer1", 2)
    await stage.discord.wait_for_message("announcements", containing="for gifting 2 subs")
    for command in ("tickets", "leaderboard", "raffle info", "raffle history", "help", "link status"):
        await (await viewer.slash(command, channel="raffle")).answer()
    for command in ("!tickets", "!lb", "!raffle", "!raffle stats", "!help", "!raffle config show"):
        said = await owner.say("raffle", command)
        await stage.discord.wait_for_message("raffle", after=said)
    await (await viewer.context("Tickets", "viewer2", channel="raffle")).answer()
    await viewer.autocomplete("help", "command", "raf", channel="raffle")
    await (await viewer.slash("raffle stats", channel="raffle")).answer()
    await stage.give("viewer2", 50, "A quiz")
    await stage.draw()
    stage.clock.turn(forward=timedelta(seconds=30))
    await stage.winner()
    asked = await (await owner.slash("raffle reroll", channel="raffle", reason="away")).answer()
    await owner.click(asked, "Reroll")
    await stage.discord.wait_for_message("announcements", containing="the next reserve wins")
    stage.clock.turn(forward=timedelta(seconds=30))
    asked = await (await owner.slash("raffle reset", channel="raffle")).answer()
    await owner.click(asked, "Cancel")
    await stage.discord.bot_permissions("announcements", take=("send_messages",))
    await stage.kick.gift("viewer1", 3)
    await owner.wait_for_message("dm", containing="I may not post")

    requests = await stage.discord.requests()
    assert len({(one["method"], one["template"]) for one in requests}) >= 7
    for one in requests:
        validate_request(one["method"], PREFIX.sub("", one["path"]), one["body"])
    assert await stage.discord.violations(status=400) == []
    refused = {one["status"] for one in await stage.discord.violations()}
    assert refused <= {403}
