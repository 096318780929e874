"""The one statement: round trips, what a million people cost more than ten thousand, and sign-ups a second.

``python -m benchmarks.accounts 200000`` takes that many instead of a million.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from tests.support.accounts import postgres_accounts, soon
from tests.support.newcomers import wanted
from tests.support.servers import PostgresServer
from tests.support.wire import CountingProxy

from benchmarks.rows import Row

FEW, MANY = 10_000, 1_000_000
ROUNDS, WARM_UP, PER_ROUND = 20, 3, 100
RATE_CALLERS, RATE_CALLS = 16, 3000

# As a platform would bring its people along: triggers and foreign keys are spared, what they would do is done here.
_FILL = """
SET session_replication_role = replica;
SET maintenance_work_mem = '256MB';
DROP INDEX users_privy_user_id, users_username, users_email, api_keys_user_id;
INSERT INTO users (id, privy_user_id, username, email, credits, region, last_sign_in_at)
SELECT n, 'did:privy:u' || n, 'user' || n, 'mail' || n || '@example.com', 3, 'default', now()
FROM generate_series(1, {people}) AS n;
INSERT INTO gatewayz_auth.accounts SELECT n, 'default' FROM generate_series(1, {people}) AS n;
INSERT INTO gatewayz_auth.identities SELECT 'email', 'mail' || n || '@example.com', n, 'default'
FROM generate_series(1, {people}) AS n ORDER BY 2;
INSERT INTO gatewayz_auth.identities SELECT 'privy', 'did:privy:u' || n, n, 'default'
FROM generate_series(1, {people}) AS n ORDER BY 2;
INSERT INTO gatewayz_auth.identities SELECT 'username', 'user' || n, n, 'default'
FROM generate_series(1, {people}) AS n ORDER BY 2;
INSERT INTO api_keys (id, user_id, environment_tag, prefix, digest, digest_key_id, sealed, owner_tag)
SELECT gen_random_uuid(), n, 'live', 'gw_live_abcd', sha256(n::text::bytea), 'k1',
    decode(repeat('ab', 60), 'hex'), sha256(n::text::bytea) FROM generate_series(1, {people}) AS n;
INSERT INTO credit_entries (user_id, amount, kind) SELECT n, 3, 'opening' FROM generate_series(1, {people}) AS n;
SELECT setval('users_id_seq', {people});
CREATE INDEX users_privy_user_id ON users (privy_user_id);
CREATE INDEX users_username ON users (username);
CREATE INDEX users_email ON users (email);
CREATE INDEX api_keys_user_id ON api_keys (user_id);
"""


def _fill(url: str, people: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL.format(people=people).encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _cpu_s(pid: int) -> float:
    """Processor time of a server process, in ns resolution; 0 where the machine does not tell."""
    told = Path(f"/proc/{pid}/schedstat")
    return int(told.read_text().split()[0]) / 1e9 if told.exists() else 0.0


class _Side:
    """One database and one connection to it; ``asked`` and ``worked`` are seconds a call, by what was called."""

    def __init__(self, people, accounts, pool):
        self.people, self.accounts, self.pool = people, accounts, pool
        self.asked: dict[str, list[float]] = {"hit": [], "sign-up": []}
        self.worked: dict[str, list[float]] = {"hit": [], "sign-up": []}

    async def turn(self, what: str, calls: list) -> None:
        """Make ``calls`` one after another, and note what they took here and in the server's process."""
        pid = await self._pid()
        before_s = _cpu_s(pid)
        for one in calls:
            started_s = time.perf_counter()
            await self.accounts.find_or_make(one, soon(60))
            self.asked[what].append(time.perf_counter() - started_s)
        self.worked[what].append((_cpu_s(pid) - before_s) / len(calls))

    async def _pid(self) -> int:
        async with self.pool.connection(60) as connection:
            return connection.info.backend_pid

    def hits(self, chance: random.Random, count: int) -> list:
        return [wanted(f"did:privy:u{chance.randint(1, self.people)}") for _ in range(count)]

    def sign_ups(self, chance: random.Random, count: int) -> list:
        return [wanted(f"did:privy:new{chance.random()}", username=f"n{chance.random()}", referral_code="bench",
                       verified_email=f"{chance.random()}@example.org") for _ in range(count)]  # fmt: skip


