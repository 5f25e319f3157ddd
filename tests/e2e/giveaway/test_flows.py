"""A giveaway from the form to a record that anybody can check, as people do it in Discord."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tests.e2e.giveaway.support import fill, press, turned
from tests.e2e.support import Bot, Stage, verify
from tests.patience import until


async def test_from_the_form_to_the_record(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    discord, owner = stage.discord, stage.discord.as_user("streamer")

    form = await (await owner.slash_in("general", "giveaway create", {"channel": "giveaways"})).form()
    assert form.title == "Giveaway"
    page = await (await form.submit({"Prize": "Nitro", "Duration or end": "1d", "Winners (1 to 50)": "1"})).answer()
    assert page.ephemeral
    assert "Bonus entries for roles?" in page.text
    page = await press(owner, page, "Add up all roles")
    page = await fill(owner, page, "Add roles", {"Roles": ["VIP"], "Points for each of them": "10"})
    page = await fill(owner, page, "Add roles", {"Roles": ["Server Booster"], "Points for each of them": "5"})
    assert "10 points" in page.text
    assert "5 points" in page.text
    page = await press(owner, page, "Next")
    assert "Everybody may take part" in page.text
    form = await (await owner.select(page, "server_age", menu="Add or change a requirement …")).form()
    page = await turned(owner, page, await form.submit({"Days": "1"}))
    assert "In this server for at least 1 day" in page.text
    page = await press(owner, page, "Next")
    assert page.buttons == ["Start", "Edit", "Cancel"]
    page = await press(owner, page, "Start")
    assert "has started" in page.text

    posted = await discord.wait_for_message("giveaways", containing="Nitro")
    assert posted.buttons == ["Enter", "Entrants"]
    assert "commitment" in posted.text

    answers = {}
    for name in ("vip", "booster", "viewer1", "newcomer"):
        answers[name] = await (await discord.as_user(name).click(posted, "Enter")).answer()
        assert answers[name].ephemeral
    assert "11 entries of 11: 100% for the first prize" in answers["vip"].text
    assert "6 entries of 17: 35.3% for the first prize" in answers["booster"].text
    assert "1 entry of 18: 5.56% for the first prize" in answers["viewer1"].text
    assert "❌ In this server for at least 1 day" in answers["newcomer"].text

    again = await (await discord.as_user("viewer1").click(posted, "Enter")).answer()
    assert again.buttons == ["Leave the giveaway"]
    left = await press(discord.as_user("viewer1"), again, "Leave the giveaway")
    assert "You have left" in left.text

    async def counted() -> bool:
        return "👥 2 entrants" in (await owner.see(posted)).text

    await until(counted)
    listed = await (await owner.click(posted, "Entrants")).answer()
    assert "10 points, 11 entries, 64.7%" in listed.text

    stage.clock.turn(forward=timedelta(days=1, minutes=1))
    result = await discord.wait_for_message("giveaways", containing="won **Nitro**", timeout=30)
    assert len(result.pinged) == 1
    assert result.pinged[0] in ("vip", "booster")
    record = await discord.file(result.attachments[0]["url"])
    code, said = await verify(tmp_path / "stranger", record)
    assert code == 0, said
    assert json.loads(record)["total_tickets"] == 17
    over = await owner.see(posted)
    assert over.buttons == []
    assert "Ended" in over.text
    letter = await discord.as_user(result.pinged[0]).wait_for_message("dm", containing="You won **Nitro**")
    assert stage.mention("streamer") in letter.text
    assert await discord.violations(status=400) == []
