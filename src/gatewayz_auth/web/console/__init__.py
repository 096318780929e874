"""The operators' console: pages, a live stream, and what is done to people; ``ADMIN_TOKEN`` alone opens it."""

from __future__ import annotations

from fastapi import APIRouter

from gatewayz_auth.web.console.door import Door
from gatewayz_auth.web.console.live import Live, live_routes
from gatewayz_auth.web.console.pages import page_routes, session_routes
from gatewayz_auth.web.console.people import people_routes
from gatewayz_auth.web.console.runbook import runbook_routes
from gatewayz_auth.web.console.session import Sessions

__all__ = ["APIRouter", "Door", "Live", "Sessions", "console_routes"]


def console_routes(door: Door, live: Live) -> APIRouter:
    """Every route below ``/console``, for each listener that shows it."""
    router = APIRouter(include_in_schema=False)
    for part in (
        page_routes(door),
        session_routes(door),
        live_routes(door, live),
        people_routes(door),
        runbook_routes(door),
    ):
        router.include_router(part)
    return router
