"""Everything that managers and members do around a giveaway, by commands and menus."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.driver import Message
from tests.e2e.giveaway.support import create, enter, press, preview, stale_press, turned
from tests.e2e.support import Bot, Stage, verify
from tests.patience import until


async def ask(stage: Stage, command: str, by: str = "streamer", **options: Any) -> Message:
    """A command in the giveaways' channel, and its answer."""
    outcome = await stage.discord.as_user(by).slash_in("giveaways", f"giveaway {command}", options)
    return await outcome.answer()


async def test_pause_edit_and_looking(stage: Stage, bot: Bot) -> None:
    owner = stage.discord.as_user("streamer")
    posted = await create(stage, roles="@VIP 5", description="For everybody")
    await enter(stage, posted, "vip", "viewer1")

    offered = await owner.autocomplete("giveaway pause", "giveaway", "nit", channel="giveaways")
    assert [one["name"].startswith("Nitro (running, ") for one in offered] == [True]
    paused = await ask(stage, "pause", giveaway=offered[0]["value"], reason="the prize is late")
    assert "time stands still" in paused.text
    assert "This giveaway is paused." in (await enter(stage, posted, "viewer2"))[0].text
    stage.clock.turn(forward=timedelta(hours=5))
    assert "goes on" in (await ask(stage, "resume")).text
    assert "You are in!" in (await enter(stage, posted, "viewer2"))[0].text

    page = await ask(stage, "edit", prize="Nitro for a year", winners="2")
    assert "Nitro for a year" in page.text
    assert page.buttons == ["Save", "Edit", "Cancel"]
    form = await (await owner.click(page, "Edit")).form()
    page = await turned(owner, page, await form.submit({"New end (empty: as it is)": "3h"}))
    assert "is changed" in (await press(owner, page, "Save")).text

    async def shown() -> bool:
        return "Nitro for a year" in (await owner.see(posted)).text

    await until(shown)
    info = await ask(stage, "info", by="viewer1")
    assert info.field("Status") == "running"
    assert info.field("Entries") == "3 entrants, all entries together: 8"
    assert len(info.field("Commitment").strip("`")) == 64
    entries = await ask(stage, "entries", by="viewer1")
    assert "5 points, 6 entries, 75% (any prize: 96.4%)" in entries.text
    assert "**You:** 1 entry of 8: 12.5% for the first prize" in entries.text
    table = await (await owner.slash_in("giveaways", "giveaway entries", {"csv": True})).answer()
    assert table.attachments, table.text
    rows = list(csv.DictReader(io.StringIO((await stage.discord.file(table.attachments[0]["url"])).decode())))
    assert {row["user_id"]: row["entries"] for row in rows}[stage.id_of("vip")] == "6"
    stage.clock.turn(forward=timedelta(seconds=15))
    assert "a role that manages" in (await ask(stage, "entries", by="viewer1", csv=True)).text
    listed = await ask(stage, "list", by="viewer1")
    assert "Nitro for a year" in listed.text
    assert "There are none." in (await ask(stage, "list", by="viewer2", which="ended")).text
    assert "There is no such giveaway" in (await ask(stage, "info", giveaway="999999")).text
    picture = await ask(stage, "chart", by="viewer1")
    assert (await stage.discord.file(picture.embeds[0]["image"]["url"])).startswith(b"\x89PNG")
    stats = await ask(stage, "stats", by="viewer1")
    assert stats.field("Running") == "1"
    mine = await ask(stage, "stats", by="viewer2", user="viewer1")
    assert mine.field("Entered") == "1"
    assert "5 points, 6 entries" in (await ask(stage, "leaderboard", by="viewer1")).text

    question = await ask(stage, "cancel", reason="sold out")
    await owner.click(question, "Cancel the giveaway")

    async def gone() -> bool:
        seen = await owner.see(posted)
        return "Cancelled" in seen.text and "sold out" in seen.text and not seen.buttons

    await until(gone)
    assert "This giveaway was cancelled." in (await stale_press(stage, posted, "viewer3")).text
    assert await stage.discord.violations(status=400) == []


