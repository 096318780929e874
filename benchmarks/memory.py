"""What a process weighs with nobody, ten thousand and a hundred thousand people remembered."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rows import Row

COUNTS = (0, 10_000, 100_000)
AIM_MB = 100


def _fill(count: int) -> None:
    import os

    from benchmarks import duties, servers

    with tempfile.TemporaryDirectory() as folder:
        whole = duties.service(Path(folder))
        entropy, clock = whole.entropy, whole.clock
        from gatewayz_auth.domain import api_keys
        from gatewayz_auth.domain.cached_person import CachedPerson

        for number in range(count):
            person = CachedPerson(duties.account(number), (), clock.utc_now_s(), 0)
            key = api_keys.compose("live", entropy.token(api_keys.ALPHABET, api_keys.SECRET_LENGTH))
            whole.cache._remember("live", person, key)
        print(servers.memory_mb(os.getpid()))


def run() -> list[Row]:
    weights = []
    for count in COUNTS:
        command = [sys.executable, "-m", "benchmarks.memory", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        weights.append(float(done.stdout))
    empty = weights[0]
    rows = [Row("memory of a process that remembers nobody", f"{empty:.0f} MB")]
    for count, weight in zip(COUNTS[1:], weights[1:], strict=True):
        aim = f"{AIM_MB} MB above or less" if count == COUNTS[-1] else ""
        rows.append(Row(f"… {count:,} people", f"{weight:.0f} MB", f"{weight - empty:.0f} MB above empty",
                        (weight - empty) / AIM_MB if aim else None, aim))  # fmt: skip
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _fill(int(sys.argv[1]))
    else:
        print(*run(), sep="\n")
