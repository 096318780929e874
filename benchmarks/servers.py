"""Starts what is measured, pinned, and ends it again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SERVER_CORE = 0
ROOT = Path(__file__).parent.parent


def pin(core: int) -> set[int]:
    """Keep this process, and what it starts, on one core where there are several; the cores it had before."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    before = os.sched_getaffinity(0)
    if len(before) > 1:
        os.sched_setaffinity(0, {core})
    return before


def unpin(cores: set[int]) -> None:
    """Let this process run on ``cores`` again: what is measured next starts from there."""
    if cores:
        os.sched_setaffinity(0, cores)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _pinned() -> None:
    pin(SERVER_CORE)


def _wait(port: int, process: subprocess.Popen, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    message = "a server that is to be measured did not start"
    raise RuntimeError(message)


@contextlib.contextmanager
def running(command: list[str], port: int, environ: dict[str, str], *, pinned: bool = True):
    """``command`` while the block runs; it has answered on ``port`` before."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        preexec_fn=_pinned if pinned else None,
    )
    try:
        _wait(port, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        if process.poll() is None:
            process.kill()
            process.wait()


def uvicorn(app: str, port: int, *, workers: int = 1) -> list[str]:
    """The same server as the service's own, for ``app``."""
    return [
        sys.executable, "-m", "uvicorn", app, "--factory", "--port", str(port), "--loop", "uvloop", "--http",
        "httptools", "--no-access-log", "--log-level", "error", "--no-server-header", "--workers", str(workers),
    ]  # fmt: skip


def memory_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, its threads included; what a shared machine disturbs least."""
    worked_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that ends meanwhile
            worked_ns += int((task / "schedstat").read_text().split()[0])
    return worked_ns / 1e9
