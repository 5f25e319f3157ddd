"""Gifts and links that people decide: buttons that outlive the process, names that become ids, a page that warns."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timedelta

import aiohttp
import asyncpg
from yarl import URL

from sandbox.app import HOST
from sandbox.kick.frames import viewer_id
from sandbox.kick.official import gifts_body
from tests.e2e.conftest import StartBot
from tests.e2e.support import Bot, Stage
from tests.patience import until

GIFTS = "channel.subscription.gifts"


async def _subscribed(stage: Stage) -> bool:
    return any(row["event"] == GIFTS for row in stage.kick.official.subscriptions)


async def _told_by_webhook_alone(stage: Stage, bot: Bot, gifter: str, count: int) -> None:
    """Kick's webhook tells of a gift that the socket never showed."""
    kick = stage.kick
    await until(lambda: _subscribed(stage))
    kick.official.webhook_url = f"http://{HOST}:{await bot.port()}/webhooks/kick"
    giftees = tuple(f"lucky_{count}_{number}" for number in range(count))
    body = gifts_body(kick.default, gifter, giftees, stage.clock.now())
    assert await kick.official.deliver(GIFTS, body) == 200


async def test_an_admin_decides_gifts_with_buttons_that_outlive_the_bot(
    stage: Stage, bot: Bot, database_url: str
) -> None:  # fmt: skip
    await stage.link("viewer1")
    owner, viewer = stage.discord.as_user("streamer"), stage.discord.as_user("viewer1")
    for count in (5, 2, 3):
        await _told_by_webhook_alone(stage, bot, "viewer1", count)

    async def waiting() -> list[str]:
        return (await (await owner.slash("raffle gifts", channel="raffle")).answer()).buttons

    await until(lambda: _has(waiting, 6))
    assert "**0 tickets**" in (await stage.tickets("viewer1")).text
    await owner.say("raffle", "!raffle gifts")
    page = await stage.discord.wait_for_message("raffle", containing="3 gifts wait")
    assert [label for label in page.buttons if label.startswith("Approve")] == [
        "Approve #1",
        "Approve #2",
        "Approve #3",
    ]

    await _heard_since(stage, database_url)
    await bot.kill()
    await bot.again()
    refused = await (await viewer.click(page, "Approve #1")).answer()
    assert refused.ephemeral
    assert "Manage Server" in refused.text

    approved = await (await owner.click(page, "Approve #1")).answer()
    assert f"Gift #1 is approved: {stage.mention('viewer1')} gets 75 tickets" in approved.text
    assert "2 gifts wait" in approved.text
    thanks = await stage.discord.wait_for_message("announcements", containing="for gifting 5 subs")
    assert "75 tickets" in thanks.text
    rejected = await (await owner.click(approved, "Reject #2")).answer()
    assert "Gift #2 is rejected." in rejected.text
    assert rejected.buttons == ["Approve #3", "Reject #3"]
    assert "**75 tickets**" in (await stage.tickets("viewer1")).text
    again = await (await owner.click(rejected, "Approve #3")).answer()
    assert "Nothing waits" in again.text
    assert again.buttons == []
    assert "**120 tickets**" in (await stage.tickets("viewer1")).text
    assert not bot.said("Traceback")


async def _heard_since(stage: Stage, database_url: str) -> None:
    """What came before the bot's last word on hearing Kick is of no gap."""
    database, now = await asyncpg.connect(database_url), stage.clock.now()
    stage.clock.turn(forward=timedelta(seconds=30))
    key = "SELECT value FROM process_state WHERE key = 'kick_heard'"

    async def heard() -> bool:
        noted: str | None = await database.fetchval(key)
        return noted is not None and datetime.fromisoformat(noted) > now

    await until(heard)
    await database.close()


async def _has(look: object, count: int) -> bool:
    assert callable(look)
    return len(await look()) == count


async def test_a_link_by_an_admin_has_its_id_at_once(stage: Stage, bot: Bot, database_url: str) -> None:
    stage.kick.add_person("NightOwl")
    owner = stage.discord.as_user("streamer")
    known = await (await owner.slash("raffle linkuser", channel="raffle", user="viewer2", kickname="NightOwl")).answer()
    assert "is linked to **NightOwl**" in known.text
    assert "have not seen" not in known.text
    unknown = await (
        await owner.slash("raffle linkuser", channel="raffle", user="viewer3", kickname="nobodyyet")
    ).answer()
    assert "have not seen" in unknown.text
    conn = await asyncpg.connect(database_url)
    try:
        rows = await conn.fetch("SELECT kick_name, kick_user_id FROM links ORDER BY kick_user_id NULLS FIRST")
    finally:
        await conn.close()
    assert [tuple(row) for row in rows] == [("nobodyyet", None), ("NightOwl", viewer_id("NightOwl"))]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


async def test_signing_in_names_the_discord_account_before_and_after(stage: Stage, start_bot: StartBot) -> None:
    port = _free_port()
    await start_bot(PORT=str(port), WEB_BASE_URL=f"http://{HOST}:{port}")
    await stage.kick_is_heard()
    stage.kick.official.oauth_user = "kickviewer1"
    answer = await (await stage.discord.as_user("viewer1").slash("link kick", channel="raffle")).answer()
    found = re.search(r"\((http[^)]+)\)", answer.text)
    assert found is not None
    url = URL(found.group(1))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(url) as page:
            text = await page.text()
        assert "the Discord account viewer1" in _plain(text)
        assert "the server Sandbox Stream" in _plain(text)
        form = {"state": url.query["state"]}
        async with browser.post(url.with_query(None), data=form) as page:
            text = await page.text()
    assert "Your Kick account kickviewer1 is now linked to the Discord account viewer1" in _plain(text)
    await stage.discord.wait_for_message("raffle", containing="Kick account **kickviewer1**")


def _plain(text: str) -> str:
    """Without the marks that keep names apart from the direction of the text."""
    return re.sub("[\u2066-\u2069]", "", text)
