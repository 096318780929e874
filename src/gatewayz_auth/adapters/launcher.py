"""Becomes a program that ends when its parent ends, and that is not root; run by path, with nothing but ``os``.

A program of its own rather than code between fork and exec: that would not be safe where the parent has threads.
Usage: ``python -I -S launcher.py PARENT_PID SIGNAL STEP_DOWN FOLDER PROGRAM ARGUMENT...``
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CLONE_NEWUSER = 0x10000000
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
EXIT_STILL_ROOT = 117


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would double the start time
        file.write(text)


def _in_user_namespace(account: pwd.struct_passwd) -> bool:
    """Call root ``account`` within a namespace of our own: files stay root's, and nothing on the disk changes."""
    uid, gid = os.geteuid(), os.getegid()
    if _libc().unshare(_CLONE_NEWUSER) != 0:
        return False
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{account.pw_uid} {uid} 1")
    _write("/proc/self/gid_map", f"{account.pw_gid} {gid} 1")
    return True


def _as_account(account: pwd.struct_passwd, folder: str) -> bool:
    """Be ``account`` and own ``folder``; keep the right to walk through folders that are closed to others."""
    libc = _libc()
    try:
        for root, _, files in os.walk(folder):
            for path in (root, *(os.path.join(root, name) for name in files)):  # noqa: PTH118 - see above
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError:
        return False
    bit = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(header, data) == 0:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    return True


def step_down(folder: str) -> bool:
    """Be somebody other than root in a server's eyes, which refuses to be root; False where the machine forbids it."""
    account = pwd.getpwnam("nobody")
    try:
        if os.stat(folder).st_uid == os.geteuid() and _in_user_namespace(account):  # noqa: PTH116 - see above
            return True
    except OSError:
        return False
    return _as_account(account, folder)


def die_with_parent(number: int, parent: int) -> None:
    """Get signal ``number`` when ``parent`` ends, and end at once where it has ended already."""
    _libc().prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Replace this process by the program; does not return."""
    parent, death_signal, wants_step_down, folder, *command = arguments
    if wants_step_down == "1" and os.geteuid() == 0 and not step_down(folder):
        sys.exit(EXIT_STILL_ROOT)
    if sys.platform == "linux":
        die_with_parent(int(death_signal), int(parent))  # after stepping down, which would forget it
    os.execv(command[0], command)  # noqa: S606 - that is its task


if __name__ == "__main__":
    main(sys.argv[1:])
