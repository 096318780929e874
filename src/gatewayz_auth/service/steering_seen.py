"""Settings, rollout and jobs as operators see and change them; looking needs no database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.jobs_seen import JobsLook
    from gatewayz_auth.service.live_settings import Live
    from gatewayz_auth.service.referral_desk import ReferralDesk
    from gatewayz_auth.service.steering_desk import SteeringDesk


@dataclass(frozen=True, slots=True)
class SettingSeen:
    """One setting; a secret's ``value`` is ``set`` or ``not set``. ``source``: default, .env, environment, runtime."""

    name: str
    value: str
    source: str
    range: str
    tunes: str


@dataclass(frozen=True, slots=True)
class Steering:
    """What the console's pages Jobs, Rollout and Settings are made of.

    ``seen`` is what this host has seen of both cohorts, ``list_settings`` every setting with what was changed while
    running laid over it, ``silent_for_s`` since when the database says nothing.
    """

    desk: SteeringDesk
    referrals: ReferralDesk
    jobs: JobsLook
    live: Live
    seen: Callable[[], Awaitable[Mapping[str, Any]]]
    list_settings: Callable[[Mapping[str, str]], Sequence[SettingSeen]]
    silent_for_s: Callable[[], float]
    clock: Clock
