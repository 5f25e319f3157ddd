"""What an operator reads when something about the start is wrong: one line, and what to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot import main
from sandbox.app import Sandbox
from sandbox.bot_process import variable_names
from sandbox.driver import Failure
from tests.e2e.conftest import StartBot
from tests.e2e.support import Bot, Stage, run_bot
from tests.patience import until

_ROUND = timedelta(seconds=30)
TOKEN = "a.token.that-nobody-may-read"


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({}, "DISCORD_TOKEN is not set: the bot needs the token of its Discord application."),
        ({"PORT": "80a"}, "PORT='80a' cannot be used: it must be a port from 0 to 65535"),
        ({"PORT": "٣"}, "PORT='٣' cannot be used: it must be a port from 0 to 65535"),
        ({"BOT_TIMEZONE": "Mars/Phobos"}, "BOT_TIMEZONE='Mars/Phobos' cannot be used: it must be an IANA time zone"),
        ({"BOT_LOCALE": "fr"}, "BOT_LOCALE='fr' cannot be used: it must be en or ar"),
        (
            {"DATABASE_URL": "mysql://u:hunter2@h/d"},
            "DATABASE_URL=**** cannot be used (the address begins with mysql://)",
        ),
        (
            {"DATABASE_URL": "postgres://u:hunter2@h:x/d"},
            "DATABASE_URL=**** cannot be used (its host or port",
        ),
        ({"DISCORD_TOKEN": "two words"}, "DISCORD_TOKEN=**** cannot be used: it must be a bot token"),
        ({"GIFTED_SUB_TICKETS": "-1"}, "GIFTED_SUB_TICKETS='-1' cannot be used: it must be a whole number"),
        ({"DRAND_GENESIS": "5"}, "DRAND_CHAIN_HASH, DRAND_PUBLIC_KEY, DRAND_GENESIS and DRAND_PERIOD belong together"),
        ({"SANDBOX_CLOCK_SPEED": "60"}, "SANDBOX_CLOCK_SPEED=60.0 is refused: DISCORD_API_BASE must be a loopback"),
    ],
)
def test_one_line_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], line: str
) -> None:
    for name in variable_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("bot.load_dotenv", lambda: None)
    monkeypatch.setattr("bot.logs.configure", lambda level, secrets: None)
    for name, value in ({"DISCORD_TOKEN": TOKEN, **variables} if variables else {}).items():
        monkeypatch.setenv(name, value)
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert len(said.splitlines()) == 1
    assert "hunter2" not in said
    assert TOKEN not in said


async def test_the_process_says_the_line_and_ends(tmp_path: Path) -> None:
    code, said = await run_bot(tmp_path, {"DISCORD_TOKEN": TOKEN, "BOT_PREFIX": "a b"}, "run")
    assert (code, said) == (2, "BOT_PREFIX='a b' cannot be used: it must be 1 to 5 characters without spaces\n")


async def test_the_audit_of_what_is_not_there(tmp_path: Path, empty_database_url: str) -> None:
    code, said = await run_bot(tmp_path, {"DATABASE_URL": empty_database_url}, "audit")
    assert (code, said) == (
        2, "The database has no tables yet: start the bot once, or run `python bot.py migrate`.\n"
    )  # fmt: skip
    code, said = await run_bot(tmp_path, {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "audit")
    assert (code, said.startswith("PostgreSQL cannot be reached: "), len(said.splitlines())) == (2, True, 1)


async def test_a_misspelt_variable_is_named(start_bot: StartBot) -> None:
    """It cannot stop the start, because the machine sets many variables; it must not pass in silence either."""
    bot = await start_bot(ready=False, DISCORD_TOKEN=TOKEN, KICK_CHANEL="streamer", RAFFLE_TICKETS="5")
    await until(lambda: _said(bot, "KICK_CHANEL"))
    assert "KICK_CHANNEL" in bot.said("KICK_CHANEL")[0]


async def _said(bot: Bot, word: str) -> bool:
    return bool(bot.said(word))


async def test_a_refused_token_is_one_line(start_bot: StartBot) -> None:
    bot = await start_bot(ready=False, DISCORD_TOKEN=TOKEN)
    assert await bot.process.wait() == 2
    fatal = bot.said("ERROR")
    assert len(fatal) == 1, bot.log
    assert "DISCORD_TOKEN is refused by Discord" in fatal[0]
    assert not bot.said("Traceback")
    assert TOKEN not in "\n".join(bot.log)


async def test_a_port_that_is_taken_says_so(start_bot: StartBot, sandbox: Sandbox) -> None:
    """Two at once on one machine: the second one names the port, and is not killed by it."""
    bot = await start_bot(ready=False, PORT=str(sandbox.port))
    await until(lambda: _said(bot, "address already in use"))
    assert str(sandbox.port) in bot.said("address already in use")[0]


async def test_without_message_content_slash_commands_work(stage: Stage, start_bot: StartBot) -> None:
    """The application's flags say what is missing before the gateway could refuse it."""
    await stage.discord.forbid_intents("message_content")
    bot = await start_bot()
    (line,) = bot.said("intent_missing")
    assert "message_content" in line
    assert "prefix commands do not work; enable MESSAGE CONTENT INTENT" in line

    assert "**0 tickets**" in (await stage.tickets("viewer1")).text
    answer = await (await stage.discord.as_user("viewer1").slash("help", channel="raffle")).answer()
    assert "`/tickets" in answer.text
    assert "Write every command as `/name`" in answer.text
    assert "`!tickets" not in answer.text
    said = await stage.discord.as_user("viewer1").say("raffle", "!tickets")
    with pytest.raises(Failure):
        await stage.discord.wait_for_message("raffle", after=said, timeout=0.7)
    assert await stage.discord.violations() == []


