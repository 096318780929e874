"""The two services that are drilled, each as processes of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.settings import KNOBS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
_CLOCK = SystemClock()
_START_LIMIT_S = 60.0
_END_LIMIT_S = 12.0
_CHANGE = "Circuit breaker of "


class BreakerChange(NamedTuple):
    """One worker's breaker changed: when (seconds since 1970), whose, and from what to what."""

    utc_s: float
    neighbour: str
    before: str
    after: str


class Program:
    """One of them while it runs: where it listens, and the changes of breakers that its log told."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        """Begin to read what it says."""
        self.port = port
        self.process = process
        self.changes: list[BreakerChange] = []
        self.last_lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            if _CHANGE in line and line.startswith("{"):
                said = json.loads(line)
                neighbour, _, change = said["message"].removeprefix(_CHANGE).partition(": ")
                before, _, after = change.partition(" -> ")
                utc_s = datetime.fromisoformat(said["timestamp"]).timestamp()
                self.changes.append(BreakerChange(utc_s, neighbour, before, after))
            elif '"level":"info"' not in line:
                self.last_lines = [*self.last_lines[-20:], line.rstrip()]

    def wait_until_it_listens(self) -> None:
        """Return when it takes connections; ``RuntimeError`` with its last lines where it ends or does not."""

        def settled() -> bool:
            return self.process.poll() is not None or self._listens()

        if not wait_until(settled, _CLOCK, _START_LIMIT_S) or self.process.poll() is not None:
            raise RuntimeError("did not start:\n" + "\n".join(self.last_lines))

    def _listens(self) -> bool:
        # a whole answer: a service may listen before it is ready
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5) as line:
            line.settimeout(2.0)
            line.sendall(b"GET /ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            return bool(line.recv(1))
        return False


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], port: int, environ: dict[str, str]) -> Iterator[Program]:
    """``command`` while the block runs, with nothing of this machine's settings; it is not waited for."""
    ours = {knob.name for knob in KNOBS}
    here = {name: value for name, value in os.environ.items() if name not in ours}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**here, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    program = Program(port, process)
    try:
        yield program
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_LIMIT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        program.reader.join(5)


def now(workers: int, environ: dict[str, str]) -> contextlib.AbstractContextManager[Program]:
    """``gatewayz-auth serve``, as anybody would start it."""
    port = free_port()
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--port", str(port), "--workers", str(workers)]
    return running(command, port, environ)


def before(workers: int, environ: dict[str, str]) -> contextlib.AbstractContextManager[Program]:
    """The program of before on the same server with as many workers."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "drill.before:application", "--factory", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        *("--workers", str(workers)),
    ]
    return running(command, port, environ)
