"""A hundred thousand pending referrals: how fast one worker is, what it weighs, and what sign-ins notice of it.

``python -m benchmarks.referrals 20000`` takes that many instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from tests.support.accounts import postgres_accounts, soon
from tests.support.newcomers import wanted
from tests.support.servers import PostgresServer

from benchmarks.accounts import _fill
from benchmarks.rows import Row
from benchmarks.servers import ROOT, memory_mb

MANY = 100_000
REFERRERS = 1000
ASKED_A_SECOND = 100
ASKED_FOR_S = 20.0
SIGN_UPS, WARM_UP = 600, 20
LONGEST_S = 1200

_PENDING = """
INSERT INTO gatewayz_auth.referral_codes (code, user_id) SELECT 'CODE' || n, n FROM generate_series(1, {referrers}) AS n;
INSERT INTO referrals (referred_user_id, referral_code)
SELECT n, 'CODE' || 1 + n % {referrers} FROM generate_series({referrers} + 1, {people}) AS n;
"""


def _rows(url: str, statement: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _left(url: str) -> int:
    return _rows(url, "SELECT count(*) FROM referrals WHERE status = 'pending'")[0][0]


@contextlib.contextmanager
def _worker(url: str, folder: Path):
    environ = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": url,
        "PRIVY_APP_ID": "bench",
        "PRIVY_JWKS_URL": "https://keys.example.com/jwks.json",
        "API_KEY_SECRET": "a-secret-of-the-benchmark-and-of-nobody-else",
        "STATE_DIR": str(folder / "state"),
    }
    command = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "worker"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(15)


async def _asked(url: str, people: int, is_over) -> list[float]:
    """Seconds of sign-ins that ask the database, begun at a steady pace until ``is_over``."""
    chance = random.Random(7)
    took: list[float] = []

    async with postgres_accounts(url, max_size=10) as (accounts, _):

        async def one(due_s: float) -> None:
            await accounts.find_or_make(wanted(f"did:privy:u{chance.randint(1, people)}"), soon(60))
            took.append(time.perf_counter() - due_s)

        under_way = set()
        due_s = time.perf_counter()
        while not is_over():
            due_s += 1 / ASKED_A_SECOND
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            task = asyncio.ensure_future(one(due_s))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
    return took


def _p99_ms(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)] * 1e3


def _drained(url: str, people: int, folder: Path) -> list[Row]:
    until_s = time.monotonic() + ASKED_FOR_S
    alone = asyncio.run(_asked(url, people, lambda: time.monotonic() > until_s))
    before = _left(url)
    with _worker(url, folder) as process:
        while _left(url) == before:
            time.sleep(0.05)
        began_s, began_with, early_mb = time.monotonic(), _left(url), memory_mb(process.pid)
        until_s = began_s + ASKED_FOR_S
        beside = asyncio.run(_asked(url, people, lambda: time.monotonic() > until_s))
        beside_left = _left(url)
        while _left(url) and time.monotonic() < began_s + LONGEST_S:
            time.sleep(0.25)
        took_s, late_mb = time.monotonic() - began_s, memory_mb(process.pid)
    rate = began_with / took_s
    paid = _rows(url, "SELECT count(*) FROM credit_entries WHERE kind IN ('referrer_bonus', 'referred_bonus')")[0][0]
    busy = "while it worked" if beside_left else f"it worked for {took_s:.0f} s of {ASKED_FOR_S:.0f}"
    p99_ms, alone_ms = _p99_ms(beside), _p99_ms(alone)
    return [
        Row(f"{before:,} pending referrals, worked off by one worker beside sign-ins", f"{rate:,.0f}/s",
            "the least: 500/s", rate / 500, "1 or more"),
        Row("… bonuses paid", f"{paid:,}", f"owed: {2 * before:,}", paid / (2 * before), "1 or less"),
        Row("… memory of the worker at the end", f"{late_mb:.0f} MB", f"soon after its start: {early_mb:.0f} MB",
            late_mb / early_mb, "1.2 or less"),
        Row(f"… p99 of sign-ins that ask the database, {ASKED_A_SECOND} a second ({busy})", f"{p99_ms:.1f} ms",
            f"without it: {alone_ms:.1f} ms", p99_ms / alone_ms, "1.5 or less"),
    ]  # fmt: skip


async def _sign_ups(url: str) -> Row:
    """With a code and without, in turns, so that a busy machine is busy for both."""
    took: dict[str | None, list[float]] = {None: [], "CODE1": []}
    async with postgres_accounts(url, max_size=1) as (accounts, _):
        for turn in range(SIGN_UPS + WARM_UP):
            for code, times in took.items():
                began_s = time.perf_counter()
                await accounts.find_or_make(wanted(referral_code=code), soon(60))
                if turn >= WARM_UP:
                    times.append(time.perf_counter() - began_s)
    bare, coded = (statistics.median(took[code]) for code in (None, "CODE1"))
    return Row("sign-up with a referral code, p50, each on disk", f"{coded * 1e6:.0f} µs",
               f"without: {bare * 1e6:.0f} µs", coded / bare, "1.1 or less")  # fmt: skip


def run(people: int = MANY) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="gz") as name:
        folder = Path(name)
        server = PostgresServer(folder / "pg", durable=True)
        server.start()
        try:
            url = server.database()
            row = asyncio.run(_sign_ups(url))
            url = server.database()
            _fill(url, people + REFERRERS)
            _rows(url, _PENDING.format(people=people + REFERRERS, referrers=REFERRERS))
            return [row, *_drained(url, people, folder)]
        finally:
            server.stop()


if __name__ == "__main__":
    print(*run(int(sys.argv[1]) if sys.argv[1:] else MANY), sep="\n")
