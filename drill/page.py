"""The page about the drill: text by template, every figure of the run."""

from __future__ import annotations

import os
import platform
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drill.calls import Source
from drill.figures import by_source, figures, longest_silence_s, of_kind, percentile, well_again_s, wrong
from drill.plan import DEADLINE_S, GIVES_UP_S, SHARES
from drill.words import now_sentence, sentence_of_before, span
from gatewayz_auth.service.load_plan import Kind

if TYPE_CHECKING:
    from drill.breakers import Stretch
    from drill.calls import Seen
    from drill.figures import Figures
    from drill.run import Drill

_USUAL_S = 1.0
_NAMES = {Kind.RETURNING: "returning people", Kind.NEW: "newcomers", Kind.FORGED: "forged tokens"}
_PAGE = """# The outage drill

`make drill` wrote this page on {day}: {machine}. Every figure is of that one run; nothing is typed in by hand.

![What callers saw while the database was frozen: the sign-in of before, and the service](../images/outage-drill.svg)

{before}

{now}

## What is done

Two programs share one Postgres, {query} away for each query. One is `gatewayz-auth serve --workers {workers}` with its
Valkey, as anybody would run it. The other is [the sign-in of before](../../drill/before.py): the founding document's
blocking queries, one after another, in an `async` route, with as many workers. Where the document leaves something
open the choice favours before; the file says which.

{callers} callers come to each within {seconds:g} s, at the same instants, {rate:g} a second on average and whether or
not those before them were answered: {shares}. Those who return signed in once before, and Redis and one worker remember
them. From {frozen_from:.3g} s to {frozen_until:.3g} s the database is frozen:
its connections stay open, the kernel acknowledges, nobody answers. Then what was held back gets through. A caller goes
away after {gives_up:g} s, as the document's client did.

`AUTH_CACHE_TTL` is {ttl:g} s here instead of 300, so that within a drill the answers of about half of those who come
back are too old. With 300 s most would notice nothing at all, and the picture would show nothing.

## What callers saw

| callers | | came | answered within {deadline:g} s | signed in within {deadline:g} s | p50 | p99 | worst |
|---|---|---|---|---|---|---|---|
{whole}

Of these, while the database was frozen:

| callers | | came | answered within {deadline:g} s | signed in within {deadline:g} s | p50 | p99 | worst |
|---|---|---|---|---|---|---|---|
{frozen}

| | before | now |
|---|---|---|
{sides}

A forged token is answered when it is refused. A newcomer whom the service cannot know is answered when it says 503 with
`Retry-After`; nobody here comes back, in life they would.

## Where answers came from, and the breaker

| | {sources} |
|---|{rules}|
| before | {counts_before} |
| now | {counts_now} |

{breakers}

## What it does not show

- The real distance. The document measured 100 to 250 ms for a query; at 100 ms the program of before can sign in
  {capacity:.1f} people a second with {workers} workers, and {rate:g} a second would be an outage without any fault.
  [The table before and after](../reference/performance.md) has those distances.
- Another kind of fault than a freeze. [The tests](../../tests/faults/) go through the others.
- A machine that is too busy to let Redis answer within 50 ms. Whoever is remembered in Redis alone, and not in the
  worker they come to, is a stranger to it then, and is told 503 while the database is away.
- A quiet machine: the two programs, their database and the load share one. The load itself was at most {late} late,
  which counts as waiting.

See also [Deadlines](deadlines.md), [Last known good](last-known-good.md), [The circuit breaker](circuit-breaker.md).
"""


def _wrapped(page: str) -> str:
    """The page with its paragraphs filled: figures differ in length."""
    blocks = []
    for block in page.split("\n\n"):
        is_prose = not block.startswith(("#", "|", "!", "- "))
        blocks.append(
            textwrap.fill(" ".join(block.split()), 118, break_long_words=False, break_on_hyphens=False)
            if is_prose
            else block
        )
    return "\n\n".join(blocks) + "\n"


def machine() -> str:
    """What it ran on, in words; nothing that names a host."""
    system = f"{platform.system()} {platform.machine()}"
    raised = ", ahead of what else runs there (nice below 0)" if os.nice(0) < 0 else ""
    return f"{os.cpu_count()} processors, {system}, Python {platform.python_version()}{raised}"


def _percent(some: int, of: int) -> str:
    """Of how many, so that 100 % is said of all and of nothing less."""
    if not of:
        return "nobody came"
    if some in {0, of}:
        return "100 %" if some else "none"
    return f"{min(99.9, some / of * 100):.1f} % ({some:,})"


def _row(name: str, side: str, found: Figures, *, may_sign_in: bool) -> str:
    if not found.callers:
        return f"| {name} | {side} | 0 | | | | | |"
    signed_in = (
        _percent(found.signed_in_time, found.callers)
        if may_sign_in
        else "nobody"
        if not found.signed_in_time
        else "**some**"
    )
    times = " | ".join(span(value) for value in (found.p50_s, found.p99_s, found.worst_s))
    return f"| {name} | {side} | {found.callers:,} | {_percent(found.in_time, found.callers)} | {signed_in} | {times} |"


