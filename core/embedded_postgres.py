"""The embedded PostgreSQL: a private server, child of this process, for a bot without a DATABASE_URL.

The folder that the owner names holds everything:

    owner.lock    flock'ed by the owner for as long as it lives: one owner at a time
    cluster/      PostgreSQL's data; made aside and renamed, so it is either whole or absent
    run/          the unix socket (in a short folder under /tmp when this path is too long for one)
    start.log     what the server said before it logged to cluster/log/

The folder is 0700, so who cannot enter it cannot reach the socket either, and no password is needed.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

from core import embedded_launch as launch
from core import embedded_machine as machine
from core import embedded_role as role
from core.clock import monotonic
from core.embedded_machine import ADVICE, PORT, EmbeddedInUse, EmbeddedUnavailable, Identity

__all__ = ["DATABASE", "SETTINGS", "SUPERUSER", "EmbeddedInUse", "EmbeddedPostgres", "EmbeddedUnavailable"]

log = logging.getLogger(__name__)

SUPERUSER = DATABASE = "drumroll"
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
}

_POLL = 0.02
_WATCH = 0.2
_READY_WITHIN = 120.0  # recovery after a crash replays the log first
_PATIENCE = 5.0
_ORPHANS = b"shared memory block"
_STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # fast, immediate, none asked


class EmbeddedPostgres:
    """One server on one folder. The owner starts, watches (`wait`), restarts and stops it.

    On Linux the server also stops when the thread that called `start` dies, however it dies:
    call it from the main thread.
    """

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are PostgreSQL's, by name, over SETTINGS."""
        self.data_dir = Path(data_dir).resolve()
        self._settings = {**SETTINGS, **(settings or {})}
        self._cluster = self.data_dir / "cluster"
        self._start_log = self.data_dir / "start.log"
        self._socket_dir = machine.socket_dir(self.data_dir)
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def url(self, database: str = DATABASE, *, superuser: bool = False) -> str:
        """The address of one of the server's databases, for asyncpg, libpq and SQLAlchemy; never changes.

        It is for the bot's own role, which owns its database alone, unless the `superuser` is asked for.
        """
        user = SUPERUSER if superuser else role.ROLE
        host, port = quote(str(self._socket_dir), safe=""), self._settings["port"]
        return f"postgresql://{user}@/{database}?host={host}&port={port}"

    async def start(self) -> str:
        """Start the server (the first time, make the cluster) and return its URL once it takes connections.

        Raises EmbeddedInUse when another process owns the folder, EmbeddedUnavailable when it cannot work.
        """
        if self.pid is not None:
            return self.url()
        began = monotonic()
        try:
            await self._start()
        except OSError as error:
            await self.stop()
            raise EmbeddedUnavailable(f"cannot use {self.data_dir}: {error}; {ADVICE}") from error
        except BaseException:
            await self.stop()
            raise
        log.info("embedded postgres ready", extra={"pid": self.pid, "seconds": monotonic() - began})
        return self.url()

    async def stop(self) -> None:
        """Stop the server in order (within about 5 s), harder if it hangs, and let go of the folder."""
        await self._stop_process()
        if self._lock is not None:
            machine.remove_foreign_socket_dir(self._socket_dir, self.data_dir)
            self._lock.close()
            self._lock = None

    async def restart(self) -> str:
        """Start the server again, whether it runs or died; the URL stays the same."""
        await self._stop_process()
        return await self.start()

    async def wait(self) -> int:
        """Return the exit code when the server ends, for whatever reason."""
        if self._process is None:
            raise RuntimeError("the embedded server was not started")
        return await _exit_code(self._process, _WATCH)

    async def _start(self) -> None:
        binaries = machine.find_binaries()
        self._take_ownership()
        identity = machine.choose_identity(self._cluster, binaries)
        self._prepare_folders(identity)
        if not self._cluster.exists():
            await self._make_cluster(binaries, identity)
        await self._stop_stale_server()
        await self._launch(binaries, identity)
        await role.hand_over(self.url(superuser=True))

    def _take_ownership(self) -> None:
        """Lock the folder for as long as this process lives; raises EmbeddedInUse."""
        if self._lock is not None:
            return
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (self.data_dir / "owner.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise EmbeddedInUse(f"{self.data_dir} is in use by process {holder}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._lock = file

    def _prepare_folders(self, identity: Identity) -> None:
        """Close the folders to others, and give the cluster to the user that the server will run as."""
        self.data_dir.chmod(0o700)
        machine.make_socket_dir(self._socket_dir, self.data_dir, identity)
        for leftover in self.data_dir.glob("cluster.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if self._cluster.exists() and self._cluster.stat().st_uid != identity.file_owner:
            machine.chown_tree(self._cluster, identity.file_owner, identity.gid)

    async def _make_cluster(self, binaries: Path, identity: Identity) -> None:
        """Make the cluster with its database aside, then rename it into its place."""
        aside = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=self.data_dir))
        identity.own(aside)
        data = ["-D", identity.cluster(aside)]
        encoding = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb = ["initdb", *data, "-U", SUPERUSER, "--auth=trust", "--no-sync", "--no-instructions"]
        await self._run(binaries, identity, aside, [*initdb, *encoding])
        single = ["postgres", "--single", *data, *_options({"fsync": "off"}), "postgres"]
        await self._run(binaries, identity, aside, single, f"CREATE DATABASE {DATABASE}\n".encode())
        aside.rename(self._cluster)

    async def _run(
        self, binaries: Path, identity: Identity, cluster: Path, command: list[str], stdin: bytes = b""
    ) -> None:
        """Run one of PostgreSQL's programs to its end."""
        process = self._spawn(binaries, identity, cluster, command, signal.SIGKILL, stdin=stdin)
        code = await _exit_code(process, _POLL)
        if code != 0:
            raise EmbeddedUnavailable(self._failure(command[0], code))

    def _spawn(
        self,
        binaries: Path,
        identity: Identity,
        cluster: Path,
        command: list[str],
        at_owners_death: signal.Signals,
        *,
        stdin: bytes = b"",
        opened: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Make `command` our child in the cluster's folder; it inherits the `opened` files.

        In a session of its own, so that a terminal's Ctrl-C reaches only us.
        """
        words = (identity.mode, identity.uid, identity.gid, os.getpid(), int(at_owners_death))
        program = [str(binaries / command[0]), *command[1:]]
        with self._start_log.open("wb") as output, tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", launch.__file__, *map(str, words), *program],
                stdin=source,
                stdout=output,
                stderr=output,
                cwd=cluster,
                pass_fds=opened,
                env=machine.environment(),
                start_new_session=True,
            )
        return self._process

    async def _launch(self, binaries: Path, identity: Identity) -> None:
        """Exec the server and wait until it takes connections.

        Sessions of a server that was killed outlive it for a moment and keep its memory; until they are
        gone PostgreSQL refuses to start, rightly, so that is tried again.
        """
        folder = os.open(self._socket_dir, os.O_RDONLY | os.O_DIRECTORY)
        options = {**self._settings, "unix_socket_directories": identity.folder(self._socket_dir, folder)}
        command = ["postgres", "-D", identity.cluster(self._cluster), *_options(options)]
        give_up = monotonic() + _PATIENCE
        try:
            while True:
                process = self._spawn(binaries, identity, self._cluster, command, signal.SIGINT, opened=[folder])
                code = await self._ready_or_exited(process)
                if code is None:
                    return
                if _ORPHANS not in self._start_log.read_bytes() or monotonic() > give_up:
                    raise EmbeddedUnavailable(self._failure("postgres", code))
                await asyncio.sleep(_WATCH)
        finally:
            os.close(folder)

    async def _ready_or_exited(self, process: subprocess.Popen[bytes]) -> int | None:
        """None when the server takes connections, its exit code when it ended instead."""

        def ready() -> bool:
            lines = machine.pid_file_lines(self._cluster)
            return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

        if not await _becomes(lambda: ready() or process.poll() is not None, _READY_WITHIN):
            raise EmbeddedUnavailable(f"PostgreSQL was not ready within {_READY_WITHIN:.0f} s; {ADVICE}")
        return process.poll()

    def _failure(self, program: str, code: int) -> str:
        said = self._start_log.read_text(errors="replace").strip().splitlines()[-4:]
        return f"{program} ended with code {code} ({' / '.join(said) or 'without a word'}); {ADVICE}"

    async def _stop_process(self) -> None:
        process = self._process
        if process is None:
            return
        for word in _STOP_SIGNALS:
            process.send_signal(word)
            if await _becomes(lambda: process.poll() is not None, _PATIENCE):
                break
        else:
            log.error("embedded postgres does not die", extra={"pid": process.pid})
        self._process = None

    async def _stop_stale_server(self) -> None:
        """Stop the server of an owner that was killed, if it still runs, and disown what it left."""
        pid = machine.pid_in_file(self._cluster)
        if pid is None:
            return
        for word in _STOP_SIGNALS:
            if not machine.serves(pid, self._cluster):
                break
            log.warning("stopping a stale embedded postgres", extra={"pid": pid, "signal": word.name})
            machine.send_signal(pid, word)
            await _becomes(lambda: not machine.serves(pid, self._cluster), _PATIENCE)
        machine.disown_pid_file(self._cluster)


async def _becomes(condition: Callable[[], bool], within: float) -> bool:
    """Whether `condition` comes true within so many seconds."""
    give_up = monotonic() + within
    while not condition():
        if monotonic() > give_up:
            return False
        await asyncio.sleep(_POLL)
    return True


async def _exit_code(process: subprocess.Popen[bytes], interval: float) -> int:
    """Polled, because asyncio's own child watching ends with the loop that began it."""
    while True:
        code = process.poll()
        if code is not None:
            return code
        await asyncio.sleep(interval)


def _options(settings: Mapping[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


async def _serve(data_dir: Path) -> None:
    """Print the URL and serve until SIGINT, SIGTERM or the server's end."""
    server = EmbeddedPostgres(data_dir)
    stopped = asyncio.Event()
    for word in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(word, stopped.set)
    sys.stdout.write(await server.start() + "\n")
    sys.stdout.flush()
    waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(server.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
        await server.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m core.embedded_postgres DIR")
    try:
        asyncio.run(_serve(Path(sys.argv[1])))
    except (EmbeddedUnavailable, EmbeddedInUse) as problem:
        sys.exit(f"embedded postgres: {problem}")