async def test_claims_rerolls_and_the_winners_role(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    """The winner has an hour; the reserve takes over, claims from the direct message; the host rerolls once more."""
    owner, discord = stage.discord.as_user("streamer"), stage.discord
    set_ = await ask(stage, "config set", claim_hours=1, winner_role="Level 10", log_channel="mods")
    assert set_.field("Hours to claim") == "1"
    page = await preview(stage)
    assert "Winners have 1 hour to claim" in page.text
    posted = await create(stage, prize="Skin")
    await enter(stage, posted, "viewer1", "viewer2", "vip", "booster")
    assert "The winners are drawn" in (await ask(stage, "end", reason="early")).text
    first = await discord.wait_for_message("giveaways", containing="won **Skin**", timeout=30)
    record = json.loads(await discord.file(first.attachments[0]["url"]))
    order = [name_of(stage, pick["id"]) for pick in record["picks"]]
    assert first.pinged == [order[0]]

    stage.clock.turn(forward=timedelta(hours=1, minutes=1))
    second = await discord.wait_for_message("giveaways", containing="did not claim the prize in time", timeout=30)
    after = await discord.file(second.attachments[0]["url"])
    order = [name_of(stage, pick["id"]) for pick in json.loads(after)["picks"]]
    assert second.pinged == [order[1]]
    letter = await discord.as_user(order[1]).wait_for_message("dm", containing="You won **Skin**")
    claimed = await (await discord.as_user(order[1]).click(letter, "Claim the prize")).answer()
    assert "You have claimed **Skin**" in claimed.text
    other = await (await discord.as_user(order[0]).click(second, "Claim the prize")).answer()
    assert "gone to somebody else" in other.text

    async def has_role() -> bool:
        members = next(iter(stage.sandbox.discord.guilds.values())).members
        named = {role.name: role.id for role in next(iter(stage.sandbox.discord.guilds.values())).roles.values()}
        held = [named["Level 10"] in members[stage.id_of(name)].roles for name in order[:2]]
        return held == [False, True]

    await until(has_role)

    question = await (await owner.context("Reroll giveaway", posted)).answer()
    form = await (await owner.select(question, stage.id_of(order[1]))).form()
    assert "Done" in (await turned(owner, question, await form.submit({"Reason": "moved away"}))).text
    third = await discord.wait_for_message("giveaways", containing="moved away", timeout=20)
    assert (await verify(tmp_path / "v", await discord.file(third.attachments[0]["url"])))[0] == 0
    order = [name_of(stage, one["id"]) for one in (await record_of(stage))["picks"]]
    assert third.pinged == [order[2]]
    last = await ask(stage, "reroll", winner=order[2], disqualify=True, reason="second account")
    assert "Done" in last.text
    stage.clock.turn(forward=timedelta(seconds=15))
    none = await ask(stage, "reroll", count=1)
    assert "reserve" in none.text
    log = [one.text for one in await discord.messages("mods", as_user="streamer")]
    assert any("moved away" in text and stage.mention("streamer") in text for text in log)
    assert await stage.discord.violations(status=400) == []


async def record_of(stage: Stage) -> Any:
    answer = await ask(stage, "export", by="viewer1")
    return json.loads(await stage.discord.file(answer.attachments[0]["url"]))


def name_of(stage: Stage, user_id: str) -> str:
    return stage.sandbox.discord.users[user_id].username


async def no_manager_any_more(stage: Stage, number: str) -> None:
    """What is open when somebody loses the role does not outlive it: the right is asked at the press."""
    vip = stage.discord.as_user("vip")
    open_preview = await preview(stage, "vip", prize="Not any more")
    question = await ask(stage, "cancel", by="vip", giveaway=number)
    await stage.discord.roles("vip", remove=("VIP",))
    refused = await (await vip.click(open_preview, "Start")).answer()
    assert "manages giveaways" in refused.text
    assert "manages giveaways" in (await press(vip, question, "Cancel the giveaway")).text
    running = await ask(stage, "list", by="viewer1")
    assert ("Not any more" in running.text, f"`{number}`" in running.text) == (False, True)


async def test_what_a_server_sets_up(stage: Stage, bot: Bot) -> None:
    """Managers, tiers, presets, boosts, templates, blacklist."""
    owner, moderator = stage.discord.as_user("streamer"), stage.discord.as_user("vip")
    assert "manages giveaways" in (await ask(stage, "tier set", by="vip", name="Gold", points=20)).text
    assert "Done." in (await ask(stage, "config manager", role="VIP")).text
    assert "Gold stands for 20 points" in (await ask(stage, "tier set", by="vip", name="Gold", points=20)).text
    assert "manager role" in (await ask(stage, "config manager", by="vip", role="VIP")).text
    saved = await ask(stage, "preset save", by="vip", name="Fans", roles="@VIP Gold, @Server Booster 3", mode="highest")
    assert "Fans" in saved.text
    assert "20" in (await ask(stage, "preset list", by="vip")).text
    boosted = await ask(stage, "boost add", by="vip", factor=2, until="2d", role="VIP")
    assert "×2" in boosted.text

    form = await (await moderator.slash_in("giveaways", "giveaway template create", {"name": "Weekly"})).form()
    page = await (await form.submit({"Prize": "Gift card", "Duration or end": "2h"})).answer()
    page = await turned(moderator, page, await moderator.select(page, "Fans", menu="Take a saved set …"))
    assert "(Gold)" in page.text
    page = await press(moderator, page, "Next")
    page = await turned(moderator, page, await moderator.select(page, "boosting", menu="Add or change a requirement …"))
    form = await (await moderator.click(page, "Exempt roles")).form()
    page = await turned(moderator, page, await form.submit({"Roles of which nothing is asked": ["VIP"]}))
    page = await press(moderator, page, "Next")
    page = await press(moderator, page, "Save")
    assert "The template Weekly is saved" in page.text
    assert "favourite" in (await ask(stage, "template favourite", by="vip", template="Weekly")).text
    assert "New giveaways start from Weekly" in (await ask(stage, "template default", by="vip", template="Weekly")).text
    listed = await ask(stage, "template list", by="vip")
    assert "⭐ 📌 **Weekly**: Gift card, 2h, used 0×" in listed.text
    page = await (
        await moderator.slash_in("giveaways", "giveaway template use", {"template": "Weekly", "channel": "giveaways"})
    ).answer()
    form = await (await moderator.select(page, "options", menu="Change something else …")).form()
    page = await turned(moderator, page, await form.submit({"Repeat": "weekly"}))
    await press(moderator, page, "Start")
    posted = await stage.discord.wait_for_message("giveaways", containing="Gift card")
    assert "×2" in posted.text
    answers = await enter(stage, posted, "vip", "booster", "viewer1")
    assert "41 entries of 41" in answers[0].text
    assert "4 entries of 45" in answers[1].text
    assert "❌ Boosting this server" in answers[2].text

    await ask(stage, "blacklist add", by="vip", user="booster")
    assert stage.mention("booster") in (await ask(stage, "blacklist list", by="vip")).text
    refused = await (await stage.discord.as_user("booster").click(posted, "Enter")).answer()
    assert "cannot take part" in refused.text
    assert refused.buttons == ["Leave the giveaway"]
    planned = await ask(stage, "list", by="viewer1", which="scheduled")
    assert "Gift card" in planned.text
    number = planned.text.split("`")[1]
    assert "has started" in (await ask(stage, "start", by="vip", giveaway=number)).text
    assert "Template" not in (await ask(stage, "template save", by="vip", name="Again", giveaway=number)).text
    assert "deleted" in (await ask(stage, "template delete", by="vip", template="Again")).text
    await ask(stage, "blacklist remove", by="vip", user="booster")
    removed = await ask(stage, "config clear", setting="ping_role")
    assert removed.field("Most unfinished") == "100"
    defaults = await ask(stage, "config defaults", roles="@Level 10 2", cap=10)
    assert "At most 10 points" in defaults.field("Bonus entries")
    help_ = await (await owner.slash("help", channel="giveaways")).answer()
    assert "`!giveaway template use`" in help_.text
    page = await turned(owner, help_, await owner.select(help_, "🎉 Giveaways"))
    assert "Keeps a member or role out of giveaways" in page.text
    assert await stage.discord.violations(status=400) == []
    await no_manager_any_more(stage, number)


async def test_by_prefix_command(stage: Stage, bot: Bot) -> None:
    owner = stage.discord.as_user("streamer")
    channel = next(one.id for one in stage.sandbox.discord.channels.values() if one.name == "giveaways")
    await owner.say("general", f'!giveaway create <#{channel}> "A mug" 2h 1 "By post" highest "VIP 5"')
    page = await stage.discord.wait_for_message("general", containing="A mug")
    await press(owner, page, "Start")
    posted = await stage.discord.wait_for_message("giveaways", containing="A mug")
    assert "You are in!" in (await enter(stage, posted, "viewer1"))[0].text
    await owner.say("general", f"!giveaway create <#{channel}>")
    page = await stage.discord.wait_for_message("general", containing="Press the button to fill in")
    form = await (await owner.click(page, "Open the form")).form()
    page = await turned(owner, page, await form.submit({"Prize": "Hat", "Duration or end": "1d"}))
    assert "Bonus entries for roles?" in page.text
    said = await owner.say("giveaways", "!giveaway end")
    await stage.discord.wait_for_message("giveaways", containing="is closed. The winners are drawn", after=said)
    await stage.discord.wait_for_message("giveaways", containing="won **A mug**", timeout=30)
