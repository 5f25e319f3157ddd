"""Whom the embedded server runs as: for root, in folders closed to others, and for an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import embedded_launch, embedded_machine
from core.embedded_postgres import EmbeddedPostgres
from tests.core.embedded_support import (
    Owner,
    alive,
    as_root,
    family,
    namespaces_allowed,
    on_linux,
    postmaster,
    query,
    recall,
    remember,
)
from tests.patience import until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data", settings={"fsync": "off"})
    yield server
    await server.stop()


@as_root
@pytest.mark.parametrize("within_reach", [True, False])
async def test_root_gives_the_server_an_ordinary_user_and_no_capability_that_it_can_do_without(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, within_reach: bool
) -> None:
    """The data lie in a folder of root's alone (pytest's) in any case."""
    if not embedded_launch.can_keep_capability():
        pytest.skip("no capability to become another user with")
    if not embedded_machine._open_to_all(embedded_machine.find_binaries().parent):
        pytest.skip("PostgreSQL's programs lie in a folder that only root may enter")
    monkeypatch.setattr(embedded_machine, "_open_to_all", lambda _: within_reach)
    held = 0 if within_reach else 1 << embedded_launch.CAP_DAC_OVERRIDE
    await remember(await server.start())
    leader = postmaster(server.data_dir)
    assert status(leader)
    for fields in filter(None, map(status, family(leader))):
        assert "0" not in fields["Uid"].split()
        assert fields["Groups"].strip() == ""
        assert [int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapAmb")] == [held] * 3
    # A server of either kind gives way to the other, and the settings can be read again.
    monkeypatch.setattr(embedded_machine, "_open_to_all", lambda _: not within_reach)
    assert await recall(await server.restart()) == 42
    rules = "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NULL"
    assert int(str(await query(server.url(superuser=True), rules))) > 0


def status(process: int) -> dict[str, str]:
    """What the kernel knows of a process; nothing of one that has ended (a session, a worker)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_what_others_cannot_reach_or_read_is_not_open_to_all() -> None:
    closed = tempfile.mkdtemp(prefix="drumroll-test-", dir="/tmp")
    top = Path(closed) / "top"
    (top / "bin").mkdir(parents=True)
    program = top / "bin" / "postgres"
    program.touch(0o755)
    try:
        assert not embedded_machine._open_to_all(top)
        Path(closed).chmod(0o755)
        assert embedded_machine._open_to_all(top)
        program.chmod(0o700)
        assert not embedded_machine._open_to_all(top)
    finally:
        shutil.rmtree(closed)


@as_root
async def test_root_without_capabilities_uses_a_namespace_on_the_same_data(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not namespaces_allowed():
        pytest.skip("this machine allows no user namespaces")
    await remember(await server.start())
    await server.stop()
    with monkeypatch.context() as patch:
        patch.setattr(embedded_launch, "can_keep_capability", lambda: False)
        assert await recall(await server.start()) == 42
        assert (server.data_dir / "cluster").stat().st_uid == 0
        await server.stop()
    assert await recall(await server.start()) == 42


@as_root
@pytest.mark.parametrize("capability", [True, False])
async def test_root_runs_programs_that_only_root_can_reach(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capability: bool
) -> None:
    if not (embedded_launch.can_keep_capability() if capability else namespaces_allowed()):
        pytest.skip("this machine does not allow it")
    package = embedded_machine.find_binaries().parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, closed / name, ignore=shutil.ignore_patterns("pginstall", "include"))
    binaries = closed / package.name / "pginstall18" / "bin"
    monkeypatch.setattr(embedded_machine, "find_binaries", lambda: binaries)
    monkeypatch.setattr(embedded_launch, "can_keep_capability", lambda: capability)

    assert await query(await server.start(), "SELECT 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
@on_linux
async def test_an_ordinary_user_owns_stops_and_loses_a_server_too() -> None:
    if not embedded_launch.can_keep_capability():
        pytest.skip("no capability to become another user with")
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix="drumroll-test-"))  # pytest's own folder is closed to others
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    try:
        first = Owner(home / "data", user=nobody)
        await remember(await first.url())
        processes = family(postmaster(first.data_dir))
        first.send(signal.SIGKILL)
        await until(lambda: not any(map(alive, processes)))

        second = Owner(home / "data", user=nobody)
        assert await recall(await second.url()) == 42
        pid = postmaster(second.data_dir)
        assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
        assert second.send(signal.SIGTERM) == 0
        assert not alive(pid)

        server = EmbeddedPostgres(home / "data")
        assert await recall(await server.start()) == 42
        await server.stop()
        assert (home / "data" / "cluster").stat().st_uid == nobody.pw_uid
    finally:
        shutil.rmtree(home)
