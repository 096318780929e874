"""The operators' console: pages, a live stream, and what is done to people; ``ADMIN_TOKEN`` alone opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from gatewayz_auth.web.console.door import Door
from gatewayz_auth.web.console.live import Live, live_routes
from gatewayz_auth.web.console.pages import page_routes, session_routes
from gatewayz_auth.web.console.people import people_routes
from gatewayz_auth.web.console.runbook import runbook_routes
from gatewayz_auth.web.console.session import Sessions
from gatewayz_auth.web.console.steer import steer_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.service.steering_seen import Steering

__all__ = ["APIRouter", "Door", "Live", "Sessions", "console_routes"]


def console_routes(
    door: Door, live: Live, steering: Steering | None, last_drill: Callable[[], Awaitable[dict[str, str] | None]]
) -> APIRouter:
    """Every route below ``/console``, for each listener that shows it; ``last_drill`` is told on the page Now."""
    router = APIRouter(include_in_schema=False)
    for part in (
        page_routes(door),
        session_routes(door, last_drill),
        live_routes(door, live),
        people_routes(door),
        runbook_routes(door),
    ):
        router.include_router(part)
    if steering is not None:
        router.include_router(steer_routes(door, steering))
    return router
