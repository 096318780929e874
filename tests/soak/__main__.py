"""Two workers, twenty thousand people, changes under way, Redis restarted twice: nothing wrong, nothing left over."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psycopg
from benchmarks.people import People
from benchmarks.servers import free_port, memory_mb
from tests.soak.callers import NOT_ANSWERED_SHARE, Callers, Truth
from tests.soak.changes import change_for_ever
from tests.support.serving import descendants

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.reliability.clock import SystemClock

PEOPLE = 20_000
CONNECTIONS = 24
GROWTH = 1.10
POOL = 10
MORE_TASKS = 8
"""What comes and goes by itself: a write to Redis, a reading of figures."""

WORKERS = 2


class Watched:
    """The service's processes: what they hold now."""

    def __init__(self, pid: int, port: int, url: str) -> None:
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        self.workers = [child for child in descendants(pid) if _is_python(child)]
        self.url = url

    def read(self) -> dict[str, float]:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth'"
            ).fetchone()
        return {
            "memory_mb": sum(memory_mb(pid) for pid in self.workers),
            "files": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.workers),
            "connections": row[0] if row else 0,
            "tasks": self._tasks(),
        }

    def _tasks(self) -> float:
        time.sleep(2.1)  # figures are laid down once a second
        with urllib.request.urlopen(self.metrics, timeout=5) as answer:  # noqa: S310 - the service under test
            text = answer.read().decode()
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith("gatewayz_auth_tasks ")))


def _is_python(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"python" in words[0] and any(b"spawn_main" in word for word in words)


async def soak(minutes: float, folder: Path) -> list[str]:
    state = folder / "state"
    people, truths = People(state), [Truth() for _ in range(PEOPLE)]
    valkey = EmbeddedValkey(folder / "cache", SystemClock())
    port, environ = free_port(), {**os.environ, "STATE_DIR": str(state), "LOG_FILE": str(folder / "log")}
    environ.update(REDIS_URL=valkey.start(), RATE_LIMITS="off", DATABASE_POOL_SIZE=str(POOL), AUTH_CACHE_TTL="60")
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or ():
            if line.startswith("Stop with"):
                break
        drain = asyncio.create_task(asyncio.to_thread(lambda: [None for _ in process.stdout or ()]))
        url = EmbeddedPostgres(state, SystemClock()).url
        callers = Callers(port, people, truths, CONNECTIONS)
        await callers.sign_up()
        workers = await callers.meet_every_worker()
        print(f"{PEOPLE} people have signed up, and {workers} workers know all of them", flush=True)
        changing = asyncio.create_task(change_for_ever(url, truths))
        watched = Watched(process.pid, port, url)
        start_s, length_s = time.monotonic(), minutes * 60
        await callers.run_until(start_s + length_s * 0.3)
        before = await asyncio.to_thread(watched.read)
        for part in (0.55, 0.8):
            await callers.run_until(start_s + length_s * part)
            await asyncio.to_thread(valkey.stop)
            await callers.run_until(time.monotonic() + 2)
            await asyncio.to_thread(valkey.start)
        await callers.run_until(start_s + length_s)
        changing.cancel()
        await asyncio.sleep(3)
        after = await asyncio.to_thread(watched.read)
        print(f"answers {dict(callers.statuses)} from {dict(callers.sources)}, slowest {callers.slowest_s:.2f} s")
        print(f"a third in: {before}\nat the end: {after}", flush=True)
        return _faults(callers, before, after)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        await drain
        valkey.stop()


def _faults(callers: Callers, before: dict[str, float], after: dict[str, float]) -> list[str]:
    faults = list(dict.fromkeys(callers.wrong))[:20]
    if callers.statuses[503] > NOT_ANSWERED_SHARE * callers.statuses.total():
        faults.append(f"{callers.statuses[503]} were told to come back")
    if after["memory_mb"] > before["memory_mb"] * GROWTH:
        faults.append(f"memory grew from {before['memory_mb']:.0f} to {after['memory_mb']:.0f} MB")
    if after["connections"] > WORKERS * (POOL + 2):
        faults.append(f"{after['connections']:.0f} connections to the database")
    if after["tasks"] > before["tasks"] + MORE_TASKS:
        faults.append(f"tasks grew from {before['tasks']:.0f} to {after['tasks']:.0f}")
    if after["files"] > before["files"] + 8:
        faults.append(f"open files grew from {before['files']:.0f} to {after['files']:.0f}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        faults = asyncio.run(soak(minutes, Path(folder)))
    print(*faults, sep="\n")
    print(f"soak of {minutes:g} min: " + ("FAILED" if faults else "nothing wrong, nothing left over"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