def _table(drill: Drill, *, from_s: float, until_s: float) -> str:
    rows = []
    for kind, name in _NAMES.items():
        for side, seen in (("before", drill.before), ("now", drill.now)):
            some = [call for call in seen.calls if from_s <= call.at_s < until_s]
            rows.append(_row(name, side, of_kind(some, kind), may_sign_in=kind is not Kind.FORGED))
    return "\n".join(rows)


def _of_side(drill: Drill, seen: Seen) -> dict[str, str]:
    answered = [ping.waited_s for ping in seen.pings if ping.waited_s is not None and ping.waited_s <= _USUAL_S]
    thaw_s = drill.plan.frozen_until_s
    silence_s = longest_silence_s(seen.pings)
    return {
        "asked whether it is alive (`/ping`, `/livez`), it answered within 1 s": _percent(
            len(answered), len(seen.pings)
        ),
        "longest silence then": span(silence_s) if silence_s else "none",
        "p99 of those answers": span(percentile(answered, 0.99)),
        "wrong answers: another's account, a forged token let in, an honest one refused": f"{wrong(seen.calls):,}",
        "went away without an answer": f"{by_source(seen.calls)[Source.NOTHING]:,}",
        f"after the thaw, the last caller who waited more than {_USUAL_S:g} s came": _later(
            well_again_s(seen, thaw_s, _USUAL_S)
        ),
    }


def _later(seconds: float) -> str:
    return f"{span(seconds)} later" if seconds else "at no time"


def _database_breaker(stretches: tuple[Stretch, ...], frozen_from_s: float, frozen_until_s: float) -> str:
    opened = [stretch.from_s for stretch in stretches if stretch.state == "open" and stretch.from_s >= frozen_from_s]
    early = [stretch for stretch in stretches if stretch.state != "closed" and stretch.from_s < frozen_from_s]
    words = "The breaker of the database opened in no worker."
    if opened:
        words = (
            f"The breaker of the database opened in the first worker {span(opened[0] - frozen_from_s)} after the freeze"
        )
        closed = [stretch.from_s for stretch in stretches if stretch.state == "closed" and stretch.from_s > opened[-1]]
        if closed:
            words += f", and was closed in all of them {span(max(0.0, closed[-1] - frozen_until_s))} after the thaw"
        words += "."
    return words + (" It had been open before the freeze as well, without need." if early else "")


def _redis_breaker(stretches: tuple[Stretch, ...]) -> str:
    not_closed_s = sum(stretch.until_s - stretch.from_s for stretch in stretches if stretch.state != "closed")
    if not not_closed_s:
        return "The breaker of Redis opened in no worker."
    return (
        f"The breaker of Redis was not closed in some worker for {span(not_closed_s)} in all: the machine was too busy "
        "to answer within 50 ms."
    )


def capacity_of_before(workers: int, query_s: float) -> float:
    """How many people a second before can sign in at most: 3 queries for somebody known, 6 for a newcomer."""
    queries = 3 * SHARES[Kind.RETURNING] + 6 * SHARES[Kind.NEW]
    return workers / (queries * query_s)


def write(drill: Drill) -> str:
    """The page of ``drill``."""
    plan = drill.plan
    sides = [_of_side(drill, seen) for seen in (drill.before, drill.now)]
    before, now = sentence_of_before(drill), now_sentence(drill)
    sources = [source for source in Source if source is not Source.NOTHING]
    counts = [by_source(seen.calls) for seen in (drill.before, drill.now)]
    names = {
        Source.REFUSED: "refused (401, 403)",
        Source.LATER: "503, come back",
        Source.LAST_KNOWN_GOOD: "last known good",
    }
    frozen = (plan.frozen_from_s, plan.frozen_until_s)
    page = _PAGE.format(
        day=datetime.fromtimestamp(drill.began_utc_s, UTC).strftime("%Y-%m-%d, %H:%M UTC"),
        machine=machine(),
        before=f"**{before[0]}** {before[1]}",
        now=f"**{now[0]}** {now[1]}",
        query=span(plan.query_s),
        workers=plan.workers,
        callers=f"{figures(drill.now.calls).callers:,}",
        seconds=plan.seconds,
        rate=plan.rate,
        shares=", ".join(f"{_NAMES[kind]} {share:.0%}".replace("%", " %") for kind, share in SHARES.items()),
        frozen_from=plan.frozen_from_s,
        frozen_until=plan.frozen_until_s,
        gives_up=GIVES_UP_S,
        ttl=plan.fresh_for_s,
        deadline=DEADLINE_S,
        whole=_table(drill, from_s=0.0, until_s=plan.seconds),
        frozen=_table(drill, from_s=frozen[0], until_s=frozen[1]),
        sides="\n".join(f"| {name} | {sides[0][name]} | {sides[1][name]} |" for name in sides[0]),
        sources=" | ".join(names.get(source, str(source)) for source in sources),
        rules="---|" * (len(sources) - 1) + "---",
        counts_before=" | ".join(f"{counts[0][source]:,}" for source in sources),
        counts_now=" | ".join(f"{counts[1][source]:,}" for source in sources),
        breakers="\n".join(
            (
                _database_breaker(drill.database_breaker, *frozen),
                _redis_breaker(drill.redis_breaker),
            )
        ),
        capacity=capacity_of_before(plan.workers, 0.1),
        late=span(max(drill.before.latest_start_s, drill.now.latest_start_s)),
    )
    return _wrapped(page.strip())
