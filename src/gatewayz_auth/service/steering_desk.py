"""What operators change for the whole service from the console: settings and the rollout, each written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.service.audit import without_names
from gatewayz_auth.service.rollout import RUNNING, SOAK_S, STAGES, Rollout
from gatewayz_auth.service.rollout_moves import moved
from gatewayz_auth.service.runtime_settings import CHANGEABLE, Override, Runtime, change
from gatewayz_auth.service.situation import span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.desk import Operator
    from gatewayz_auth.service.runtime_settings import RuntimeStore

VALUE_LENGTH = 500
LONGEST_S = 366 * 86400.0
KNOWN_WITHIN = "Every worker on every host knows it within 5 s."


class SteeringDesk:
    """Each change and its line in the audit log are one transaction; ``NotKnown`` where the database says nothing."""

    def __init__(
        self,
        store: RuntimeStore,
        check: Callable[[Runtime, float], None],
        seen: Callable[[], Awaitable[Mapping[str, Any]]],
        heard: Callable[[Runtime], None],
        clock: Clock,
    ) -> None:
        """``check`` raises ``SettingsError`` for what cannot hold together; ``heard`` has this process know at once.

        ``seen`` is what this host has seen of both cohorts.
        """
        self._store = store
        self._check = check
        self._seen = seen
        self._heard = heard
        self._clock = clock

    async def set(self, operator: Operator, name: str, value: str, for_s: float, why: str) -> str:
        """Set ``name`` for ``for_s`` seconds, 0: until it is unset; what was done, in a sentence."""
        _changeable(name)
        if not 0 <= for_s <= LONGEST_S:
            raise SettingsError([f"{for_s:g} s is no time that a setting may hold for: 366 days at most"])
        now_s = self._clock.utc_now_s()
        until_s = now_s + for_s if for_s else None
        override = Override(value, operator.who, without_names(why), now_s, until_s)

        def make(before: Runtime) -> Runtime:
            after = before.tidied(now_s).with_setting(name, override)
            self._check(after, now_s)
            return after

        lasts = f" for {span(for_s)}" if for_s else ""
        await self._change(make, operator, "settings set", f"{name} = {value[:60]}{lasts}", why)
        return f"{name} is {value}{lasts or ' until it is unset'}. {KNOWN_WITHIN}"

    async def unset(self, operator: Operator, name: str, why: str) -> str:
        """Leave ``name`` to the environment; what was done, in a sentence."""
        _changeable(name)
        now_s = self._clock.utc_now_s()

        def make(before: Runtime) -> Runtime:
            after = before.tidied(now_s).without_setting(name)
            self._check(after, now_s)
            return after

        await self._change(make, operator, "settings unset", name, why)
        return f"{name} is what the environment says. {KNOWN_WITHIN}"

    async def move(self, operator: Operator, move: str, why: str) -> str:
        """One of ``rollout_moves.MOVES``; ``StartupError`` where it may not be. What was done, in a sentence."""
        now_s = self._clock.utc_now_s()
        reason = without_names(why)
        begun = Rollout(STAGES, 0, RUNNING, now_s, SOAK_S, is_auto=False, why=reason or "started")
        seen = await self._seen()

        def make(before: Runtime) -> Runtime:
            return replace(before, rollout=moved(before.rollout, move, begun, reason, now_s, seen))

        after = await self._change(make, operator, f"rollout {move}", "rollout", why)
        share = 100 if after.rollout is None else after.rollout.share
        return f"Safety features are on for {share} % of people. {KNOWN_WITHIN}"

    async def _change(
        self, make: Callable[[Runtime], Runtime], operator: Operator, what: str, subject: str, why: str
    ) -> Runtime:
        after = await change(self._store, make, who=operator.who, what=what, subject=subject, why=without_names(why))
        self._heard(after)
        return after


def _changeable(name: str) -> None:
    if name not in CHANGEABLE:
        raise SettingsError([f"{name} is read once at start: set it in the environment and start again"])
