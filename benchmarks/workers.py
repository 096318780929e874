"""Two workers against one: cached sign-ins over both cores, the load between them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import load, servers
from benchmarks.people import People
from benchmarks.rows import Row

REQUESTS = 8000
PEOPLE = 200


def _rate(state: Path, people: People, workers: int) -> float:
    port = servers.free_port()
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--port", str(port), "--workers",
               str(workers)]  # fmt: skip
    environ = {"STATE_DIR": str(state), "LOG_FILE": str(state / "log"), "RATE_LIMITS": "off"}
    with servers.running(command, port, environ, pinned=False):
        for turn in range(3):
            load.fire("127.0.0.1", port, [people.request(n, turn) for n in range(PEOPLE)], 16)
        asked = [people.request(n % PEOPLE, 1000 * workers + n) for n in range(REQUESTS)]
        return load.fire("127.0.0.1", port, asked, 64).rate


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        people = People(state)
        one, two = _rate(state, people, 1), _rate(state, people, 2)
    return [Row("cached sign-ins, two workers and the load on two cores", f"{two:,.0f}/s", f"one worker {one:,.0f}/s",
                two / one)]  # fmt: skip


if __name__ == "__main__":
    print(*run(), sep="\n")
