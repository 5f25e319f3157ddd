"""The embedded server's life: started, stopped, orphaned, killed and shared."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from core import embedded_launch, embedded_machine, embedded_postgres
from core.embedded_postgres import EmbeddedInUse, EmbeddedPostgres, EmbeddedUnavailable
from tests.core.embedded_support import (
    Owner,
    alive,
    family,
    left_over,
    on_linux,
    postmaster,
    query,
    recall,
    remember,
    shared_memory,
    sleeper,
)
from tests.patience import until


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    owner = Owner(tmp_path / "data")
    yield owner
    owner.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data", settings={"fsync": "off"})
    yield server
    await server.stop()


@on_linux
async def test_stopping_leaves_the_data_and_nothing_else(server: EmbeddedPostgres) -> None:
    await remember(await server.start())
    processes, memory = family(postmaster(server.data_dir)), shared_memory(server.data_dir)
    assert len(processes) > 3
    assert len(left_over(memory)) >= 2

    await server.stop()

    assert not any(map(alive, processes))
    assert left_over(memory) == []
    assert server.pid is None
    assert await recall(await server.start()) == 42


async def test_data_is_flushed_and_time_is_utc_unless_told_otherwise(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", settings={"work_mem": "7MB"})
    url = await server.start()
    try:
        wanted = {
            "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "jit": "off",
            "TimeZone": "UTC", "server_encoding": "UTF8", "max_connections": "60", "work_mem": "7MB",
            "listen_addresses": "",
        }  # fmt: skip
        assert {name: await query(url, f"SHOW {name}") for name in wanted} == wanted
        assert await query(url, "SELECT lower('ÄRMEL')") == "ärmel"
    finally:
        await server.stop()


async def test_starting_twice_is_starting_once(server: EmbeddedPostgres) -> None:
    url = await server.start()
    pid = server.pid
    assert (await server.start(), server.pid) == (url, pid)


@on_linux
@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
async def test_an_owner_asked_to_stop_takes_the_server_along(owner: Owner, word: signal.Signals) -> None:
    await owner.url()
    processes = family(postmaster(owner.data_dir))
    assert owner.send(word) == 0
    assert not any(map(alive, processes))


@on_linux
async def test_a_killed_owner_leaves_no_server_and_loses_nothing(owner: Owner) -> None:
    await remember(await owner.url())
    processes, memory = family(postmaster(owner.data_dir)), shared_memory(owner.data_dir)

    owner.send(signal.SIGKILL)
    await until(lambda: not any(map(alive, processes)))
    assert left_over(memory) == []

    server = EmbeddedPostgres(owner.data_dir)
    assert await recall(await server.start()) == 42
    await server.stop()


@on_linux
async def test_a_successor_does_not_wait_for_a_killed_owners_server(owner: Owner) -> None:
    await remember(await owner.url())
    owner.send(signal.SIGKILL)
    server = EmbeddedPostgres(owner.data_dir)
    assert await recall(await server.start()) == 42
    await server.stop()


@on_linux
async def test_a_killed_server_is_noticed_and_comes_back_under_the_same_address(
    server: EmbeddedPostgres,
) -> None:
    url = await server.start()
    await remember(url)
    memory, pid = shared_memory(server.data_dir), postmaster(server.data_dir)
    session = await asyncpg.connect(url)

    os.kill(pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL
    assert await server.restart() == url

    assert await recall(url) == 42
    session.terminate()
    await server.stop()
    assert left_over(memory) == []


@on_linux
async def test_a_session_that_outlives_its_killed_server_is_waited_for(server: EmbeddedPostgres) -> None:
    session = await asyncpg.connect(await server.start())
    lingering = session.get_server_pid()
    os.kill(lingering, signal.SIGSTOP)
    os.kill(postmaster(server.data_dir), signal.SIGKILL)
    await server.wait()

    restarting = asyncio.create_task(server.restart())
    refusal = server.data_dir / "start.log"
    await until(lambda: b"shared memory block" in refusal.read_bytes() or restarting.done())
    assert not restarting.done()
    os.kill(lingering, signal.SIGCONT)
    assert await query(await restarting, "SELECT 1") == 1
    session.terminate()


@on_linux
async def test_a_server_that_hangs_is_stopped_all_the_same(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_postgres, "_PATIENCE", 0.1)
    await server.start()
    pid = postmaster(server.data_dir)
    os.kill(pid, signal.SIGSTOP)
    await server.stop()
    assert not alive(pid)
    assert await query(await server.start(), "SELECT 1") == 1  # and clears away what the kill left


async def test_a_live_server_without_an_owner_is_stopped_and_replaced(server: EmbeddedPostgres) -> None:
    await remember(await server.start())
    orphan, lock = server._process, server._lock
    assert orphan is not None
    assert lock is not None
    lock.close()

    successor = EmbeddedPostgres(server.data_dir)
    waiting = asyncio.create_task(asyncio.to_thread(orphan.wait))  # a dead child stays in the way until reaped
    assert await recall(await successor.start()) == 42
    assert successor.pid != orphan.pid
    assert await waiting == 0
    await successor.stop()


async def test_a_second_owner_is_turned_away_and_harms_nothing(server: EmbeddedPostgres) -> None:
    url = await server.start()
    second = EmbeddedPostgres(server.data_dir)
    with pytest.raises(EmbeddedInUse, match=f"in use by process {os.getpid()}"):
        await second.start()
    await second.stop()
    assert await query(url, "SELECT 1") == 1


async def test_the_command_says_in_one_line_that_the_folder_is_in_use(server: EmbeddedPostgres) -> None:
    await server.start()
    process = Owner(server.data_dir).process
    said = (await asyncio.to_thread(process.communicate))[1]
    assert process.returncode == 1
    assert said == f"embedded postgres: {server.data_dir} is in use by process {os.getpid()}\n"


@on_linux
async def test_a_pid_file_whose_number_went_to_another_program_does_not_block(
    server: EmbeddedPostgres,
) -> None:
    await remember(await server.start())
    pid = postmaster(server.data_dir)
    os.kill(pid, signal.SIGKILL)
    await server.wait()
    user = (server.data_dir / "cluster").stat().st_uid
    stranger = sleeper(user)
    try:
        file = server.data_dir / "cluster" / "postmaster.pid"
        file.write_text(file.read_text().replace(str(pid), str(stranger.pid), 1))
        assert await recall(await server.restart()) == 42
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_an_empty_pid_file_does_not_block(server: EmbeddedPostgres) -> None:
    await server.start()
    await server.stop()
    (server.data_dir / "cluster" / "postmaster.pid").write_text("")
    assert await query(await server.start(), "SELECT 1") == 1


@on_linux
async def test_a_kill_while_the_cluster_is_made_leaves_no_half_cluster(owner: Owner) -> None:
    await until(lambda: any(owner.data_dir.glob("cluster.new-*/base")))
    owner.send(signal.SIGKILL)
    assert not (owner.data_dir / "cluster").exists()

    server = EmbeddedPostgres(owner.data_dir)
    assert await query(await server.start(), "SELECT 1") == 1
    assert list(owner.data_dir.glob("cluster.new-*")) == []
    await server.stop()


async def test_a_cancelled_start_lets_go_of_everything(server: EmbeddedPostgres) -> None:
    starting = asyncio.create_task(server.start())
    await until(lambda: any(server.data_dir.glob("cluster.new-*/base")))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert server.pid is None
    successor = EmbeddedPostgres(server.data_dir)
    assert await query(await successor.start(), "SELECT 1") == 1
    await successor.stop()


async def test_a_path_too_long_for_a_socket_gets_a_short_one_that_goes_with_the_server(
    tmp_path: Path,
) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 30) / "with space & more")
    assert await query(await server.start(), "SELECT 1") == 1
    socket_dir = server._socket_dir
    assert socket_dir.parent.parent == Path("/tmp")
    assert socket_dir.parent.stat().st_mode & 0o077 == 0
    assert socket_dir.parent.stat().st_uid == os.geteuid()
    await server.stop()
    assert not socket_dir.parent.exists()


def test_a_folder_that_somebody_else_made_is_not_used_for_the_socket(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    identity = embedded_machine.Identity(embedded_launch.AS_IS, os.geteuid(), os.getegid())
    with pytest.raises(PermissionError, match="link"):
        embedded_machine.make_socket_dir(tmp_path / "link" / "run", tmp_path / "data", identity)


async def test_a_bad_setting_is_told_with_postgresqls_own_words(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", settings={"shared_buffers": "lots"})
    with pytest.raises(EmbeddedUnavailable, match=r"shared_buffers.*DATABASE_URL"):
        await server.start()
    assert server.pid is None


async def test_without_the_package_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedUnavailable, match=r"DATABASE_URL.*requirements-dev\.txt"):
        await EmbeddedPostgres(tmp_path / "data").start()


@on_linux
async def test_the_bots_secrets_do_not_reach_the_server(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "a-secret")
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1")
    await server.start()
    environment = Path(f"/proc/{postmaster(server.data_dir)}/environ").read_bytes()
    assert b"LC_ALL=C" in environment
    assert b"a-secret" not in environment
    assert b"PGOPTIONS" not in environment


@on_linux
async def test_a_launch_without_its_owner_is_refused() -> None:
    words = [embedded_launch.AS_IS, "0", "0", "1", "2", "/bin/true"]
    refused = await asyncio.create_subprocess_exec(
        sys.executable, embedded_launch.__file__, *words, stderr=asyncio.subprocess.PIPE
    )
    assert (await refused.communicate())[1] == b"embedded launch: the owner died during the start\n"
    assert refused.returncode == 1


async def test_each_test_has_a_migrated_database_of_its_own(database_url: str, empty_database_url: str) -> None:
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert await query(database_url, "SELECT to_regclass('alembic_version') IS NOT NULL") is True
    assert await query(empty_database_url, count) == 0