async def _few_against_many(urls: dict[int, str]) -> list[_Side]:
    """Hits and sign-ups in turns on both databases, so that a busy machine is busy for both."""
    chance = random.Random(5)
    async with contextlib.AsyncExitStack() as stack:
        sides = []
        for people, url in urls.items():
            accounts, pool = await stack.enter_async_context(postgres_accounts(url, max_size=1))
            sides.append(_Side(people, accounts, pool))
        for turn in range(ROUNDS + WARM_UP):
            if turn == WARM_UP:
                for side in sides:
                    side.asked, side.worked = ({"hit": [], "sign-up": []} for _ in range(2))
            for side in sides:
                await side.turn("hit", side.hits(chance, PER_ROUND))
                await side.turn("sign-up", side.sign_ups(chance, PER_ROUND))
        return sides


def _rows_of(few: _Side, many: _Side) -> list[Row]:
    rows = []
    for where, kind in (("the server's processor", "worked"), ("as the service sees it", "asked")):
        for what, aim in (("hit", 1.4), ("sign-up", 1.2)):
            at_few, at_many = (statistics.median(getattr(side, kind)[what]) for side in (few, many))
            if at_few:
                rows.append(Row(f"{what} at {many.people:,} people, p50, {where}", f"{at_many * 1e6:.0f} µs",
                                f"at {few.people:,}: {at_few * 1e6:.0f} µs", at_many / at_few, f"{aim} or less"))  # fmt: skip
    return rows


async def _rate(url: str) -> float:
    """Sign-ups a second by callers who each wait for their answer."""
    async with postgres_accounts(url, max_size=RATE_CALLERS) as (accounts, _):
        turns = itertools.count()

        async def caller():
            while next(turns) < RATE_CALLS:
                await accounts.find_or_make(wanted(), soon(60))

        await asyncio.gather(*(accounts.find_or_make(wanted(), soon(60)) for _ in range(RATE_CALLERS)))
        started_s = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(RATE_CALLERS)))
        return RATE_CALLS / (time.perf_counter() - started_s)


async def _round_trips(url: str) -> dict[str, int]:
    async with CountingProxy(url) as proxy, postgres_accounts(proxy.url, max_size=1) as (accounts, _):
        counted = {}
        for what in ("sign-up", "miss"):
            worst = 0
            for number in range(10):
                proxy.round_trips = 0
                await accounts.find_or_make(wanted(f"did:privy:trip{number}"), soon(60))
                worst = max(worst, proxy.round_trips)
            counted[what] = worst
        return counted


def run(many: int = MANY) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gz") as folder:
        server = PostgresServer(Path(folder) / "pg")
        server.start()
        try:
            for what, count in asyncio.run(_round_trips(server.database())).items():
                rows.append(Row(f"round trips of a {what}, counted at the wire", str(count), "the least: 1",
                                float(count), "1 or less"))  # fmt: skip
            urls = {people: server.database() for people in (FEW, many)}
            for people, url in urls.items():
                _fill(url, people)
            rows.extend(_rows_of(*asyncio.run(_few_against_many(urls))))
            rate = asyncio.run(_rate(urls[FEW]))
        finally:
            server.stop()
        durable = PostgresServer(Path(folder) / "durable", durable=True)
        durable.start()
        try:
            safe = asyncio.run(_rate(durable.database()))
        finally:
            durable.stop()
    rows.append(Row(f"sign-ups a second, each on disk, {RATE_CALLERS} at once, one process", f"{safe:,.0f}/s",
                    f"not durable: {rate:,.0f}/s", safe / rate))  # fmt: skip
    return rows


if __name__ == "__main__":
    print(*run(int(sys.argv[1]) if sys.argv[1:] else MANY), sep="\n")
