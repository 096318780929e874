"""The screen of ``watch``, in the terminal's own colours: sentence, figures, neighbours, events."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gatewayz_auth.cli.status import SIGNS, told_below
from gatewayz_auth.service.situation import span

if TYPE_CHECKING:
    from rich.console import RenderableType

_LEVELS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
_STATES = {
    "answers": ("✓", "answers", "green"),
    "recovering": ("✓", "answers again", "green"),
    "slow": ("!", "slow", "yellow"),
    "silent": ("✕", "silent", "red"),
    "refusing": ("✕", "refuses", "red"),
    "hanging": ("✕", "hangs", "red"),
    "returning": ("!", "answers again", "yellow"),
    "unsteady": ("!", "comes and goes", "yellow"),
    "stale": ("✕", "not refreshed", "red"),
    "absent": ("-", "not there", "dim"),
    "in_step": ("✓", "in step", "green"),
    "behind": ("…", "behind", "yellow"),
    "failed": ("!", "some failed", "yellow"),
    "not_known": ("?", "not known", "yellow"),
}
_NAMES = {"postgres": "Postgres", "redis": "Redis", "privy": "Key server"}
_SOURCES = (("cache", "cyan"), ("database", "blue"), ("last_known_good", "yellow"), ("refused", "red"))
_BAR = 40
_EVENTS = 6


def screen(now: dict[str, Any]) -> RenderableType:
    """All of it, for whatever width there is."""
    told = now["situation"]
    color = _LEVELS.get(told["status"], "red")
    head = Text.assemble(
        (f" {SIGNS.get(told['status'], '✕')} ", f"bold reverse {color}"), "  ", (told["sentence"], "bold")
    )
    below = Text(f"     {told_below(told['text'])}", style="dim")
    if "pool" not in now:
        return Group("", head, below)
    more = [Text(f"     {one}") for one in (*told["more"], *now.get("steered", []))]
    do = [Text(f"     What to do: docs/runbook/{told['runbook']}.md")] if told["runbook"] else []
    return Group("", head, below, *more, *do, "", _figures(now), "", _neighbours(now), "", _events(now), "", _foot(now))


def _figures(now: dict[str, Any]) -> Table:
    waits, minute, pool = now["waits"], now["minute"], now["pool"]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    count = waits["count"]
    in_time = f"{waits['in_time'] / count * 100:.2f} % of {count:,} in 15 min" if count else "nobody came in 15 min"
    table.add_row("Answered in time", in_time)
    table.add_row(
        "Waited",
        f"P50 {span(waits['p50_s'])}  P95 {span(waits['p95_s'])}  P99 {span(waits['p99_s'])}" if count else "-",
    )
    given = {**minute, "refused": minute["refused"] + minute["unknown"] + minute["limited"]}
    total = sum(given[name] for name, _ in _SOURCES)
    bar, words = Text(), Text()
    for name, color in _SOURCES:
        share = given[name] / total if total else 0.0
        bar.append("█" * round(share * _BAR), style=color)
        words.append("■ ", style=color)
        words.append(f"{name.replace('_', ' ')} {share * 100:.0f} %  ")
    table.add_row("Answered from", bar if total else Text("nobody came in the last minute", style="dim"))
    table.add_row("", words)
    table.add_row("Database pool", f"{pool['band']}  {pool['words']}")
    return table


def _neighbours(now: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name in ("postgres", "redis", "privy"):
        one = now[name]
        sign, word, color = _STATES[one["state"]]
        breaker = "" if one["breaker"] == "closed" else f", breaker {one['breaker'].replace('_', '-')}"
        since = f"for {span(now['at_s'] - one['since_s'])}" if one["since_s"] else ""
        table.add_row(
            Text(_NAMES[name], style="dim"),
            Text(f"{sign} {word}{breaker}", style=color),
            since,
            Text(one["note"], "dim"),
        )
    jobs = now["jobs"]
    sign, word, color = _STATES[jobs["state"]]
    table.add_row(Text("Jobs", style="dim"), Text(f"{sign} {word}", style=color), "", Text(jobs["note"], "dim"))
    return table


def _events(now: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for one in now["events"][:_EVENTS]:
        table.add_row(Text(_clock(one["at_s"]), style="dim"), one["text"])
    for one in now["troubles"][:_EVENTS]:
        text = f"{one['status']} {one['code'].replace('_', ' ')} after {span(one['took_s'])}"
        table.add_row(Text(_clock(one["at_s"]), style="dim"), f"{text}  {one['request_id']}")
    return table


def _foot(now: dict[str, Any]) -> Text:
    workers = f"{now['workers']} worker{'' if now['workers'] == 1 else 's'}"
    return Text(f"{_clock(now['at_s'])} UTC  {now['version']}  {now['region']}  {workers}  Ctrl-C ends it", style="dim")


def _clock(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%H:%M:%S")
