"""Two PostgreSQL servers that change places under a bot: gifts go on, none is lost, none is paid twice."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from core import embedded_machine
from core.embedded_postgres import DATABASE, SUPERUSER, EmbeddedPostgres
from core.embedded_role import ROLE
from tests.e2e.conftest import StartBot, discord, sandbox, stage, start_bot  # noqa: F401 - fixtures
from tests.e2e.support import Stage
from tests.patience import until

pytestmark = [pytest.mark.failover, pytest.mark.timeout(240)]

GIFT_SECONDS = 0.2


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Server:
    """One of the two, reachable by TCP."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.embedded = EmbeddedPostgres(
            folder,
            {"listen_addresses": "127.0.0.1", "port": str(self.port), "wal_level": "replica", "max_wal_senders": "5",
             "hot_standby": "on", "wal_keep_size": "64MB"},
        )  # fmt: skip

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    async def ask(self, sql: str) -> object:
        connection = await asyncpg.connect(f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{DATABASE}")
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    def follow(self, other: Server) -> None:
        """From the next start on, stand by."""
        (self.cluster / "standby.signal").touch()
        with (self.cluster / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = 'host=127.0.0.1 port={other.port} user={SUPERUSER}'\n")


async def copied(source: Server, to: Server) -> None:
    """Make `to` a standby of `source`."""
    to.folder.mkdir(mode=0o700)
    program = embedded_machine.find_binaries() / "pg_basebackup"
    command = [str(program), "-D", str(to.cluster), "-R", "-X", "stream", "-c", "fast"]
    process = await asyncio.create_subprocess_exec(
        *command, "-h", "127.0.0.1", "-p", str(source.port), "-U", SUPERUSER, env=dict(os.environ)
    )
    assert await process.wait() == 0


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    """A primary, and a standby that has all of it before a COMMIT is answered."""
    one, two = Server(tmp_path / "one"), Server(tmp_path / "two")
    await one.embedded.start()
    try:
        await copied(one, two)
        await two.embedded.start()
        await one.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await one.ask("SELECT pg_reload_conf()")
        await until(lambda: one.ask("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"))
        yield one, two
    finally:
        await two.embedded.stop()
        await one.embedded.stop()


class Giving:
    """A gift each GIFT_SECONDS, until told to stop."""

    def __init__(self, stage: Stage) -> None:  # noqa: F811
        self._stage = stage
        self._task = asyncio.create_task(self._run())
        self.given = 0

    async def _run(self) -> None:
        while True:
            await self._stage.kick.gift("viewer1", [f"lucky_{self.given}"])
            self.given += 1
            await asyncio.sleep(GIFT_SECONDS)

    async def at_least(self, more: int) -> None:
        goal = self.given + more
        await until(lambda: self.given >= goal)

    async def stop(self) -> int:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        return self.given


def url_of(*servers: Server) -> str:
    return f"postgresql://{ROLE}@{','.join(f'127.0.0.1:{one.port}' for one in servers)}/{DATABASE}"


PAID = "SELECT count(*) FROM raffle_ticket_log WHERE source = 'gifted_sub'"
TWICE = "SELECT count(*) FROM (SELECT source_ref FROM raffle_ticket_log GROUP BY 1 HAVING count(*) > 1) AS twice"


async def gifts_go_on(stage: Stage) -> Giving:  # noqa: F811
    """From a linked viewer, to a bot that hears Kick."""
    await stage.kick_is_heard()
    await stage.link("viewer1")
    giving = Giving(stage)
    await giving.at_least(5)
    return giving


async def each_is_paid_once(given: int, server: Server) -> None:
    async def all_paid() -> bool:
        return await server.ask(PAID) == given

    await until(all_paid, 30)
    assert await server.ask(TWICE) == 0


async def test_the_primary_steps_down_stands_by_and_the_other_takes_over(
    stage: Stage, start_bot: StartBot, pair: tuple[Server, Server]  # noqa: F811
) -> None:  # fmt: skip
    """In between both are read-only: /ready says so, nothing is lost, and the process comes back by itself."""
    one, two = pair
    bot = await start_bot(DATABASE_URL=url_of(one, two))
    giving = await gifts_go_on(stage)

    await one.embedded.stop()
    one.follow(two)
    await one.embedded.start()

    async def not_ready() -> bool:
        return (await bot.get("/ready"))[0] == 503

    await until(not_ready)
    await giving.at_least(20)
    assert (await bot.get("/health"))[0] == 200
    await two.ask("SELECT pg_promote()")
    await bot.ready()
    await giving.at_least(5)
    await each_is_paid_once(await giving.stop(), two)
    assert bot.process.returncode is None
    assert not bot.said("Traceback")


async def test_the_primary_dies_and_the_standby_is_promoted(
    stage: Stage, start_bot: StartBot, pair: tuple[Server, Server]  # noqa: F811
) -> None:  # fmt: skip
    one, two = pair
    bot = await start_bot(DATABASE_URL=url_of(one, two))
    giving = await gifts_go_on(stage)
    assert one.embedded.pid is not None
    os.kill(one.embedded.pid, 9)
    await giving.at_least(10)
    await two.ask("SELECT pg_promote()")
    await bot.ready()
    await each_is_paid_once(await giving.stop(), two)
    assert bot.process.returncode is None
