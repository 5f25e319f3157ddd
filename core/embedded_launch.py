"""The step between the bot and an embedded server program: drop root, tie the life to the owner, exec.

Run as a file by `core.embedded_postgres` (python -I -S embedded_launch.py MODE UID GID OWNER SIGNAL PROGRAM
...), because none of this is safe between fork and exec of a process with threads. Imports only what starts
fast.
"""

from __future__ import annotations

import ctypes
import os
import sys

CAP_CHOWN = 0
CAP_DAC_OVERRIDE = 1
CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8
NEEDED = (CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETGID, CAP_SETUID, CAP_SETPCAP)
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_IS_SET = 1
PR_CAP_AMBIENT_RAISE = 2
CLONE_NEWUSER = 0x10000000
CAPABILITY_VERSION_3 = 0x20080522

AS_IS = "as-is"
PLAIN = "plain"
CAPABILITY = "capability"
NAMESPACE = "namespace"


def checked(result: int, what: str) -> int:
    """The result of a C call, or the OSError that it reports by -1."""
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *args: int) -> int:
    """Linux's prctl(2); raises OSError."""
    words = [ctypes.c_ulong(arg) for arg in (*args, 0, 0, 0, 0)[:4]]
    return checked(libc().prctl(option, *words), f"prctl {option}")


def can_keep_capability() -> bool:
    """Whether we can become another user and keep CAP_DAC_OVERRIDE through an exec."""
    with open("/proc/self/status") as status:
        permitted = next((int(line.split()[1], 16) for line in status if line.startswith("CapPrm:")), 0)
    try:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_DAC_OVERRIDE)
    except OSError:
        return False
    return all(permitted >> capability & 1 for capability in NEEDED)


def keep_only_dac_override() -> None:
    """Hold CAP_DAC_OVERRIDE and nothing else, also after exec."""
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    checked(libc().capset(header, data), "capset")
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def become_user(uid: int, gid: int) -> None:
    """Root becomes an ordinary user; the kernel takes all capabilities along with root's number."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def become_walking_user(uid: int, gid: int) -> None:
    """Root becomes an ordinary user that may still walk through folders which only root may enter.

    The project may lie in a 0700 folder of root, whose mode is not ours to change. Without the fix-up that
    the securebit turns off, capabilities would go with root's number, and access(2), by which initdb looks
    for its companions, would not count them.
    """
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    become_user(uid, gid)
    keep_only_dac_override()


def enter_namespace(uid: int, gid: int) -> None:
    """Stay who we are for the files outside, but be called `uid` in a user namespace of our own."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    checked(libc().unshare(CLONE_NEWUSER), "unshare")
    maps = {
        "setgroups": "deny",
        "uid_map": f"{uid} {outer_uid} 1",
        "gid_map": f"{gid} {outer_gid} 1",
    }
    for name, content in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def tie_to_owner(owner: int, signal: int) -> None:
    """Let the kernel send `signal` when the owner dies (Linux). Comes last: changing identity clears it."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != owner:
        raise OSError("the owner died during the start")


def change_identity(mode: str, uid: int, gid: int) -> None:
    try:
        if mode == PLAIN:
            become_user(uid, gid)
        elif mode == CAPABILITY:
            become_walking_user(uid, gid)
        elif mode == NAMESPACE:
            enter_namespace(uid, gid)
    except OSError as error:
        raise OSError(f"root cannot become an ordinary user here by {mode}: {error}") from error


def main(argv: list[str]) -> None:
    mode, uid, gid, owner, signal = argv[0], *map(int, argv[1:5])
    change_identity(mode, uid, gid)
    tie_to_owner(owner, signal)
    os.execv(argv[5], argv[5:])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"embedded launch: {error}")
