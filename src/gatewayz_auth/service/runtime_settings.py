"""What holds besides the environment: settings changed while running, a rollback, a rollout; as plain values.

::

    rollback            the last word of a bad day; the newest one of database and this host
    └── settings set    stronger than the environment until unset, or until its time is over
        └── environment
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from gatewayz_auth.domain.errors import OperatorError
from gatewayz_auth.service.rollout import Rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHANGEABLE = (
    "AUTH_QUERY_TIMEOUT",
    "USER_LOOKUP_TIMEOUT",
    "LOOKUP_PATIENCE",
    "AUTH_CACHE_TTL",
    "LAST_KNOWN_GOOD_MAX_AGE",
    "RATE_LIMITS",
    "REFERRAL_MODE",
    "SIGNUPS",
    "SIGNUP_DOMAINS",
    "LOG_LEVEL",
)
"""Settings that can be changed while running; the others are read once at start."""

MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Override:
    """A setting changed while running; ``until_s`` (UTC seconds) ends it, None: nothing but ``unset`` does."""

    value: str
    who: str
    why: str
    at_s: float
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rollback:
    """What was rolled back at ``at_s`` (UTC seconds): keys of ``ROLLED_BACK``; none: it was undone."""

    parts: tuple[str, ...]
    who: str
    why: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Runtime:
    """All that operators have changed, as of ``version``; the one row of the database."""

    version: int = 0
    settings: Mapping[str, Override] = field(default_factory=dict)
    rollback: Rollback | None = None
    rollout: Rollout | None = None

    def with_setting(self, name: str, override: Override) -> Runtime:
        """The same with ``name`` set."""
        return replace(self, settings={**self.settings, name: override})

    def without_setting(self, name: str) -> Runtime:
        """The same with ``name`` left to the environment."""
        return replace(self, settings={key: one for key, one in self.settings.items() if key != name})

    def tidied(self, now_s: float) -> Runtime:
        """The same without settings whose time is over."""
        return replace(self, settings={name: one for name, one in self.settings.items() if _holds(one, now_s)})

    def as_json(self) -> dict[str, Any]:
        """As the row keeps it; ``runtime_of`` reads it back."""
        return {
            "settings": {name: _fields(one) for name, one in self.settings.items()},
            "rollback": None if self.rollback is None else rollback_as_json(self.rollback),
            "rollout": None if self.rollout is None else self.rollout.as_json(),
        }


def runtime_of(version: int, document: Mapping[str, Any]) -> Runtime:
    """What a row says; what a newer program has written there and this one does not know is left out."""
    written = (document.get("settings") or {}).items()
    settings = {name: Override(**_known(Override, one)) for name, one in written if name in CHANGEABLE}
    rollout = document.get("rollout")
    return Runtime(
        version, settings, rollback_of(document.get("rollback")), None if rollout is None else Rollout.of(rollout)
    )


def _known(of: type[Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if name in of.__slots__}


def rollback_of(plain: Mapping[str, Any] | None) -> Rollback | None:
    """What ``rollback_as_json`` wrote."""
    return None if plain is None else Rollback(tuple(plain["parts"]), plain["who"], plain["why"], plain["at_s"])


def rollback_as_json(rollback: Rollback) -> dict[str, Any]:
    """As row and file keep it."""
    return {"parts": list(rollback.parts), "who": rollback.who, "why": rollback.why, "at_s": rollback.at_s}


def _fields(override: Override) -> dict[str, Any]:
    return {name: getattr(override, name) for name in override.__slots__}


def _holds(override: Override, now_s: float) -> bool:
    return override.until_s is None or now_s < override.until_s


ROLLED_BACK: Mapping[str, Mapping[str, str]] = {
    "cache": {"AUTH_CACHE_TTL": "0"},
    "timeouts": {"AUTH_QUERY_TIMEOUT": "15", "USER_LOOKUP_TIMEOUT": "15"},
    "referrals": {"REFERRAL_MODE": "nightly"},
    "features": {},
}
"""What each part of a rollback sets. Callers give up at 30 s, so that 15 s is the most that helps anybody."""


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds now: settings by name where they are not the environment's, and the share of people with features.

    ``share`` is in percent; 100 where nothing is rolled out or back. ``rolled_back`` are the parts that are.
    """

    settings: Mapping[str, str]
    share: float
    rolled_back: tuple[str, ...]
    is_counting: bool = False
    """Whether both cohorts are to be told apart: while a rollout runs."""


def newest(*rollbacks: Rollback | None) -> Rollback | None:
    """The one decided last: an undo anywhere is one too."""
    return max((one for one in rollbacks if one is not None), key=lambda one: one.at_s, default=None)


def effective(runtime: Runtime, here: Rollback | None, now_s: float) -> Effective:
    """What holds at ``now_s`` (UTC seconds), ``here`` being what was rolled back on this host alone."""
    settings = {name: one.value for name, one in runtime.settings.items() if _holds(one, now_s)}
    rollback = newest(runtime.rollback, here)
    parts = () if rollback is None else rollback.parts
    for part in parts:
        settings |= ROLLED_BACK.get(part, {})
    rollout = runtime.rollout
    share = 100.0 if rollout is None else float(rollout.share)
    is_counting = rollout is not None and rollout.is_counting
    return Effective(settings, 0.0 if "features" in parts else share, parts, is_counting)


class RuntimeStore(Protocol):
    """The row in the database; every call ends in seconds, in ``NotKnown`` at worst."""

    async def read(self) -> Runtime:
        """What it says now."""
        ...

    async def change(self, after: Runtime, who: str, what: str, subject: str, why: str) -> bool:
        """Put ``after`` in place of the version that it was made from, audited; False where somebody was quicker."""
        ...


async def change(  # noqa: PLR0913 - what is done, and what is written down of it
    store: RuntimeStore, make: Callable[[Runtime], Runtime], *, who: str, what: str, subject: str, why: str
) -> Runtime:
    """Do what ``make`` makes of what holds, audited in the same transaction; the row as it is then.

    ``OperatorError`` where others change it all the time; ``NotKnown`` where the database does not answer.
    """
    for _ in range(MOST_TRIES):
        before = await store.read()
        after = make(before)
        if await store.change(after, who, what, subject, why):
            return replace(after, version=before.version + 1)
    raise OperatorError("Others are changing the same at this moment: look what holds now, and try again.")
