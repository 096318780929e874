"""``gatewayz-auth settings``: what every setting is, where that comes from and what it should be; change some live."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output
from gatewayz_auth.cli.state_folder import supplied_in
from gatewayz_auth.cli.steering import KNOWN_WITHIN, add_why, at_desk, duration_s, in_words, why_of
from gatewayz_auth.cli.who_types import operator
from gatewayz_auth.domain.errors import NotKnown, SettingsError
from gatewayz_auth.domain.tuning import MOST_BUDGET_S
from gatewayz_auth.service.runtime_settings import CHANGEABLE, Override, Runtime, change, effective
from gatewayz_auth.settings import KNOBS, load_environment, read_settings, warnings
from gatewayz_auth.settings.advice import Measured, advice
from gatewayz_auth.settings.listing import listing, nearest
from gatewayz_auth.settings.live import changed, check

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.bootstrap_runtime_desk import RuntimeDesk
    from gatewayz_auth.settings import Settings

EXAMPLE = 'gatewayz-auth settings set USER_LOOKUP_TIMEOUT 7 --for 30m --why "the database moved"'
TRIPS = 5
_PACE_WINDOWS_PER_HOUR = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("action", nargs="?", choices=("list", "set", "unset"), default="list")
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help=f"one of {', '.join(CHANGEABLE)}")
    parser.add_argument("value", metavar="VALUE", nargs="?", default=None)
    parser.add_argument("--for", dest="for_", metavar="TIME", help="how long it holds, as 30m or 2h (default: unset)")
    add_why(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when done."""
    if arguments.action == "list":
        return _list(arguments)
    name = _changeable(arguments.name, arguments.action)
    if arguments.action == "unset":
        return _unset(arguments, name)
    if arguments.value is None:
        raise SettingsError([f"settings set needs a VALUE. Example: {EXAMPLE}"])
    return _set(arguments, name)


def _changeable(name: str, action: str) -> str:
    if not name:
        raise SettingsError([f"settings {action} needs a NAME. Example: {EXAMPLE}"])
    upper = name.upper()
    if upper in CHANGEABLE:
        return upper
    if any(knob.name == upper for knob in KNOBS):
        raise SettingsError([f"{upper} is read once at start: set it in the environment and start again"])
    near = nearest(upper)
    raise SettingsError(
        [f"{name} is no setting" + (f"; did you mean {near}?" if near else ": gatewayz-auth settings lists them all")]
    )


def _set(arguments: argparse.Namespace, name: str) -> int:
    for_s = None if arguments.for_ is None else duration_s(arguments.for_)
    value = arguments.value.strip()

    async def do(desk: RuntimeDesk, settings: Settings) -> Runtime:
        now_s = desk.clock.utc_now_s()
        until_s = None if for_s is None else now_s + for_s
        override = Override(value, operator().who, why_of(arguments), now_s, until_s)

        def make(before: Runtime) -> Runtime:
            after = before.tidied(now_s).with_setting(name, override)
            _check(settings, after, now_s)
            return after

        subject = f"{name} = {value[:60]}" + ("" if for_s is None else f" for {in_words(for_s)}")
        return await change(
            desk.store, make, who=operator().who, what="settings set", subject=subject, why=override.why
        )

    at_desk(do)
    lasts = "until it is unset" if for_s is None else f"for {in_words(for_s)}"
    text = f"{name} is {value} {lasts}. {KNOWN_WITHIN}"
    note = ""
    if name == "AUTH_QUERY_TIMEOUT" and float(value) > MOST_BUDGET_S:
        note = f"More than {MOST_BUDGET_S:g} s helps nobody: callers give up at 30 s."
    facts = {"set": name, "value": value, "for_s": for_s, "note": note or None}
    output.show(facts, f"{text}\n{note}".rstrip(), as_json=arguments.json)
    return 0


def _check(settings: Settings, runtime: Runtime, now_s: float) -> None:
    """``SettingsError`` where what was changed cannot hold together, by the rules of the start."""
    check(settings, load_environment(Path.cwd()), effective(runtime, None, now_s).settings)


def _unset(arguments: argparse.Namespace, name: str) -> int:
    async def do(desk: RuntimeDesk, settings: Settings) -> bool:
        now_s = desk.clock.utc_now_s()
        was_set = False

        def make(before: Runtime) -> Runtime:
            nonlocal was_set
            was_set = name in before.settings
            after = before.tidied(now_s).without_setting(name)
            _check(settings, after, now_s)
            return after

        await change(desk.store, make, who=operator().who, what="settings unset", subject=name, why=why_of(arguments))
        return was_set

    was_set = at_desk(do)
    text = f"{name} is what the environment says. {KNOWN_WITHIN}" if was_set else f"{name} was not set while running."
    output.show({"unset": name, "was_set": was_set}, text, as_json=arguments.json)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    runtime, measured, is_away, now_s, here = at_desk(_look, anywhere=True)
    environ = load_environment(Path.cwd())
    wanted = effective(runtime, here, now_s)
    said = advice(changed(read_settings(environ, dev=True), wanted.settings), measured)
    by, supplied = supplied_in(Path(environ.get("STATE_DIR", "").strip() or ".state"))
    rows = [
        dataclasses.replace(row, value=supplied[row.name], source=by)
        if row.source == "default" and row.name in supplied
        else row
        for row in listing(Path.cwd(), wanted.settings, said)
    ]
    warned = warnings(environ)
    facts: dict[str, Any] = {
        "settings": [dataclasses.asdict(row) for row in rows],
        "warnings": warned,
        "runtime": runtime.as_json() | {"version": runtime.version},
        "rolled_back": list(wanted.rolled_back),
        "measured": dataclasses.asdict(measured),
        "database": "away" if is_away else "answers",
    }
    lines = [f"{row.name:28} {row.value or '-':24} {row.source}" for row in rows]
    lines += [f"  {row.name}: {row.advice}" for row in rows if row.advice]
    lines += [f"  {name}: until {in_words(one.until_s - now_s)} from now, by {one.who or '-'}: {one.why or '-'}"
              for name, one in runtime.settings.items() if one.until_s is not None and one.until_s > now_s]  # fmt: skip
    if wanted.rolled_back:
        lines.append(f"  Rolled back: {', '.join(wanted.rolled_back)}. gatewayz-auth rollback undo takes it back.")
    lines += [f"  {line}" for line in warned]
    if supplied:
        lines.append(f"  What {by} in this folder supplies itself is shown as it holds there.")
    if is_away:
        lines.append(
            "  The database does not answer: what was changed while running is shown as it was last read here."
        )
    lines.append("  Ranges and what each tunes: gatewayz-auth settings --json, or docs/reference/settings.md")
    output.show(facts, "\n".join(lines), as_json=arguments.json)
    return 0


async def _look(desk: RuntimeDesk, _: Settings) -> tuple[Runtime, Measured, bool, float, Any]:
    here = desk.files.here()
    now_s = desk.clock.utc_now_s()
    try:
        runtime = await desk.store.read()
        trips = [await desk.store.trip_s() for _ in range(TRIPS)]
    except NotKnown:
        return desk.files.held() or Runtime(), Measured(), True, now_s, here
    pace: float | None = None
    with contextlib.suppress(NotKnown):
        changes, people = await desk.store.change_pace()
        pace = changes * _PACE_WINDOWS_PER_HOUR / people if people else None
    return runtime, Measured(statistics.median(trips), desk.glance().lookup_p99_s, pace), False, now_s, here
