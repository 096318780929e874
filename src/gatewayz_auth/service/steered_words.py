"""What operators have in force, a sentence each, with what ends it or tells more: nothing else looks wrong then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.service.rollout import HALTED
from gatewayz_auth.service.runtime_settings import effective, newest
from gatewayz_auth.service.situation import clock

if TYPE_CHECKING:
    from gatewayz_auth.service.rollout import Rollout
    from gatewayz_auth.service.runtime_settings import Rollback, Runtime


def steered_in_words(runtime: Runtime, here: Rollback | None, now_s: float) -> tuple[str, ...]:
    """A sentence for a rollback that holds at ``now_s`` (UTC seconds), and one for a rollout that is not finished."""
    said = []
    parts = effective(runtime, here, now_s).rolled_back
    rollback = newest(runtime.rollback, here)
    if parts and rollback is not None:
        since = clock(rollback.at_s)
        said.append(f"Rolled back since {since}: {', '.join(parts)}; gatewayz-auth rollback undo takes it back.")
    if runtime.rollout is not None and runtime.rollout.is_counting:
        said.append(f"{_rollout(runtime.rollout)}; gatewayz-auth rollout show tells more.")
    return tuple(said)


def _rollout(rollout: Rollout) -> str:
    whom = f"{rollout.share} % of people" if rollout.share else "nobody"
    if rollout.state == HALTED:
        return f"Rollout halted since {clock(rollout.since_s)}: safety features are on for {whom}"
    of = f"{rollout.stage + 1} of {len(rollout.stages)}"
    return f"Rollout at stage {of} since {clock(rollout.since_s)}: safety features are on for {whom}"
