"""``make drill``: freeze the database under the service and under the sign-in of before, and show what callers saw.

A drill of 60 s or more writes docs/explanation/outage-drill.md and docs/images/outage-drill.svg; a shorter one says too
little for the docs and writes both into ``reports/``, and so does one on a machine that was too busy for before even
without a freeze. The console shows what the last fair one found. The exit code is 1 where the service broke a promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from drill import page, picture
from drill.figures import broken_promises, is_fair
from drill.plan import Plan
from drill.processes import ROOT
from drill.run import drill
from drill.words import now_sentence, sentence_of_before
from gatewayz_auth.adapters.drill_report import LAST_DRILL

_WHOLE_S = 60.0


def main(arguments: list[str]) -> int:
    """Run one drill and write what it found."""
    parser = argparse.ArgumentParser(prog="python -m drill", description="The outage drill.")
    parser.add_argument("--seconds", type=float, default=_WHOLE_S, help="how long callers come (default: 60)")
    parser.add_argument("--rate", type=float, default=30.0, help="callers a second (default: 30)")
    parser.add_argument("--workers", type=int, default=2, help="processes of each program (default: 2)")
    parser.add_argument("--into", type=Path, help="folder that is written to (default: docs, or reports)")
    given = parser.parse_args(arguments)
    try:
        plan = Plan(given.seconds, given.rate, workers=given.workers)
    except ValueError as error:
        parser.error(str(error))
    say = partial(print, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="drill") as folder:
        found = drill(plan, Path(folder), say)
    fair = is_fair(found.before, plan.frozen_from_s)
    if not fair:
        say("The machine was too busy: before was late already before the freeze, so this run compares nothing.")
    into: Path = given.into or ROOT / ("docs" if fair and given.seconds >= _WHOLE_S else "reports")
    for name, text in (
        ("explanation/outage-drill.md", page.write(found)),
        ("images/outage-drill.svg", picture.draw(found)),
    ):
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"Written: {path}")
    if given.into is None and fair:
        tell_the_console(now_sentence(found), ROOT)
    print(*sentence_of_before(found), *now_sentence(found), sep="\n")
    broken = broken_promises(found.now)
    print(*(f"BROKEN: {promise}" for promise in broken), sep="\n", end="\n" if broken else "")
    return 1 if broken else 0


def tell_the_console(sentences: tuple[str, str], folder: Path) -> None:
    """Leave the sentence where a service that is started in ``folder`` looks for it."""
    path = folder / LAST_DRILL
    path.parent.mkdir(parents=True, exist_ok=True)
    sentence = " ".join(sentences).removeprefix("Now: ")
    told = {"at": f"{datetime.now(UTC):%Y-%m-%d}", "sentence": sentence[:1].upper() + sentence[1:]}
    path.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
