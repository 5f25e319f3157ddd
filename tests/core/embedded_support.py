"""What the embedded server's tests look at it with."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from core import embedded_launch, embedded_machine

REPOSITORY = Path(__file__).resolve().parents[2]
OWNER = [sys.executable, "-m", "core.embedded_postgres"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes identity")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, or needs the kernel's help")


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def remember(url: str) -> None:
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer")


async def recall(url: str) -> object:
    return await query(url, "SELECT answer FROM kept")


def postmaster(data_dir: Path) -> int:
    pid = embedded_machine.pid_in_file(data_dir / "cluster")
    assert pid is not None
    return pid


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "State:\tZ" not in status


def family(pid: int) -> set[int]:
    """The server and its sessions and workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pid, *map(int, children)}


def shared_memory(data_dir: Path) -> tuple[str, set[str]]:
    """The server's System V segment id and its POSIX segments."""
    lines = embedded_machine.pid_file_lines(data_dir / "cluster")
    maps = Path(f"/proc/{lines[0]}/maps").read_text()
    return lines[6].split()[1], set(re.findall(r"/dev/shm/PostgreSQL\.\d+", maps))


def left_over(memory: tuple[str, set[str]]) -> list[str]:
    segments = [line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return [name for name in memory[1] if Path(name).exists()] + [memory[0]] * (memory[0] in segments)


def sleeper(user: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], user=user if os.geteuid() == 0 else None)


def namespaces_allowed() -> bool:
    return subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode == 0


def as_user(user: pwd.struct_passwd | None) -> list[str]:
    """What makes root's command an ordinary user's, who can still read a checkout and a Python of root's."""
    if user is None:
        return []
    words = [embedded_launch.CAPABILITY, user.pw_uid, user.pw_gid, os.getpid(), int(signal.SIGKILL)]
    return [sys.executable, "-I", "-S", embedded_launch.__file__, *map(str, words)]


class Owner:
    """A process of its own that runs a server on a folder."""

    def __init__(self, data_dir: Path, user: pwd.struct_passwd | None = None) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [*as_user(user), *OWNER, str(data_dir)], cwd=REPOSITORY, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    async def url(self) -> str:
        assert self.process.stdout is not None
        line = await asyncio.to_thread(self.process.stdout.readline)
        assert line, self.process.communicate()[1]
        return line.strip()

    def send(self, word: signal.Signals) -> int:
        self.process.send_signal(word)
        code = self.process.wait()
        self.close()
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
