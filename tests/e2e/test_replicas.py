"""Two processes on one database, as every deploy has them for a moment."""

from __future__ import annotations

import asyncpg
import pytest

from core.supervisor import LEADER_LOCK
from tests.e2e.conftest import StartBot
from tests.e2e.support import Bot, Stage
from tests.patience import until


async def role(bot: Bot) -> str:
    return str((await bot.health()).get("role"))


async def split(*bots: Bot) -> tuple[Bot, Bot]:
    """(the one that leads, the one that stands by), once it is decided."""

    async def decided() -> bool:
        return sorted([await role(bot) for bot in bots]) == ["leader", "standby"]

    await until(decided)
    first, second = bots
    return (first, second) if await leads(first) else (second, first)


async def leads(bot: Bot) -> bool:
    return await role(bot) == "leader"


async def test_two_start_at_once_on_an_empty_database(
    empty_database_url: str, stage: Stage, start_bot: StartBot
) -> None:
    one = await start_bot(ready=False, name="one", DATABASE_URL=empty_database_url)
    two = await start_bot(ready=False, name="two", DATABASE_URL=empty_database_url)
    leader, standby = await split(one, two)
    await leader.ready()
    assert (await standby.get("/health"))[0] == 200
    assert (await standby.get("/ready"))[0] == 503
    health = await standby.health()
    assert (health["database"]["up"], health["discord"]["up"]) == (True, False)
    await until(lambda: _subscribed(standby))
    await stage.link("viewer1")

    # Both hear the gift, the ledger has it once.
    await stage.kick.gift("viewer1", 2)
    await stage.discord.wait_for_message("announcements", containing="for gifting 2 subs")

    await leader.kill()
    await until(lambda: leads(standby), 5)
    await standby.ready()
    assert "**30 tickets**" in (await stage.tickets("viewer1")).text
    assert len(await stage.announced("for gifting 2 subs")) == 1

    # The next deploy: the new one stands by, the old one is asked to go.
    three = await start_bot(ready=False, name="three", DATABASE_URL=empty_database_url)
    await until(lambda: _is(three, "standby"))
    assert await standby.stop() == 0
    await until(lambda: leads(three), 5)
    await three.ready()
    assert "**30 tickets**" in (await stage.tickets("viewer1")).text
    assert await three.stop() == 0
    for bot in (one, two, three):
        assert not bot.said("Traceback")
        assert not bot.said("task_did_not_stop")


async def _is(bot: Bot, wanted: str) -> bool:
    return await role(bot) == wanted


async def _subscribed(bot: Bot) -> bool:
    return bool((await bot.health())["kick"].get("state") == "connected")


@pytest.mark.parametrize("with_standby", [False, True])
async def test_the_lock_is_taken_away(stage: Stage, start_bot: StartBot, database_url: str, with_standby: bool) -> None:
    """The lock's connection ends: the leader takes it back, or makes way for who was faster."""
    leader = await start_bot(name="one")
    standby = await start_bot(ready=False, name="two") if with_standby else None
    if standby is not None:
        await until(lambda: _is(standby, "standby"))
    await _end_the_locks_connection(database_url)
    if standby is None:
        await until(lambda: _logged(leader, "leader_lock_retaken"))
        await leader.ready()
    else:
        await until(lambda: _one_leads(leader, standby))
        winner = leader if leader.process.returncode is None else standby
        await winner.ready()
    assert "**0 tickets**" in (await stage.tickets("viewer1")).text


async def _end_the_locks_connection(url: str) -> None:
    database = await asyncpg.connect(url)
    try:
        ended = await database.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND objid = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            LEADER_LOCK,
        )
    finally:
        await database.close()
    assert ended == 1


async def _logged(bot: Bot, word: str) -> bool:
    return bool(bot.said(word))


async def _one_leads(leader: Bot, standby: Bot) -> bool:
    """Either the old leader has the lock again, or it ended with a reason and the other one leads."""
    if leader.said("leader_lock_retaken"):
        return await _is(standby, "standby")
    ended = leader.process.returncode == 1 and bool(leader.said("another process took the lead"))
    return ended and await leads(standby)
