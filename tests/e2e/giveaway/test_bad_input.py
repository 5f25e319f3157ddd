"""Every field wrong in turn, in the form and on the command line: a clear answer, and nothing typed is lost."""

from __future__ import annotations

from typing import Any

from tests.e2e.giveaway.support import enter, fill, press, preview, turned
from tests.e2e.support import Bot, Stage

LONG = "x" * 4000
FIELDS = {"Prize": "Nitro", "Duration or end": "1d", "Winners (1 to 50)": "2", "Description": "For all"}
WRONG = (
    ("Prize", "   ", "Name the prize."),
    ("Prize", LONG, "The prize is too long: at most 256 characters."),
    ("Duration or end", "abc", "“abc” is not a duration."),
    ("Duration or end", "1x", "“1x” is not a duration."),
    ("Duration or end", "0", "That is too short: at least 60 seconds."),
    ("Duration or end", "10 years", "That is too long: at most one year."),
    ("Duration or end", "2020-01-01 10:00", "That moment has passed already."),
    ("Winners (1 to 50)", "0", "must be a whole number from 1 to 50"),
    ("Winners (1 to 50)", "51", "must be a whole number from 1 to 50"),
    ("Winners (1 to 50)", "🎉", "must be a whole number from 1 to 50"),
    ("Description", LONG, "The description is too long: at most 1,000 characters."),
    ("Start (empty: now)", "yesterday", "is not a duration."),
)


async def test_every_field_of_the_form(stage: Stage, bot: Bot) -> None:
    owner = stage.discord.as_user("streamer")
    form = await (await owner.slash_in("general", "giveaway create", {"channel": "giveaways"})).form()
    page = await (await form.submit({**FIELDS, WRONG[0][0]: WRONG[0][1]})).answer()
    for (_name, _typed, said), following in zip(WRONG, [*WRONG[1:], None], strict=True):
        assert said in page.text.replace("\\", "")
        assert page.buttons == ["Back to the form"]
        form = await (await owner.click(page, "Back to the form")).form()
        assert stands_in(form.modal, "Description") in ("For all", LONG)
        values = dict(FIELDS) if following is None else {**FIELDS, following[0]: following[1]}
        page = await turned(owner, page, await form.submit({"Start (empty: now)": "", **values}))
    assert "Bonus entries for roles?" in page.text

    page = await press(owner, page, "Best role only")
    for points, said in (("0", "from 1 to 100"), ("101", "from 1 to 100"), ("1x", "from 1 to 100")):
        page = await fill(owner, page, "Add roles", {"Roles": ["VIP", "Level 10"], "Points for each of them": points})
        assert said in page.text
        form = await (await owner.click(page, "Back to the form")).form()
        assert stands_in(form.modal, "Points for each of them") == points
        assert len(stands_in(form.modal, "Roles")) == 2
        page = await turned(owner, page, await form.submit({"Points for each of them": points}))
        page = await press(owner, page, "Back")
    page = await fill(owner, page, "Add roles", {"Roles": ["VIP", "Level 10"], "Points for each of them": "٧"})
    assert "7 points" in page.text
    page = await fill(owner, page, "Mode and cap", {"Cap on a member's points (empty: none)": "0"})
    assert "The cap must be a whole number" in page.text
    page = await press(owner, page, "Back")
    page = await press(owner, page, "Next")
    form = await (await owner.select(page, "messages", menu="Add or change a requirement …")).form()
    page = await turned(owner, page, await form.submit({"At least": "-5", "Days": "7"}))
    assert "from 1 to 1,000,000" in page.text
    form = await (await owner.click(page, "Back to the form")).form()
    assert (stands_in(form.modal, "At least"), stands_in(form.modal, "Days")) == ("-5", "7")
    page = await turned(owner, page, await form.submit({"At least": "5"}))
    assert "Messages in the last 7 days: at least 5" in page.text
    page = await press(owner, page, "Next")

    form = await (await owner.select(page, "look", menu="Change something else …")).form()
    page = await turned(owner, page, await form.submit({"Colour": "blue"}))
    assert "six hexadecimal digits" in page.text
    for field, typed, said in (("Address of a large picture", "javascript:x", "needs an address"),
                               ("Emoji", "hello", "not a single emoji")):  # fmt: skip
        form = await (await owner.click(page, "Back to the form")).form()
        page = await turned(owner, page, await form.submit({"Colour": "F1B82D", field: typed}))
        assert said in page.text
        form = await (await owner.click(page, "Back to the form")).form()
        page = await turned(owner, page, await form.submit({"Colour": "F1B82D", field: "", "Emoji": "🔥!"}))
    page = await press(owner, page, "Back")
    assert "Start" in page.buttons

    await stage.discord.delete(role="VIP")
    page = await press(owner, page, "Start")
    assert "1 role no longer exists and was taken out" in page.text
    page = await press(owner, page, "Start")
    assert "has started" in page.text
    assert await stage.discord.violations(status=400) == []


def stands_in(modal: dict[str, Any], label: str) -> Any:
    """What a field of a form is filled with: a text, or the ids that are chosen."""
    for row in modal["components"]:
        if row.get("label") == label:
            field = row["component"]
            return field.get("value") or [one["id"] for one in field.get("default_values") or ()]
    raise KeyError(label)


async def test_on_the_command_line(stage: Stage, bot: Bot) -> None:
    """A wrong option is told, markup stays text, and who may not, may not."""
    by = ""
    for options, said in (
        ({"winners": "51"}, "whole number from 1 to 50"),
        ({"roles": "@Nobody 5"}, "There is no role “@Nobody” in this server."),
        ({"roles": "VIP"}, "cannot be read"),
        ({"roles": "VIP 101"}, "from 1 to 100"),
        ({"roles": "VIP 5, VIP 6"}, "A role stands there twice."),
        ({"duration": "59s"}, "at least 60 seconds"),
    ):
        by = "moderator" if by == "streamer" else "streamer"
        page = await preview(stage, by, **options)
        assert said in page.text.replace("\\", "").replace("\u200b", ""), page.text
        assert page.ephemeral
    denied = await preview(stage, "viewer1")
    assert "a role that manages giveaways" in denied.text

    await stage.discord.roles("vip", add=("Moderator",))
    typed = {"winners": "50", "mode": "highest", "roles": "@VIP 5, Server Booster 3"}
    page = await preview(stage, "vip", prize="@everyone **free** <@&1>", **typed)
    await press(stage.discord.as_user("vip"), page, "Start")
    posted = await stage.discord.wait_for_message("giveaways", containing="free")
    assert posted.pinged == []
    assert (await enter(stage, posted, "vip"))[0].text.count("6 entries of 6") == 1
