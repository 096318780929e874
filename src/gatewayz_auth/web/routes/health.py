"""Whether the process is up, should get traffic, and is well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from gatewayz_auth.web.access import rules_of
from gatewayz_auth.web.models import Health, Liveness, Readiness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.web.deadline import Watches
    from gatewayz_auth.web.parts import Parts

router = APIRouter(tags=["health"])

_HEALTH_LIMIT_S = 0.9
_NO_STORE = {"cache-control": "no-store"}


@router.get("/livez", summary="The process is up", operation_id="live", responses={200: {"model": Liveness}})
async def live() -> JSONResponse:
    """Asks nobody: it answers as long as the event loop turns."""
    return JSONResponse({"status": "alive"}, headers=_NO_STORE)


@router.get(
    "/readyz",
    summary="The process should get traffic",
    operation_id="ready",
    responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "Not ready, or see Problem."}},
)
async def ready(request: Request) -> JSONResponse:
    """200 while it can serve anybody at all, 503 otherwise. A dead database alone does not make it unready."""
    parts: Parts = request.app.state.parts
    is_ready = parts.is_ready()
    return JSONResponse(
        {"status": "ready" if is_ready else "not_ready"}, status_code=200 if is_ready else 503, headers=_NO_STORE
    )


@router.get(
    "/api/auth/health",
    summary="How it is, check by check",
    operation_id="health",
    responses={200: {"model": Health}, 503: {"model": Health, "description": "Unhealthy."}},
)
async def health(request: Request) -> JSONResponse:
    """200 when `healthy` or `degraded`, 503 when `unhealthy`, within 1 s. Operators see `checks`, others `status`."""
    report = await _within_limit(request.app.state.parts, request.app.state.watches)
    status = report.get("status", "unhealthy")
    shown = dict(report) if rules_of(request).may_look(request.scope) else {"status": status}
    return JSONResponse(shown, status_code=503 if status == "unhealthy" else 200, headers=_NO_STORE)


async def _within_limit(parts: Parts, watches: Watches) -> Mapping[str, Any]:
    watch = watches.start(_HEALTH_LIMIT_S)
    try:
        return await parts.health()
    except asyncio.CancelledError:
        if watch.interrupted():
            return {"status": "unhealthy", "detail": "the checks did not end within 0.9 s", "checks": {}}
        raise
    finally:
        watches.end(watch)
