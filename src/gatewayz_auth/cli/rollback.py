"""``gatewayz-auth rollback``: go back within seconds, whatever is frozen; said before, audited, undone as quickly."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.cli import output
from gatewayz_auth.cli.steering import KNOWN_WITHIN, add_why, at_desk, why_of
from gatewayz_auth.cli.who_types import operator
from gatewayz_auth.domain.errors import NotKnown, OperatorError, SettingsError
from gatewayz_auth.service.rollback import KEEPS_SIGNED_IN, parts_of, plan, turns_cache_off
from gatewayz_auth.service.runtime_settings import Rollback, Runtime, change, effective

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.bootstrap_runtime_desk import RuntimeDesk
    from gatewayz_auth.settings import Settings

EXAMPLE = "gatewayz-auth rollback --partial --dry-run"
HERE = (
    "The database does not answer: done by a file in the state folder, for every process of this host within 5 s. "
    "Do the same on the other hosts. The audit log gets it when the database is back."
)

NOTHING = "Nothing was rolled back that is known here; whoever did so by a file on another host hears it too."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("action", nargs="?", choices=("undo",), help="undo: take back what was rolled back")
    parser.add_argument("--partial", action="store_true", help="cache, timeouts and referrals")
    parser.add_argument("--full", action="store_true", help="all safety features off, the cache cleared; needs --yes")
    parser.add_argument("--cache", action="store_true", help="the cache alone")
    parser.add_argument("--timeouts", action="store_true", help="the time-outs alone, to 15 s")
    parser.add_argument("--referrals", action="store_true", help="referrals alone, to the nightly run")
    parser.add_argument("--dry-run", action="store_true", help="say what it would do, and do nothing")
    parser.add_argument("--force", action="store_true", help="turn the cache off even where people live by it")
    parser.add_argument("--yes", action="store_true", help="do --full")
    add_why(parser)


@dataclass(frozen=True, slots=True)
class Done:
    """How it was done: ``where`` it holds (``everywhere`` or ``this host``), what became of Redis, what held before."""

    where: str
    redis: str | None = None
    before: tuple[str, ...] = ()


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when done, 1 where it was refused because people live by the cache."""
    alone = tuple(name for name in ("cache", "timeouts", "referrals") if getattr(arguments, name))
    parts = parts_of(partial=arguments.partial, full=arguments.full, alone=alone)
    if bool(parts) == (arguments.action == "undo"):
        raise SettingsError(
            [f"Say what: --partial, --full, --cache, --timeouts, --referrals, or undo. Example: {EXAMPLE}"]
        )
    sentences = plan(parts)
    if arguments.dry_run:
        text = "\n".join(["Nothing is done. It would be:", *(f"  {line}" for line in sentences)])
        output.show({"would": sentences, "parts": list(parts)}, text, as_json=arguments.json)
        return 0
    if arguments.full and not arguments.yes:
        raise SettingsError(["rollback --full turns every safety feature off: say --yes, or --dry-run to see it first"])
    if parts and not arguments.json:
        said = ["This is to be done:", *(f"  {line}" for line in sentences)]
        output.show(None, "\n".join(said), as_json=False)
    done = at_desk(lambda desk, settings: _do(desk, settings, arguments, parts))
    facts = {"done": sentences, "parts": list(parts)} | dataclasses.asdict(done)
    text = f"Done. {KNOWN_WITHIN}" if done.where == "everywhere" else HERE
    if not parts:
        text = "\n".join([*(sentences if done.before else [NOTHING]), text])
    if done.redis is not None:
        text = f"{text}\n{done.redis}"
    output.show(facts, text, as_json=arguments.json)
    return 0


async def _do(desk: RuntimeDesk, _: Settings, arguments: argparse.Namespace, parts: tuple[str, ...]) -> Done:
    who, why = operator().who, why_of(arguments)
    what, subject = ("rollback", ", ".join(parts)) if parts else ("rollback undo", "all of it")
    rollback = Rollback(parts, who, why, desk.clock.utc_now_s())
    held = desk.files.held() or Runtime()
    try:
        await desk.store.trip_s()
        is_away = False
    except NotKnown:
        is_away = True
    if turns_cache_off(parts) and not arguments.force and (is_away or desk.glance().is_breaker_open):
        raise OperatorError(KEEPS_SIGNED_IN)
    if not is_away:
        try:

            def make(before: Runtime) -> Runtime:
                nonlocal held
                held = before
                return dataclasses.replace(before, rollback=rollback)

            await change(desk.store, make, who=who, what=what, subject=subject, why=why)
        except NotKnown:
            is_away = True
    before = effective(held, desk.files.here(), rollback.at_s).rolled_back
    if is_away:
        try:
            desk.files.roll_back_here(rollback)
            desk.files.owe(who, what, f"{subject} (one host)", why)
        except OSError as error:
            raise OperatorError(f"The state folder cannot be written ({error.strerror}): set STATE_DIR.") from None
    redis = await _clear(desk) if "features" in parts else None
    return Done("this host" if is_away else "everywhere", redis, before)


async def _clear(desk: RuntimeDesk) -> str | None:
    try:
        count = await desk.clear_redis()
    except NotKnown:
        return "Redis does not answer: what it holds ends by itself, and is not read while the features are off."
    return None if count is None else f"{count} keys of ours were dropped in Redis."
