"""Cached sign-ins, every token unseen, as a share of the floor; and what a token seen before costs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import load, servers
from benchmarks.people import People
from benchmarks.rows import Row

PEOPLE = 1000
REQUESTS = 6_000
ROUNDS = 7
"""Each a pair, one right after the other: what else the machine does disturbs both, and the middle one is told."""

CONNECTIONS = 64


def _serve(port: int, state: Path, *, workers: int = 1) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--port", str(port)]
    return [*command, "--workers", str(workers)], {
        "STATE_DIR": str(state),
        "LOG_FILE": str(state / "bench.log"),
        "RATE_LIMITS": "off",
        "AUTH_CACHE_TTL": "3600",
    }


def _middle(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """The pair whose ratio is the median."""
    return sorted(pairs, key=lambda pair: pair[0] / pair[1])[len(pairs) // 2]


def run() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        people = People(state)
        servers_env = {"FLOOR_PUBLIC_KEY": people.issuer.public_pem}
        floor_port, port = servers.free_port(), servers.free_port()
        command, environ = _serve(port, state)
        with (
            servers.running(
                servers.uvicorn("benchmarks.floor:application", floor_port), floor_port, servers_env
            ) as bare,
            servers.running(command, port, environ) as service,
        ):
            everywhere = servers.pin(1)
            load.fire("127.0.0.1", port, [people.request(n, 0) for n in range(PEOPLE)], 16)
            session = 0
            shares, seen, cpu = [], [], []
            for _ in range(ROUNDS):
                session += 1
                unseen = [people.request(n % PEOPLE, session * 1_000_000 + n) for n in range(REQUESTS)]
                marks = [servers.cpu_s(bare.pid), servers.cpu_s(service.pid)]
                floor = load.fire("127.0.0.1", floor_port, unseen, CONNECTIONS)
                ours = load.fire("127.0.0.1", port, unseen, CONNECTIONS)
                cpu.append((servers.cpu_s(bare.pid) - marks[0], servers.cpu_s(service.pid) - marks[1]))
                again = load.fire("127.0.0.1", port, unseen, CONNECTIONS)
                assert ours.statuses == {200: REQUESTS}, ours.statuses
                assert ours.sources == {"cache": REQUESTS}, ours.sources
                shares.append((ours.rate, floor.rate))
                seen.append((again.rate, floor.rate))
            session += 1
            at_100 = load.fire(
                "127.0.0.1", port, [people.request(n % PEOPLE, session * 1_000_000 + n) for n in range(REQUESTS)], 100
            )
    servers.unpin(everywhere)
    (rate, floor_rate), (rate_again, floor_again) = _middle(shares), _middle(seen)
    bare_s, ours_s = _middle(cpu)
    rows.append(Row("cached sign-ins, every token unseen", f"{rate:,.0f}/s", f"floor {floor_rate:,.0f}/s",
                    rate / floor_rate, "0.90 or more"))  # fmt: skip
    rows.append(Row("cached sign-ins, token seen before", f"{rate_again:,.0f}/s", f"floor {floor_again:,.0f}/s",
                    rate_again / floor_again))  # fmt: skip
    rows.append(Row("processor time of a cached sign-in", f"{ours_s / REQUESTS * 1e6:.0f} µs",
                    f"floor {bare_s / REQUESTS * 1e6:.0f} µs", bare_s / ours_s, "0.90 or more"))  # fmt: skip
    p50, p99 = at_100.percentile_s(0.5), at_100.percentile_s(0.99)
    rows.append(Row("cached, p99 at 100 connections", f"{p99 * 1e3:.1f} ms", f"p50 {p50 * 1e3:.1f} ms", p99 / p50,
                    "3 or less"))  # fmt: skip
    return rows


if __name__ == "__main__":
    for row in run():
        print(row)
