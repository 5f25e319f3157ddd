"""The same raffle on the embedded server and on an ordinary PostgreSQL."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from sandbox.driver import Form, Message, Person
from tests.e2e.conftest import StartBot
from tests.e2e.support import Stage, run_bot, verify

ORDINARY = os.environ.get("DRUMROLL_TEST_POSTGRES")


async def short_story(stage: Stage, folder: Path) -> None:
    """From a link to a verified record."""
    await stage.link("viewer1")
    await stage.kick.gift("viewer1", 2)
    await stage.discord.wait_for_message("announcements", containing="earned 30 tickets for gifting 2 subs")
    assert "0 → **50**" in (await stage.give("viewer2", 50)).text
    await stage.draw()
    stage.clock.turn(forward=timedelta(seconds=30))
    winner = await stage.winner()
    record = await stage.discord.file(winner.attachments[0]["url"])
    assert (await verify(folder / "stranger", record))[0] == 0


@pytest.mark.skipif(not ORDINARY, reason="DRUMROLL_TEST_POSTGRES names no ordinary PostgreSQL")
async def test_an_ordinary_postgresql(stage: Stage, start_bot: StartBot, tmp_path: Path) -> None:
    """DRUMROLL_TEST_POSTGRES is the URL of a database whose user may create others."""
    assert ORDINARY is not None
    admin = await asyncpg.connect(ORDINARY)
    name = f"drumroll_{os.getpid()}"
    await admin.execute(f"CREATE DATABASE {name}")
    base, question, query = ORDINARY.partition("?")
    url = f"{base.rpartition('/')[0]}/{name}{question}{query}"
    try:
        bot = await start_bot(DATABASE_URL=url)
        await stage.kick_is_heard()
        await short_story(stage, tmp_path)
        code, said = await run_bot(tmp_path / "audit", {"DATABASE_URL": url}, "audit")
        assert (code, "all agree" in said) == (0, True)
        code, said = await run_bot(tmp_path / "migrate", {"DATABASE_URL": url}, "migrate")
        assert (code, "up to date" in said) == (0, True)
        assert await bot.stop() == 0
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def left_behind(owner: Person, question: Message, form: Form) -> None:
    """A question and a form from before a restart are answered, and what was typed is not lost."""
    await (await owner.click(question, "Draw now")).settled()
    dead = await owner.see(question)
    assert ("before my last restart" in dead.text, dead.buttons) == (True, [])
    given_back = await (await form.submit({"Prize": "A very long prize", "Duration or end": "1h"})).answer()
    assert given_back.ephemeral
    assert "A very long prize" in (given_back.field("Prize") or "")


async def test_the_embedded_server_outlives_a_kill(stage: Stage, start_bot: StartBot, tmp_path: Path) -> None:
    """Without DATABASE_URL: everything under .drumroll, also after a kill -9 of the bot."""
    bot = await start_bot(DATABASE_URL=None)
    await stage.kick_is_heard()
    await stage.give("viewer1", 50)
    owner, question = stage.discord.as_user("streamer"), await stage.ask_draw()
    form = await (await owner.slash_in("general", "giveaway create", {"channel": "giveaways"})).form()
    await bot.kill()
    await bot.again()
    await left_behind(owner, question, form)
    assert "**50 tickets**" in (await stage.tickets("viewer1")).text
    assert (bot.process.folder / ".drumroll" / "postgres").is_dir()
    assert [one.name for one in bot.process.folder.iterdir()] == [".drumroll"]

    # A second bot in the same folder would share the data: it says so and ends.
    for command in ("run", "audit"):
        code, said = await run_bot(bot.process.folder, {**stage.sandbox.environment(), "PORT": "0"}, command)
        assert (code, "is in use by process" in said, "Traceback" in said) == (2, True, False), said
    assert await bot.stop() == 0
    code, said = await run_bot(bot.process.folder, {}, "audit")
    assert (code, said.splitlines()[-1]) == (0, "1 balances, 1 ledger rows: all agree with the ledger.")
