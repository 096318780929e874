"""The web side put together: the hot route in front, every other route on FastAPI behind a guard."""

from __future__ import annotations

from fastapi import FastAPI

from gatewayz_auth import __version__
from gatewayz_auth.web import refusals
from gatewayz_auth.web.deadline import Watches
from gatewayz_auth.web.guard import CrashGuard, Guard
from gatewayz_auth.web.lifespan import Lifespan
from gatewayz_auth.web.openapi import describe
from gatewayz_auth.web.parts import Parts
from gatewayz_auth.web.request_ids import RequestIds
from gatewayz_auth.web.routes import docs, health, metrics
from gatewayz_auth.web.sign_in import SignInRoute

__all__ = ["Parts", "create_api", "create_app"]


def create_api(parts: Parts) -> FastAPI:
    """Every route but the sign-in; its OpenAPI describes that one too."""
    api = FastAPI(
        title="gatewayz-auth",
        version=__version__,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    api.state.parts = parts
    api.state.ops = parts.ops
    api.state.watches = Watches()
    api.add_middleware(CrashGuard, parts=parts)
    refusals.install(api)
    for router in (health.router, metrics.router, docs.router, *parts.extra_routers):
        api.include_router(router)
    describe(api)
    return api


def create_app(parts: Parts) -> SignInRoute:
    """The whole ASGI application, lifespan included."""
    ids = RequestIds(parts.entropy)
    return SignInRoute(parts, ids, Lifespan(parts, Guard(parts, ids, create_api(parts))))
