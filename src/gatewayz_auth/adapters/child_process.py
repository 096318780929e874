"""Servers that live and die with this process, shared by the embedded Postgres and the embedded Valkey."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth.adapters import launcher
from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatewayz_auth.reliability.clock import Clock

_POLL_S = 0.01
_LONGEST_SOCKET_PATH = 90  # the kernel's limit is 107 bytes; names up to 17 follow
_LOG_KEPT_BYTES = 5_000_000


def start(
    command: Sequence[str], *, log: Path, folder: Path, death_signal: signal.Signals, step_down: bool = False
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, out of Ctrl-C's reach; it gets ``death_signal`` when our thread ends.

    Its output goes to ``log``. With ``step_down`` it does not see itself as root.
    """
    _trim(log)
    prefix = [sys.executable, "-I", "-S", launcher.__file__]
    facts = [str(os.getpid()), str(int(death_signal)), "1" if step_down else "0", str(folder)]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own programs, no shell
            [*prefix, *facts, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"},
        )


def end_with_parent(number: signal.Signals, parent: int | None = None) -> None:
    """Have ``number`` sent to this process when its parent ends (Linux alone; elsewhere nothing happens).

    ``parent`` is the process that started this one, where it is known: it may have ended while this one came up.
    """
    if sys.platform == "linux":
        launcher.die_with_parent(int(number), os.getppid() if parent is None else parent)


def wait_until(condition: Callable[[], bool], clock: Clock, limit_s: float) -> bool:
    """Whether ``condition`` came true within ``limit_s`` seconds; asked every 10 ms."""
    until_s = clock.monotonic_s() + limit_s
    pause = threading.Event()
    while not condition():
        if clock.monotonic_s() > until_s:
            return False
        pause.wait(_POLL_S)
    return True


def stop(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """End ``process``: each signal in turn with its seconds of patience, then SIGKILL."""
    for step, patience_s in steps:
        if process.poll() is not None:
            return
        send(process.pid, step)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    if process.poll() is None:
        process.kill()
        process.wait()


def end_left_over(
    find: Callable[[], list[int]], clock: Clock, steps: Sequence[tuple[signal.Signals, float]], what: str
) -> None:
    """End processes that an earlier run left on our data; ``StartupError`` where they do not go.

    Only to be called while holding the folder's lock: whatever runs on the data then has lost its owner.
    """
    for step, patience_s in (*steps, (signal.SIGKILL, 2.0)):
        pids = find()
        for pid in pids:
            send(pid, step)
        if not pids or wait_until(lambda: not find(), clock, patience_s):
            return
    raise StartupError(f"A {what} that an earlier run left behind does not end; end it yourself: kill -9 {find()[0]}")


def running_on(folder: Path, program: str) -> list[int]:
    """Find the processes at home in ``folder`` whose executable is called ``program`` (none but on Linux)."""
    wanted = str(folder.resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            at_home = str((entry / "cwd").readlink()) == wanted
            if at_home and (entry / "exe").readlink().name.removesuffix(" (deleted)") == program:
                found.append(int(entry.name))
    return found


def socket_folder(state_dir: Path) -> Path:
    """Make a folder only we can enter, for sockets: in ``state_dir``, or in the temporary folder where that is long."""
    folder = state_dir.resolve() / "run"
    if len(os.fsencode(folder)) > _LONGEST_SOCKET_PATH:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"gatewayz-auth-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StartupError(f"{folder} belongs to somebody else; remove it, or set STATE_DIR to a shorter path.")
    folder.chmod(0o700)
    return folder


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _trim(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_KEPT_BYTES:
            log.replace(log.with_name(log.name + ".1"))
