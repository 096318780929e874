"""The database next door and a hundred milliseconds away: cached sign-ins, misses and sign-ups; one worker and two."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.support.faulty_proxy import FaultyProxy
from tests.support.servers import PostgresServer

from benchmarks import load, servers
from benchmarks.people import People
from benchmarks.rows import Row

DISTANCES_S = (0.0, 0.1)
CALLS = 40
CACHED = 4000
PEOPLE = 200


def serve(port: int, state: Path, database_url: str, *, ttl_s: int, workers: int = 1):
    command = [sys.executable, "-m", "gatewayz_auth.cli", "serve", "--dev", "--port", str(port), "--workers",
               str(workers)]  # fmt: skip
    environ = {"STATE_DIR": str(state), "LOG_FILE": str(state / "log"), "DATABASE_URL": database_url,
               "AUTH_CACHE_TTL": str(ttl_s), "RATE_LIMITS": "off", "LOG_LEVEL": "WARNING"}  # fmt: skip
    return servers.running(command, port, environ, pinned=False)


def through(url: str, proxy: FaultyProxy) -> str:
    """``url`` with the proxy in its server's place."""
    parts = urlsplit(url)
    return f"postgresql://{parts.username or 'postgres'}@/{parts.path.lstrip('/')}?host={quote(str(proxy.host))}&port={proxy.port}"


def run() -> list[Row]:
    rows: list[Row] = []
    figures: dict[tuple[str, float], load.Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="gz") as folder:
        root = Path(folder)
        server = PostgresServer(root / "pg")
        server.start()
        try:
            for number, distance_s in enumerate(DISTANCES_S):
                url = server.database()
                with FaultyProxy(_socket_of(url)) as proxy:
                    proxy.delay(distance_s)
                    people = People(root / "state")
                    base = number * 1_000_000
                    for ttl_s in (0, 3600):
                        port = servers.free_port()
                        with serve(port, root / "state", through(url, proxy), ttl_s=ttl_s):
                            load.fire("127.0.0.1", port, [people.request(base + 999_000 + n, 0) for n in range(20)], 10)
                            if ttl_s == 0:
                                asked = [people.request(base + n, 1) for n in range(CALLS)]
                                figures["sign-up", distance_s] = load.fire("127.0.0.1", port, asked, 1)
                                figures["miss", distance_s] = load.fire("127.0.0.1", port, asked, 1)
                            else:
                                warm = [people.request(base + n, 2) for n in range(PEOPLE)]
                                load.fire("127.0.0.1", port, warm, 10)
                                again = [people.request(base + n % PEOPLE, 3 + n) for n in range(CACHED)]
                                figures["cached", distance_s] = load.fire("127.0.0.1", port, again, 64)
        finally:
            server.stop()
    near, far = DISTANCES_S
    for name in ("miss", "sign-up"):
        here, there = figures[name, near].percentile_s(0.5), figures[name, far].percentile_s(0.5)
        rows.append(Row(f"{name}, p50 with the database 100 ms away", f"{there * 1e3:.1f} ms",
                        f"next door {here * 1e3:.1f} ms", there / 0.115, "115 ms or less"))  # fmt: skip
    here, there = figures["cached", near].rate, figures["cached", far].rate
    rows.append(Row("cached sign-ins with the database 100 ms away", f"{there:,.0f}/s", f"next door {here:,.0f}/s",
                    there / here, "as fast"))  # fmt: skip
    return rows


def _socket_of(url: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    said = conninfo_to_dict(url)
    return f"{said['host']}/.s.PGSQL.{said.get('port', 5432)}"


if __name__ == "__main__":
    print(*run(), sep="\n")
