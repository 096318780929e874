"""What a worker's own port answers: whether it is up, whether it reaches its database, and its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

_NO_STORE = {"cache-control": "no-store"}


def worker_probes(is_ready: Callable[[], bool], metrics: Callable[[], Awaitable[bytes]]) -> Starlette:
    """``/livez``, ``/readyz`` and ``/metrics``, for whoever reaches the port: it listens on loopback unless told."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_NO_STORE)

    async def ready(_request: Request) -> Response:
        is_well = is_ready()
        status = "ready" if is_well else "not_ready"
        return JSONResponse({"status": status}, status_code=200 if is_well else 503, headers=_NO_STORE)

    async def figures(_request: Request) -> Response:
        return Response(await metrics(), media_type="text/plain; version=0.0.4; charset=utf-8", headers=_NO_STORE)

    return Starlette(routes=[Route("/livez", live), Route("/readyz", ready), Route("/metrics", figures)])
