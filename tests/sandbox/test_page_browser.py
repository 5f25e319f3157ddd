"""The page in a real browser, with a bot that answers from a table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.driver import Discord
from tests.patience import FACTOR
from tests.sandbox import chromium
from tests.sandbox.scripted_bot import ScriptedBot, fields_of, options_of

pytestmark = pytest.mark.browser

EPHEMERAL = 64
MARKUP = "<img src=x onerror=alert(1)>"
COMMANDS: list[dict[str, Any]] = [
    {
        "name": "prize", "description": "Prizes", "type": 1, "options": [
            {
                "name": "add", "description": "Adds one", "type": 1, "options": [
                    {"name": "what", "description": "Its name", "type": 3, "required": True, "autocomplete": True},
                    {"name": "count", "description": "How many", "type": 4, "required": True, "min_value": 1},
                    {"name": "who", "description": "For whom", "type": 6},
                    {"name": "where", "description": "Where", "type": 7},
                    {"name": "size", "description": "Its size", "type": 3,
                     "choices": [{"name": "Large", "value": "l"}, {"name": "Small", "value": "s"}]},
                ],
            }
        ],
    },
    {"name": "form", "description": "Opens a form", "type": 1},
    {"name": "slow", "description": "Takes its time", "type": 1},
    {"name": "silent", "description": "Says nothing", "type": 1},
    {"name": "Look closer", "type": 2},
    {"name": "Mark", "type": 3},
]  # fmt: skip
FORM = {
    "custom_id": "the-form",
    "title": "A giveaway",
    "components": [
        {"type": 1, "components": [{"type": 4, "custom_id": "prize", "style": 1, "label": "Prize", "max_length": 20}]},
        {"type": 18, "label": "Details", "description": "Any length",
         "component": {"type": 4, "custom_id": "details", "style": 2, "required": False}},
        {"type": 18, "label": "Mode",
         "component": {"type": 21, "custom_id": "mode",
                       "options": [{"label": "Add up", "value": "sum"}, {"label": "Highest", "value": "max"}]}},
        {"type": 18, "label": "Roles",
         "component": {"type": 6, "custom_id": "roles", "min_values": 1, "max_values": 2}},
        {"type": 18, "label": "Ping them", "component": {"type": 23, "custom_id": "ping"}},
    ],
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "prize add": {"type": 4, "data": {"content": "Added", "flags": EPHEMERAL}},
    "complete prize add": {"type": 8, "data": {"choices": [{"name": "Nitro (a month)", "value": "nitro-1"}]}},
    "form": {"type": 9, "data": FORM},
    "the-form": {"type": 4, "data": {"content": "The form arrived"}},
    "Look closer": {"type": 4, "data": {"content": "Seen", "flags": EPHEMERAL}},
    "Mark": {"type": 4, "data": {"content": "Marked", "flags": EPHEMERAL}},
    "press": {"type": 7, "data": {"content": "Pressed", "components": []}},
    "choose": {"type": 4, "data": {"content": "Chosen", "flags": EPHEMERAL}},
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    found = Sandbox()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[ScriptedBot]:
    answers = {**ANSWERS, "slow": lambda _: {"type": 5, "then": {"content": "Done at last"}}}
    async with ScriptedBot(sandbox, answers) as one:
        await one.register(COMMANDS)
        yield one


@pytest.fixture
async def page(bot: ScriptedBot, tmp_path: Path) -> AsyncIterator[chromium.Page]:
    async with chromium.browser(tmp_path / "profile") as open_page:
        tab = await open_page()
        await tab.goto(bot.sandbox.url + "/")
        await tab.see("Nothing has been said here yet.")
        yield tab
        assert tab.errors == []


async def command(page: chromium.Page, text: str) -> None:
    await page.click("Message #raffle")
    await page.type(text)
    await page.press("Enter")


async def test_a_command_with_options_autocomplete_and_choices(page: chromium.Page, bot: ScriptedBot) -> None:
    await command(page, "/prize")
    await page.see("Adds one")
    await page.type("nit")
    await page.click("Nitro (a month)")
    await page.press("Enter")
    await page.see("count must be filled in.")
    await page.type("3")
    await page.evaluate(
        "[...document.querySelectorAll('.option-field select')].forEach((one) => (one.selectedIndex = 1))"
    )
    await page.press("Enter")
    await page.see("Only you can see this.")
    options = options_of(bot.last("prize add"))
    assert options == {
        "what": "nitro-1",
        "count": 3,
        "who": bot.world.bot_id,
        "where": next(one.id for one in bot.world.channels.values() if one.name == "general"),
        "size": "l",
    }
    await page.click("Dismiss")
    await page.until("!document.body.innerText.includes('Only you can see this.')", "the dismissed answer's end")


async def test_a_form_is_filled_in_and_held_to_its_limits(page: chromium.Page, bot: ScriptedBot) -> None:
    await command(page, "/form")
    await page.press("Enter")
    await page.see("A giveaway")
    await page.click("Submit")
    await page.see("Prize must be filled in.")
    await page.type("Nitro")
    await page.click("Submit")
    await page.see("Mode must be filled in.")
    await page.click("Highest")
    await page.click("Roles", exact=False)
    await page.click("@VIP", exact=True)
    await page.click("@Moderator", exact=True)
    await page.click("Submit")
    await page.see("The form arrived")
    roles = {one.name: one.id for one in bot.world.home.roles.values()}
    got = fields_of(bot.last("the-form"))
    assert set(got.pop("roles")) == {roles["VIP"], roles["Moderator"]}
    assert got == {"prize": "Nitro", "details": "", "mode": "max", "ping": False}


async def test_buttons_menus_and_edits_are_live(page: chromium.Page, bot: ScriptedBot) -> None:
    row = [{"type": 2, "style": 3, "label": "Enter", "custom_id": "press"}]
    menu = [
        {"type": 3, "custom_id": "choose", "options": [{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}]}
    ]
    await bot.say("raffle", {"content": "Join", "components": [{"type": 1, "components": one} for one in (row, menu)]})
    await page.click("Enter", exact=True)
    await page.see("Pressed")
    await page.see("(edited)")
    await bot.say("raffle", {"content": "Again", "components": [{"type": 1, "components": menu}]})
    await page.see("Again")
    await page.evaluate(
        "const one = document.querySelector('.menu select'); one.value = '2'; one.dispatchEvent(new Event('change'));"
    )
    await page.see("Chosen")
    assert bot.last("choose")["values"] == ["2"]


async def test_markdown_embeds_and_moments_are_shown_as_text_never_as_markup(
    page: chromium.Page, bot: ScriptedBot
) -> None:
    user = next(one.id for one in bot.world.users.values() if one.username == "viewer1")
    content = f"**bold** *slanted* ~~gone~~ `code` ||secret|| <@{user}> <t:1700000000:R> \\*plain\\* {MARKUP}"
    embed = {
        "title": "A title", "description": "# Big\n- one\n- two\n> said", "color": 0xF1C40F,
        "fields": [{"name": f"f{at}", "value": f"v{at}", "inline": True} for at in range(4)],
    }  # fmt: skip
    await bot.say("raffle", {"content": content, "embeds": [embed]})
    await page.see("A title")
    shown = "document.querySelector('.message .content')"
    styled = f"[...{shown}.querySelectorAll('strong, em, s, code')].map((one) => one.textContent)"
    assert await page.evaluate(styled) == ["bold", "slanted", "gone", "code"]
    text = await page.evaluate(f"{shown}.textContent")
    assert "@viewer1" in text
    assert "*plain*" in text
    assert MARKUP in text
    assert "ago" in text
    assert await page.evaluate("document.querySelectorAll('.message img').length") == 0
    spans = "[...document.querySelectorAll('.embed-field')].map((one) => one.className.match(/of-(.)/)[1])"
    assert await page.evaluate(spans) == ["3", "3", "3", "1"]
    assert await page.evaluate("document.querySelectorAll('.embed li').length") == 2


async def test_thinking_silence_and_refusals_are_told(page: chromium.Page, bot: ScriptedBot) -> None:
    await command(page, "/slow")
    await page.press("Enter")
    await page.see("Done at last")
    await command(page, "/silent")
    await page.press("Enter")
    await page.see("The application did not respond.")
    status, _ = await bot.say("raffle", {"content": "x" * 2001})
    assert status == 400
    await page.see("Discord would refuse this request of the bot")
    await page.see("2000")


async def test_context_menus_of_people_and_messages(page: chromium.Page, bot: ScriptedBot) -> None:
    async with Discord(f"{bot.sandbox.url}/discord", patience=FACTOR) as discord:
        await discord.as_user("viewer2").say("raffle", "hello there")
    await page.see("hello there")
    await page.click("viewer2", exact=True)
    await page.click("Apps: Look closer")
    await page.see("Seen")
    assert bot.last("Look closer")["target_id"] in bot.world.users
    await page.evaluate("document.querySelector('#messages .more').click()")
    await page.click("Apps: Mark")
    await page.see("Marked")
    assert "hello there" in str(bot.last("Mark")["resolved"]["messages"])


async def test_other_people_see_other_things_and_the_page_comes_back(page: chromium.Page, bot: ScriptedBot) -> None:
    assert "mods" not in await page.evaluate("document.querySelector('#channels').innerText")
    await page.click("You are")
    await page.click("Moderator @moderator")
    await page.until("document.querySelector('#channels').innerText.includes('mods')", "#mods")
    await page.write("Message #raffle", "good evening")
    await page.press("Enter")
    await page.see("good evening")
    async with Discord(f"{bot.sandbox.url}/discord", patience=FACTOR) as discord:
        assert [one.author for one in await discord.messages("raffle")] == ["moderator"]
    port, url = bot.sandbox.port, bot.sandbox.url
    await bot.sandbox.stop()
    await page.see("Trying again")
    page.errors.clear()
    bot.sandbox.port = 0
    again = Sandbox(bot.sandbox.clock, bot.sandbox.discord)
    await again.start(port)
    assert again.url == url
    try:
        await page.until("document.querySelector('#connection').hidden", "the connection")
        await page.see("good evening")
        page.errors.clear()
    finally:
        await page.goto("about:blank")
        await again.stop()


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
async def test_both_languages_fit_on_a_phone(bot: ScriptedBot, tmp_path: Path, language: str, direction: str) -> None:
    async with chromium.browser(tmp_path / "phone") as open_page:
        page = await open_page(390, 844, phone=True)
        await page.goto(bot.sandbox.url + "/")
        await page.evaluate(f"localStorage.setItem('drumroll.language', '\"{language}\"')")
        await page.goto(bot.sandbox.url + "/?again")
        await page.until(
            f"document.documentElement.dir === '{direction}' && !!document.querySelector('#who')", "the page"
        )
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        missing = (
            "[...document.querySelectorAll('button')].filter((one) => !one.textContent.trim() && !one.ariaLabel).length"
        )
        assert await page.evaluate(missing) == 0
        assert page.errors == []
