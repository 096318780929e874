"""What the web side is made of, and what it tells about each sign-in it has answered."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatewayz_auth.web.access import OpsRules

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import APIRouter

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.service.sign_in import SignIn
    from gatewayz_auth.service.sign_in_report import SignInReport
    from gatewayz_auth.web.rate_limits import RateLimits


async def _nothing() -> None:
    """The hook that has nothing to do."""


async def _healthy() -> Mapping[str, Any]:
    return {"status": "healthy", "checks": {}}


def _ready() -> bool:
    return True


def _tell_nobody(_report: SignInReport) -> None:
    """The observer that is not interested."""


def _log_fault(error: BaseException, request_id: str) -> None:
    logging.getLogger("gatewayz_auth.web").error(
        "Unexpected %s in request %s", type(error).__name__, request_id, exc_info=error
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the web side needs; plain values and callables, no settings.

    ``health`` gives the whole of ``GET /api/auth/health`` (``status`` and ``checks``) and is given up after 0.9 s;
    ``is_ready`` answers at once; ``metrics`` gives Prometheus text. ``report`` hears of every answered sign-in and
    ``fault`` of every unexpected error with its request id: neither waits nor raises. ``startup`` and ``shutdown`` are
    awaited in the lifespan; an error in ``startup`` stops the start.
    """

    sign_in: SignIn
    clock: Clock
    entropy: Entropy
    auth_query_timeout_s: float
    body_timeout_s: float = 5.0
    cors_origins: tuple[str, ...] = ()
    ops: OpsRules = field(default_factory=OpsRules)
    extra_routers: tuple[APIRouter, ...] = ()
    health: Callable[[], Awaitable[Mapping[str, Any]]] = _healthy
    is_ready: Callable[[], bool] = _ready
    metrics: Callable[[], Awaitable[bytes]] | None = None
    startup: Callable[[], Awaitable[None]] = _nothing
    shutdown: Callable[[], Awaitable[None]] = _nothing
    report: Callable[[SignInReport], None] = _tell_nobody
    fault: Callable[[BaseException, str], None] = _log_fault
    limits: RateLimits | None = None
    """Who is asked to slow down; None: nobody."""
