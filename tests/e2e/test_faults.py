"""What goes wrong around the bot, what people see of it meanwhile, and that nothing is lost or said twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg

from core.embedded_postgres import EmbeddedPostgres
from sandbox.driver import Discord
from tests.e2e.conftest import StartBot
from tests.e2e.support import Bot, Stage, run_bot
from tests.patience import until

SEND = "POST /channels/{channel_id}/messages"
GIFTERS = ["kickera", "kickerb", "kickerc", "kickerd"]
VIEWERS = 3000
AWAY_SECONDS = 8.0


def gifter_in(text: str) -> str:
    return text.split("**")[1]


async def gift_texts(discord: Discord) -> list[str]:
    """The thanks for gifts in the announcement channel, in their order."""
    return [one.text for one in await discord.messages("announcements") if "gift" in one.text]


async def test_no_permission_to_announce(stage: Stage, bot: Bot) -> None:
    """The owner is told once; what was to be said is kept, and comes in order when it may."""
    owner = stage.discord.as_user("streamer")
    await stage.discord.bot_permissions("announcements", take=("send_messages",))
    for gifter in GIFTERS:
        await stage.kick.gift(gifter, 2)
    told = await owner.wait_for_message("dm", containing="I may not post")
    assert "of Sandbox Stream I need the permissions View Channel, Send Messages" in told.text
    assert "is kept and follows as soon as I may" in told.text

    async def blocked_again() -> bool:
        stage.clock.turn(forward=timedelta(seconds=61))
        await asyncio.sleep(0.5)
        return len(bot.said("outbox_blocked")) >= 3

    await until(blocked_again)
    waiting = (await bot.health())["outbox"]
    assert (waiting["waiting"], waiting["retrying"]) == (4, 1)
    assert await gift_texts(stage.discord) == []

    await stage.discord.bot_permissions("announcements", reset=("send_messages",))

    async def all_said() -> bool:
        return len(await gift_texts(stage.discord)) == 4

    await until(all_said)
    assert [gifter_in(text) for text in await gift_texts(stage.discord)] == GIFTERS
    dms = [one for one in await owner.messages("dm") if "I may not post" in one.text]
    assert len(dms) == 1


async def test_sends_that_fail_are_repeated_once_and_in_order(stage: Stage, bot: Bot) -> None:
    """429, 500 and a lost reply: every announcement stands there once, in the order of the facts."""
    await stage.discord.fault("429", SEND, count=2, seconds=0.1)
    await stage.discord.fault("500", SEND, count=1)
    await stage.discord.fault("lost", SEND, count=1)
    await stage.discord.fault("lost-500", SEND, count=1)
    for gifter in GIFTERS:
        await stage.kick.gift(gifter, 2)

    async def all_said() -> bool:
        stage.clock.turn(forward=timedelta(seconds=5))
        return len(await gift_texts(stage.discord)) >= 4

    await until(all_said, 40)
    assert [gifter_in(text) for text in await gift_texts(stage.discord)] == GIFTERS
    answers = [one["status"] for one in await stage.discord.requests("POST", "/channels/{channel_id}/messages")]
    assert {429, 500} <= set(answers)
    assert await stage.discord.violations(status=400) == []


async def test_the_gateway_closes_and_forgets(stage: Stage, bot: Bot) -> None:
    """A closed connection is resumed and what was missed arrives; an invalid session is begun anew."""
    viewer = stage.discord.as_user("viewer1")
    await stage.discord.close_gateway(4000)
    said = await viewer.say("raffle", "!tickets")
    await stage.discord.wait_for_message("raffle", containing="has **0 tickets**", after=said, timeout=20)
    assert not bot.said("task_failed")

    await stage.discord.gateway_down(1.0)
    await stage.discord.invalidate_sessions()

    async def answers() -> bool:
        asked = await viewer.slash("tickets", channel="raffle")
        return bool((await asked.state(3))["state"] == "answered")

    await until(answers, 40)
    assert (await bot.health())["tasks"]["discord"]["restarts"] == 0

    # Discord says that the token's session may not go on: the client is made anew, its commands still work.
    await stage.discord.close_gateway(4013)
    await until(answers, 40)
    said = await viewer.say("raffle", "!leaderboard")
    await stage.discord.wait_for_message("raffle", containing="Nobody has tickets yet", after=said)
    assert (await bot.health())["tasks"]["discord"]["restarts"] == 1


async def test_killed_in_the_middle_of_a_conversion(stage: Stage, start_bot: StartBot, database_url: str) -> None:
    """Many viewers are due, the transaction is open, and the process is gone: all are paid, and once."""
    bot = await start_bot()
    database = await asyncpg.connect(database_url)
    try:
        guild = await database.fetchval("SELECT guild_id FROM raffle_periods")
        await _fill(database, guild, await database.fetchval("SELECT id FROM raffle_periods"))
        async with database.transaction():
            # A lock that the conversion needs for its last row, so that it is caught in the act.
            await database.execute("LOCK TABLE raffle_tickets IN SHARE MODE")
            stage.clock.turn(forward=timedelta(hours=1))
            await until(lambda: _waits_for_lock(database))
            await bot.kill()
        assert await database.fetchval("SELECT count(*) FROM raffle_ticket_log") == 0
        await bot.again()

        async def paid() -> bool:
            return bool(await database.fetchval("SELECT count(*) FROM raffle_tickets") == VIEWERS)

        await until(paid)
        stage.clock.turn(forward=timedelta(hours=1))
        await stage.tickets("viewer1")
        assert await database.fetchval("SELECT count(*) FROM raffle_ticket_log") == VIEWERS
        assert await database.fetchval("SELECT sum(total_tickets) FROM raffle_tickets") == 10 * VIEWERS
    finally:
        await database.close()
    code, said = await run_bot(bot.process.folder, {"DATABASE_URL": database_url}, "audit")
    assert (code, said.splitlines()[-1]) == (
        0,
        f"{VIEWERS} balances, {VIEWERS} ledger rows: all agree with the ledger.",
    )


async def _fill(database: asyncpg.Connection[asyncpg.Record], guild: int, period: int) -> None:
    await database.execute(
        "INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at) "
        "SELECT $1, 100000000000000000 + n, 'many' || n, 'many' || n, n, now() FROM generate_series(1, $2) n",
        guild, VIEWERS,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO watchtime (guild_id, kick_user_id, kick_name, name_key, minutes, last_minute, active_until) "
        "SELECT $1, n, 'many' || n, 'many' || n, 65, now(), now() FROM generate_series(1, $2) n",
        guild, VIEWERS,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO watchtime_periods (guild_id, period_id, kick_user_id, minutes) "
        "SELECT $1, $2, n, 65 FROM generate_series(1, $3) n",
        guild, period, VIEWERS,
    )  # fmt: skip


async def _waits_for_lock(database: asyncpg.Connection[asyncpg.Record]) -> bool:
    waiting = await database.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return bool(waiting)


async def test_postgresql_is_away_under_load(stage: Stage, start_bot: StartBot, tmp_path: Path) -> None:
    """Chat, gifts and commands go on while the database is gone; the process stays, and pays all of it once."""
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = await server.start()
    try:
        bot = await start_bot(DATABASE_URL=url)
        await stage.kick_is_heard()
        await stage.link("viewer1")
        await stage.kick.go_live()
        await stage.kick.gift("viewer1", 1)
        await stage.discord.wait_for_message("announcements", containing="for gifting a sub")

        await server.stop()
        stage.kick.start_crowd(200, rounds=8, pause=AWAY_SECONDS / 8)
        viewer = stage.discord.as_user("viewer1")
        told = await (await viewer.slash("tickets", channel="raffle")).answer(20)
        assert told.text == (
            "The database cannot be reached at the moment. Nothing was changed; please try again in a minute."
        )
        for count in (2, 3):
            await stage.kick.gift("viewer1", count)
            await stage.kick.replay_last_gift()
        refused = await stage.give("viewer1", 5)
        assert "database cannot be reached" in refused.text
        await asyncio.sleep(AWAY_SECONDS / 2)
        health = await bot.health()
        assert (health["database"]["up"], health["discord"]["up"]) == (False, True)
        assert ((await bot.get("/ready"))[0], (await bot.get("/health"))[0]) == (503, 200)

        await server.start()
        await bot.ready()

        async def thanked() -> bool:
            """In the message of the gift before, where that was soon before; else in one of its own."""
            texts = await gift_texts(stage.discord)
            return len(texts) <= 2 and any(
                words in texts[-1] for words in ("90 tickets for gifting 6 subs", "75 tickets for gifting 5 subs")
            )

        await until(thanked, 30)

        async def counted() -> bool:
            stage.clock.turn(forward=timedelta(minutes=2))
            return (await stage.tickets("viewer1")).field("Gifted subs") == "90"

        await until(counted)
        assert bot.process.returncode is None
        assert not bot.said("Traceback"), "an outage is a warning, not an incident"
        code, said = await run_bot(bot.process.folder, {"DATABASE_URL": url}, "audit")
        assert (code, "all agree" in said) == (0, True)
        await bot.stop()
    finally:
        await server.stop()


async def test_the_beacon_and_kick_come_and_go(stage: Stage, bot: Bot) -> None:
    """A socket that is cut off and garbage in between: the next gift is heard all the same."""
    await stage.link("viewer1")
    await stage.kick.garbage(2)
    await stage.kick.drop(1.0, status=503)
    stage.clock.turn(forward=timedelta(seconds=30))

    async def heard() -> bool:
        return bool(stage.kick.state()["subscribed"])

    await until(heard, 30)
    await stage.kick.gift("viewer1", 2)
    await stage.discord.wait_for_message("announcements", containing="for gifting 2 subs")
    assert (await bot.health())["kick"]["state"] == "connected"
    assert not bot.said("Traceback")
