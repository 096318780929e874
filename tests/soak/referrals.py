"""``python -m tests.soak.referrals``: 500 sign-ups with a code while things are killed, ten times; the counts, printed.

In odd rounds server and worker are killed at random moments, in even ones the database's main process too, with every
commit on the disk. Ends with 1 where anything was lost or doubled. ``--rounds 3 --people 200 --seed 7`` for others.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.support.killing import CODE, Books, Killed, kill_at_random, until_worked_off
from tests.support.servers import migrated

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.reliability.clock import SystemClock


def _power_cut(postgres: EmbeddedPostgres, world: Killed) -> None:
    """SIGKILL to the database's main process; it comes up again from what is on the disk."""
    world.kills += 1
    if postgres.pid is not None:
        os.kill(postgres.pid, signal.SIGKILL)
    postgres.stop()
    postgres.start()


def one_round(number: int, people: int, seed: int, postgres: EmbeddedPostgres, folder: Path) -> bool:
    """One round; what it counted is printed, and True where nothing is wrong."""
    books = Books(postgres.url)
    with Killed(folder, postgres.url) as world:
        acts = [functools.partial(world.kill, name) for name in ("server", "server", "worker", "worker", "worker")]
        if number % 2 == 0:
            acts += [functools.partial(_power_cut, postgres, world)] * 2
        bodies = world.sign_ups(people, f"round{seed}x{number}x")
        began_s = time.monotonic()
        answered = world.answered(bodies, kill_at_random(world, acts, seed + number, people))
        until_worked_off(books, 120)
        took_s = time.monotonic() - began_s
        wrong = books.verdict(answered)
        of = "server, worker and database" if number % 2 == 0 else "server and worker"
        print(
            f"round {number}: {len(set(answered))} of {people} answered, {world.kills} kills of {of}, "
            f"all worked off after {took_s:.0f} s; wrong: {wrong or 'nothing'}",
            flush=True,
        )
        return len(set(answered)) == people and not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gz") as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "pg", SystemClock()) as postgres:
            migrated(postgres.url)
            Books(postgres.url).open_for(CODE)
            rounds = range(1, arguments.rounds + 1)
            done = [one_round(n, arguments.people, arguments.seed, postgres, folder) for n in rounds]
    print(f"{sum(done)} of {len(done)} rounds without a loss or a double", flush=True)
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
