"""The real service as a process: started, read, asked, and ended."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.reliability.clock import SystemClock

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()
SETTINGS_OF_THE_MACHINE = ("DATABASE_URL", "REDIS_URL", "STATE_DIR", "API_KEY_SECRET", "LOG_FILE")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_gone(pid: int) -> bool:
    """No such process, or nothing but its entry is left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


@contextlib.contextmanager
def standing_still(pids: Iterable[int]):
    """The processes ``pids`` are stopped in the middle of whatever they do, and go on afterwards."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``, the embedded servers' own children included."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    found, wave = [], [pid]
    while wave:
        wave = [child for child, parent in parents.items() if parent in wave]
        found += wave
    return found


def workers(pid: int) -> list[int]:
    """The worker processes below ``pid``, Python's own helper left out."""
    found = []
    for child in descendants(pid):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


class Serving:
    """``gatewayz-auth serve`` in ``folder``; a session of its own, so that a test's signals reach nobody else."""

    def __init__(self, folder, *arguments, port=None, environ=None, dev=True, command=None, keeps=()):
        self.folder = Path(folder)
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        serve = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "serve", "--port", str(self.port)]
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_THE_MACHINE}
        self.process = subprocess.Popen(
            command or [*serve, *(("--dev",) if dev else ()), *arguments],
            cwd=self.folder,
            env={**inherited, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=keeps,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self):
        return "\n".join(self.lines)

    @property
    def said(self):
        """What it said to people: without log lines."""
        return [line for line in self.lines if line and not line.startswith("{")]

    def wait_for(self, start, limit_s=60):
        """The first line that begins with ``start``."""

        def found():
            return next((line for line in self.lines if line.startswith(start)), None)

        assert wait_until(lambda: found() or self.process.poll() is not None, CLOCK, limit_s), self.output
        assert found(), self.output
        return found()

    def ready(self):
        self.wait_for("Stop with")
        return self

    def post(self, path, body):
        """The JSON that comes back; ``RuntimeError`` with status and body where it is no 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{answer.status}: {text}")
        return json.loads(text)

    def sign_in(self, person="did:privy:ada", accounts=()):
        issued = self.post("/dev/token", {"privy_user_id": person, "linked_accounts": list(accounts)})
        return self.post("/api/auth", issued)

    def pids(self):
        return [self.process.pid, *descendants(self.process.pid)]

    def end(self, number=signal.SIGTERM, limit_s=15):
        """Ask it to end; the exit code and the seconds until it and all below it were gone."""
        pids = self.pids()
        began_s = CLOCK.monotonic_s()
        self.process.send_signal(number)
        code = self.process.wait(limit_s)
        assert wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, limit_s)
        self._reader.join(5)
        return code, CLOCK.monotonic_s() - began_s

    def outcome(self, limit_s=30):
        """The exit code of one that ends by itself."""
        assert wait_until(lambda: self.process.poll() is not None, CLOCK, limit_s), self.output
        self._reader.join(5)
        return self.process.returncode

    def kill_everything(self):
        """SIGKILL to it and all below it, together."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            pids = self.pids()
            self.process.kill()
            self.process.wait()
            wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, 10)
        self._reader.join(5)
        self.process.stdout.close()
