"""The founding document's table before and after: the database 0, 100 and 250 ms away for each query, and one that hangs.

Before is ``drill/before.py``, asked without HTTP around it, which favours it; "with time-out" its caller goes away after
30 s, and that one wait goes on beside everything else. Of ``CALLS`` calls of a kind the p99 is the slowest.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
from drill import before
from drill.run import through
from tests.support.faulty_proxy import FaultyProxy
from tests.support.servers import PostgresServer

from benchmarks import load, servers
from benchmarks.distance import serve
from benchmarks.people import People
from benchmarks.rows import Row

QUERIES_S = (0.0, 0.1, 0.25)
CALLS, AT_ONCE = 32, 8
GIVES_UP_S = 30.0
KEPT_S = 3600
AIMS = {"existing, cache hit": "50 ms or less", "existing, cache miss": "350 ms or less", "new": "600 ms or less"}
"""What the document says of after, at its 100 to 250 ms a query."""


@dataclass
class Service:
    """The service as it runs, on a database of its own; ``kept_s`` is how long it remembers anybody."""

    port: int
    people: People

    def ask(self, numbers, session: int) -> load.Outcome:
        outcome = load.fire("127.0.0.1", self.port, [self.people.request(n, session) for n in numbers], AT_ONCE)
        outcome.durations_s.sort()
        return outcome


@contextlib.contextmanager
def service(state: Path, url: str, kept_s: int):
    people, port = People(state), servers.free_port()
    with serve(port, state, url, ttl_s=kept_s):
        yield Service(port, people)


def as_before(url: str, people: list[str]) -> load.Outcome:
    """Sign ``people`` in as before, ``AT_ONCE`` at a time, each thread on a connection that stands already."""
    outcome, mine, opened = load.Outcome(), threading.local(), []

    def connect() -> None:
        mine.queries = before.Queries(url)
        mine.queries.sign_in(before.REFERRER)
        opened.append(mine.queries)

    def sign_in(who: str) -> None:
        started = time.perf_counter()
        mine.queries.sign_in(who)
        outcome.durations_s.append(time.perf_counter() - started)

    with ThreadPoolExecutor(AT_ONCE, initializer=connect) as pool:
        list(pool.map(sign_in, people))
    for queries in opened:
        queries.close()
    return outcome


def hang_as_before(url: str, proxy: FaultyProxy, waited_s: list[float]) -> None:
    """One caller of before whose query hangs: how long until an answer, or until they go away."""
    queries = before.Queries(url)
    queries.sign_in(before.REFERRER)

    def ask() -> None:
        with contextlib.suppress(psycopg.Error):
            queries.sign_in(before.REFERRER)

    proxy.freeze()
    started = time.perf_counter()
    caller = threading.Thread(target=ask, daemon=True)
    caller.start()
    caller.join(GIVES_UP_S)
    waited_s.append(time.perf_counter() - started)
    proxy.reset()
    caller.join(5)


def shown(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.1 else f"{seconds * 1e3:,.0f} ms"


def row(name: str, now: load.Outcome, then: load.Outcome, aim: str) -> Row:
    p50s = now.percentile_s(0.5), then.percentile_s(0.5)
    said = [f"p50 {shown(of.percentile_s(0.5))}, p99 {shown(of.percentile_s(0.99))}" for of in (now, then)]
    return Row(name, said[0], f"before: {said[1]}", p50s[0] / p50s[1], aim)


def at_distance(turn: int, url: str, asks: Service, keeps: Service) -> list[Row]:
    """The document's three scenarios, now and before, at the distance that the proxy has now."""
    base = turn * 1_000
    numbers = range(base, base + CALLS)
    now = {
        "new": asks.ask(numbers, 1),
        "existing, cache miss": asks.ask(numbers, 2),
    }
    for session in (3, 4):
        now["existing, cache hit"] = keeps.ask(numbers, session)
    newcomers = [f"did:privy:newcomer{number}" for number in numbers]
    made = as_before(url, newcomers)
    known = as_before(url, newcomers)
    then = {"new": made, "existing, cache miss": known, "existing, cache hit": known}
    where = f"{QUERIES_S[turn] * 1e3:.0f} ms a query"
    return [row(f"{name}, {where}", now[name], then[name], aim) for name, aim in AIMS.items()]


def timed_out(proxy: FaultyProxy, keeps: Service, waited_s: float) -> list[Row]:
    """What happens to those who come while a query hangs."""
    proxy.freeze()
    strangers, known = keeps.ask(range(900_000, 900_000 + CALLS), 1), keeps.ask(range(CALLS), 9)
    proxy.thaw()
    rows = []
    for name, seen, status in (("new (503, come back)", strangers, 503), ("existing, cache hit", known, 200)):
        if set(seen.statuses) != {status}:
            message = f"with a query that hangs {name} was answered {seen.statuses}"
            raise RuntimeError(message)
        worst_s = max(seen.durations_s)
        rows.append(Row(f"{name}, a query hangs, the slowest", shown(worst_s), f"before: no answer in {shown(waited_s)}",
                        worst_s / waited_s, "8 s or less"))  # fmt: skip
    return rows


def run() -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gz") as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        server = PostgresServer(root / "pg")
        server.start()
        stack.callback(server.stop)
        old, asked, kept = server.database(), server.database(), server.database()
        before.make_tables(old, [])
        socket = f"{server.socket_folder}/.s.PGSQL.5432"
        proxy, hanging_proxy = stack.enter_context(FaultyProxy(socket)), stack.enter_context(FaultyProxy(socket))
        waited_s: list[float] = []
        hanging = threading.Thread(target=hang_as_before, args=(through(old, hanging_proxy), hanging_proxy, waited_s))
        hanging.start()
        asks = stack.enter_context(service(root / "asks", through(asked, proxy), 0))
        keeps = stack.enter_context(service(root / "keeps", through(kept, proxy), KEPT_S))
        for one in (asks, keeps):
            one.ask(range(800_000, 800_000 + 3 * CALLS), 0)  # connections stand and code is warm
        for turn, query_s in enumerate(QUERIES_S):
            proxy.delay(query_s)
            rows.extend(at_distance(turn, through(old, proxy), asks, keeps))
        proxy.delay(0.0)
        hanging.join()
        rows.extend(timed_out(proxy, keeps, waited_s[0]))
    return rows


if __name__ == "__main__":
    print(*run(), sep="\n")
