"""Figures for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from gatewayz_auth.web.access import require_look
from gatewayz_auth.web.openapi import problem_response

if TYPE_CHECKING:
    from gatewayz_auth.web.parts import Parts

router = APIRouter(tags=["operators"], dependencies=[Depends(require_look)])


@router.get(
    "/metrics",
    summary="Figures in Prometheus text",
    operation_id="metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **{status: problem_response(status) for status in (401, 403, 404)},
    },
)
async def metrics(request: Request) -> Response:
    """The web processes' figures; a worker has its own."""
    parts: Parts = request.app.state.parts
    if parts.metrics is None:
        raise HTTPException(404)
    return Response(await parts.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")
