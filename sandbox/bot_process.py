"""The unchanged bot as a child process: started, watched, and never left behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 12.0
_PR_SET_PDEATHSIG = 1
_NAME = re.compile(r"^#? ?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


class Process(Protocol):
    """What is used of `asyncio.subprocess.Process`."""

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def die_with_parent() -> None:
    """On Linux the kernel stops the bot when the sandbox is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def variable_names() -> list[str]:
    """Every variable that the bot reads, from its own example file."""
    return _NAME.findall((ROOT / ".env.example").read_text())


class BotProcess:
    """`python bot.py run` in a folder of its own, with nothing of the operator's settings."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], on_line: Callable[[str], None] | None = None
    ) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self._on_line = on_line
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.returncode

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        own = dict.fromkeys(variable_names(), "")
        self._process = await self._launch({**os.environ, **own, **self.environment})
        self._reader = asyncio.create_task(self._read(self._process))

    async def _launch(self, environment: Mapping[str, str]) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "bot.py"), "run",
            cwd=self.folder, env=environment, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            preexec_fn=die_with_parent, limit=1 << 20,
        )  # fmt: skip

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            text = line.decode(errors="replace").rstrip()
            self.lines.append(text)
            if self._on_line is not None:
                self._on_line(text)

    async def wait(self) -> int:
        """The exit code, once the process has ended and all its lines are read."""
        assert self._process is not None
        code = await self._process.wait()
        if self._reader is not None:
            await self._reader
        return code

    async def stop(self) -> int:
        """SIGTERM, then wait; SIGKILL if it takes longer than it may."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            return await asyncio.wait_for(self.wait(), STOP_SECONDS)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """kill -9."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        return await self.wait()
