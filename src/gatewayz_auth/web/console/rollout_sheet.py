"""The page Rollout: for whom the safety features are on, both cohorts side by side, and where it goes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.rollout import HALTED, RUNNING, STAGES
from gatewayz_auth.service.rollout_moves import QUANTILES, figures_of
from gatewayz_auth.service.rollout_watch import cohorts_seen
from gatewayz_auth.service.situation import span
from gatewayz_auth.web.console.sheet import away, card, cell, clock, deed, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.service.live_settings import Live
    from gatewayz_auth.service.rollout import Rollout

_RATES = {"errors": "Errors", "timeouts": "Time-outs", "hits": "Hit rate"}
_COLUMNS = ("", "Without", "With")
_STILL_AFTER_S = 5.0
_SIGNS = {"running": "running", "halted": "!\u00a0halted", "finished": "✓\u00a0finished"}


def rollout_sheet(live: Live, seen: Mapping[str, Any], silent_s: float, now_s: float) -> dict[str, Any]:
    """How it stands; the cohorts are those that this host saw since the stage began."""
    rollout, stands = live.runtime.rollout, away(silent_s)
    as_of_s = now_s if stands is None else now_s - silent_s
    head = {
        "title": "Rollout",
        "note": _note(rollout, live.now.rolled_back),
        "as_of": as_of_s,
        "order": live.runtime.version,
        "stands": stands,
        "closed": stands is not None,
        "deeds": _deeds(rollout),
        "tables": [],
    }
    share = f"{live.now.share:g} %"
    if rollout is None:
        return {**head, "cards": [card("Safety features are on for", share, "of people: no rollout")]}
    of = f"{rollout.stage + 1} of {len(rollout.stages)}"
    cards = [
        card("Safety features are on for", share, "of people"),
        card("State", _SIGNS[rollout.state], f"since {clock(rollout.since_s)}"),
        card("Stage", of, "at " + ", ".join(f"{one} %" for one in rollout.stages)),
        _soak(rollout, now_s),
    ]
    if not rollout.is_counting:
        return {**head, "cards": cards}
    return {**head, "cards": cards, "tables": [_cohorts(seen, now_s)]}


def _note(rollout: Rollout | None, rolled_back: tuple[str, ...]) -> str:
    back = f" Rolled back: {', '.join(rolled_back)}; gatewayz-auth rollback undo takes it back." if rolled_back else ""
    if rollout is None:
        return f"Deadlines, cache and breaker are on for everybody, or stage by stage for a share of people.{back}"
    between = " Below each figure: where the true one lies, 19 times of 20." if rollout.is_counting else ""
    return f"What moved it last: {rollout.why or 'not said'}.{between}{back}"


def _soak(rollout: Rollout, now_s: float) -> dict[str, str]:
    left_s = rollout.soaked_in_s(now_s)
    if rollout.state != RUNNING or left_s <= 0:
        return card("Soaks for another", "none", "it has soaked" if rollout.state == RUNNING else "it is not running")
    return card("Soaks for another", span(left_s), "goes on by itself" if rollout.is_auto else "goes on by hand")


def _cohorts(seen: Mapping[str, Any], now_s: float) -> dict[str, Any]:
    cohorts = cohorts_seen(seen)
    empty = "Nobody has come yet: both cohorts will stand here side by side."
    if not cohorts:
        return table("Both cohorts", _COLUMNS, [], empty=empty)
    told = [figures_of(cohorts[name]) for name in ("old", "new")]
    rows: list[list[Any]] = [["Sign-ins", *(f"{facts['requests']:,}" for facts in told)]]
    rows += [[name.upper(), *(_length(facts[name]) for facts in told)] for name in QUANTILES]
    rows += [[word, *(_rate(facts[name]) for facts in told)] for name, word in _RATES.items()]
    old_s = now_s - float(seen.get("at_s") or 0.0)
    still = f", as of {clock(seen['at_s'])}" if old_s > _STILL_AFTER_S else ""
    return table(f"As this host sees it{still}: {seen.get('verdict') or 'nothing to say yet'}.", _COLUMNS, rows)


def _length(facts: Mapping[str, Any]) -> dict[str, Any]:
    if facts["ms"] is None:
        return cell("")
    low, high = facts["between"]
    return cell(_ms(facts["ms"]), f"{_ms(low)} to {_ms(high)}")


def _ms(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 10 else span(ms / 1e3)  # noqa: PLR2004 - where another digit says something


def _rate(facts: Mapping[str, Any]) -> dict[str, Any]:
    if facts["rate"] is None:
        return cell("")
    low, high = facts["between"]
    return cell(f"{facts['rate'] * 100:.1f} %", f"{low * 100:.1f} to {high * 100:.1f} %")


def _deeds(rollout: Rollout | None) -> list[dict[str, Any]]:
    first = STAGES[0]
    start = deed(
        "Start",
        "steer/rollout/start",
        f"Safety features go off for all but {first} % of people: the others ask the database each time, without "
        f"cache, breaker or last known good. The stages are {', '.join(map(str, STAGES))} %, each for 30 min at least.",
    )
    if rollout is None or not rollout.is_counting:
        return [start]
    stages, stage = rollout.stages, rollout.stage
    after = "it is finished" if stage + 1 >= len(stages) else f"safety features are on for {stages[stage + 1]} %"
    before = f"{stages[stage - 1]} %" if stage > 0 else "nobody"
    deeds = [
        deed(
            "Advance",
            "steer/rollout/advance",
            f"The next stage: {after}. Refused until it has soaked, and where it is worse.",
        ),
        deed(
            "Halt",
            "steer/rollout/halt",
            f"One stage back: safety features are on for {before}, until somebody says otherwise.",
        ),
        deed(
            "Finish",
            "steer/rollout/finish",
            "Safety features are on for everybody, and nobody is counted apart any more.",
        ),
    ]
    return [start, *(one for one in deeds if one["word"] != "Halt")] if rollout.state == HALTED else deeds
