"""What holds now, told to those who work by it; nobody who works looks it up, so that it costs nothing on their way."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.service.runtime_settings import Effective, Runtime, effective

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.runtime_settings import Override, Rollback

AS_STARTED = Effective({}, 100.0, ())


class Live:
    """Keeps what was read last, from the database and of this host, and calls ``apply`` when what holds changes.

    ``apply`` raises ``SettingsError`` for what cannot hold together; then what was set before goes on to hold, and only
    a rollback and a rollout are followed.
    """

    def __init__(self, apply: Callable[[Effective], None], clock: Clock) -> None:
        """The settings of the start hold."""
        self._apply = apply
        self._clock = clock
        self._applied = AS_STARTED
        self._refused: Effective | None = None
        self._was_older = False
        self._held: Mapping[str, Override] = {}
        self.runtime = Runtime()
        self.here: Rollback | None = None

    @property
    def now(self) -> Effective:
        """What holds."""
        return self._applied

    def heard(self, runtime: Runtime | None, here: Rollback | None) -> str | None:
        """Hear what was read, None where the database did not say; a sentence where it cannot hold, once.

        An older version may have been read just before a newer one was written; read twice, the database was restored.
        """
        if runtime is not None:
            is_older = runtime.version < self.runtime.version
            if not is_older or self._was_older:
                self.runtime, is_older = runtime, False
            self._was_older = is_older
        self.here = here
        return self.tick()

    def tick(self) -> str | None:
        """Let time have its effect: what was set for a while ends."""
        now_s = self._clock.utc_now_s()
        wanted = effective(self.runtime, self.here, now_s)
        if wanted == self._applied:
            return None
        said = None
        if wanted != self._refused:
            try:
                self._apply(wanted)
            except SettingsError as error:
                said = f"What was set while running cannot hold here, and what held before goes on to: {error}"
                self._refused = wanted
            else:
                self._applied, self._refused, self._held = wanted, None, self.runtime.settings
                return None
        # Nor may it keep a rollback from holding, which is the last word of a bad day, or a rollout.
        rest = effective(replace(self.runtime, settings=self._held), self.here, now_s)
        if rest != self._applied:
            with contextlib.suppress(SettingsError):
                self._apply(rest)
                self._applied = rest
        return said
