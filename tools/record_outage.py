"""Turns recorded pages of ``/metrics`` into a test of the alerts: a healthy hour, then an outage as it was.

``python tools/record_outage.py HEALTHY.json OUTAGE.json > ops/prometheus/tests/outage.yml``; each file is a list of
pages, scraped every five seconds: the first of a service that is well, the second of one whose database freezes for a
minute (``python -m drill --seconds 180``). The hour goes on at the pace of the first; the second follows as recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

EVERY_S = 5
HOUR = 3600 // EVERY_S
WANTED = (
    "gatewayz_auth_sign_in_duration_seconds_bucket",
    "gatewayz_auth_sign_in_duration_seconds_count",
    "gatewayz_auth_query_timeouts_total",
    "gatewayz_auth_pool_connections",
    "gatewayz_auth_pool_size_max",
    "gatewayz_auth_breaker_state",
    "gatewayz_auth_processes_ended_total",
)
COARSE = {"0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "2.0", "5.0", "8.0", "+Inf"}
"""Buckets that are kept: enough for every rule, and half the file."""

_HEAD = """\
# Recorded with tools/record_outage.py: an hour like a minute that was well, then a drill (make drill)
# whose database is frozen from about 1h1m10s to 1h2m10s. Whatever the rules become, they have to tell these apart.
rule_files: [../rules.yml, ../alerts.yml]
evaluation_interval: 15s
tests:
  - name: an hour that is well, then a database that is frozen for a minute
    interval: 5s
    input_series:
      - {series: 'up{job="gatewayz-auth"}', values: "1x800"}
"""


def series(page: str) -> dict[str, float]:
    """The wanted series of one page."""
    found = {}
    for line in page.splitlines():
        name, _, value = line.rpartition(" ")
        if name.partition("{")[0] not in WANTED:
            continue
        bound = name.partition('le="')[2].partition('"')[0]
        if not bound or bound in COARSE:
            found[name] = float(value)
    return found


def values(name: str, healthy: list[dict[str, float]], outage: list[dict[str, float]]) -> str:
    """One series in promtool's notation."""
    recorded = [page.get(name, 0.0) for page in outage]
    if name.startswith(("gatewayz_auth_pool", "gatewayz_auth_breaker")):
        first = healthy[-1].get(name, recorded[0])
        return " ".join([f"{first:g}x{HOUR - 1}", *(f"{value:g}" for value in recorded)])
    step = (healthy[-1].get(name, 0.0) - healthy[1].get(name, 0.0)) / (len(healthy) - 2)
    reached = step * HOUR
    more = (f"{reached + value - recorded[0]:.10g}" for value in recorded)
    return " ".join([f"0+{step:.10g}x{HOUR - 1}", *more])


def main(arguments: list[str]) -> int:
    """Write the input series of the test to standard output; what is expected is written by hand below them."""
    healthy, outage = ([series(page) for page in json.loads(Path(name).read_text("utf-8"))] for name in arguments)
    print(_HEAD, end="")
    for name in sorted({*healthy[-1], *outage[-1]}):
        print(f"      - {{series: '{name}', values: \"{values(name, healthy, outage)}\"}}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