async def test_without_members_a_draw_still_works(stage: Stage, start_bot: StartBot) -> None:
    await stage.discord.forbid_intents("members", "message_content")
    bot = await start_bot()
    assert len(bot.said("intent_missing")) == 2
    assert "draws cannot leave out members who left; enable SERVER MEMBERS INTENT" in "\n".join(bot.log)
    await stage.give("viewer1", 10)
    await stage.draw()
    stage.clock.turn(forward=_ROUND)
    assert (await stage.winner()).pinged == ["viewer1"]


async def test_the_gateway_refuses_intents(stage: Stage, start_bot: StartBot) -> None:
    """Switched off just after the flags were read: close code 4014, and the bot goes on with less."""
    await stage.discord.fault("slow", "GET /gateway/bot", skip=1, seconds=1.5)
    bot = await start_bot(ready=False)

    async def flags_are_read() -> bool:
        return len(await stage.discord.requests("GET", "/oauth2/applications/@me")) >= 2

    await until(flags_are_read)
    await stage.discord.forbid_intents("message_content")
    await bot.ready()
    assert len(bot.said("intents_refused")) == 1
    (line,) = bot.said("intent_missing")
    assert "MESSAGE CONTENT INTENT" in line
    assert not bot.said("Traceback")
    assert "**0 tickets**" in (await stage.tickets("viewer1")).text


async def test_the_flags_promise_too_much(stage: Stage, start_bot: StartBot) -> None:
    """Nothing says which intent is refused: the bot does without both, and says so."""
    await stage.discord.act("intents", missing=["members"], told=False)
    bot = await start_bot()
    assert len(bot.said("intents_refused")) == 2
    assert len(bot.said("intent_missing")) == 2
    assert "**0 tickets**" in (await stage.tickets("viewer1")).text


async def test_discord_down_at_the_start(stage: Stage, start_bot: StartBot) -> None:
    """Neither the API nor the gateway: the bot waits for both, its pages say so, and nobody starts it anew."""
    await stage.discord.fault("500", "GET /users/@me", count=20)
    await stage.discord.gateway_down(5)
    bot = await start_bot(ready=False)
    assert (await until(lambda: _health_when_leading(bot)))["discord"]["up"] is False
    assert (await bot.get("/ready"))[0] == 503
    assert (await bot.get("/health"))[0] == 200
    await stage.discord.act("no-faults")
    await bot.ready()
    assert "**0 tickets**" in (await stage.tickets("viewer1")).text


async def _health_when_leading(bot: Bot) -> dict[str, dict[str, object]]:
    health = await bot.health()
    return health if health.get("role") == "leader" else {}
