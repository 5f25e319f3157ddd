"""`python bot.py run`, forked from a process that has imported everything: half of a bot's start is imports.

`tests/e2e/test_start.py` and `run_bot` start Python itself, as an operator does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from sandbox.bot_process import BotProcess, die_with_parent

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.e2e.preloaded"])


def _child(folder: Path, environment: Mapping[str, str], out: Connection) -> None:
    os.setsid()
    die_with_parent()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number in (1, 2):
        os.dup2(out.fileno(), number)
    out.close()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    import bot

    sys.exit(bot.main(["run"]))


class _Forked:
    """As much of `asyncio.subprocess.Process` as BotProcess uses."""

    def __init__(self, process: BaseProcess, stdout: asyncio.StreamReader) -> None:
        self._process = process
        self.stdout = stdout

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> int:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        if self._process.exitcode is None:
            loop.add_reader(self._process.sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


class ForkedBot(BotProcess):
    """A BotProcess whose Python is warm."""

    async def _launch(self, environment: Mapping[str, str]) -> _Forked:
        ours, theirs = _FORKS.Pipe(duplex=False)
        process = _FORKS.Process(target=_child, args=(self.folder, environment, theirs), daemon=True)
        process.start()
        theirs.close()
        reader = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(ours.fileno()), "rb")
        )
        ours.close()
        return _Forked(process, reader)
