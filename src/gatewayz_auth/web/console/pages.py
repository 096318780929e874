"""The page, the files it is made of, and coming in and going out."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, HTTPException, Request, Response

from gatewayz_auth.web.access import rules_of
from gatewayz_auth.web.console.door import COOKIE, body_of, text_of
from gatewayz_auth.web.console.session import NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.web.console.door import Door

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FILES = {
    "console.css": "text/css; charset=utf-8",
    "login.js": "text/javascript; charset=utf-8",
    "main.js": "text/javascript; charset=utf-8",
    "now.js": "text/javascript; charset=utf-8",
    "chart.js": "text/javascript; charset=utf-8",
    "people.js": "text/javascript; charset=utf-8",
    "sheet.js": "text/javascript; charset=utf-8",
    "deeds.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
    "uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "uPlot.LICENSE.txt": "text/plain; charset=utf-8",
}
_TOKEN_LENGTH = 1000
_HTML = "text/html; charset=utf-8"


def page_routes(door: Door) -> APIRouter:
    """``GET /console`` and the files it is made of."""
    router = APIRouter(include_in_schema=False)
    folder = resources.files("gatewayz_auth.web") / "static" / "console"
    files = {name: (folder / name).read_bytes() for name in FILES}
    page, login = (folder / "index.html").read_bytes(), (folder / "login.html").read_bytes()

    @router.get("/console")
    async def console(request: Request) -> Response:
        """The page, or the one that asks for the token."""
        door.is_shown(request)
        if door.session(request) is not None:
            return Response(page, media_type=_HTML, headers=HEADERS)
        if rules_of(request).shows_admin_token(request.scope):
            response = Response(page, media_type=_HTML, headers=HEADERS)
            door.let_in(request, response, "")
            return response
        if not door.sessions.takes_token:
            raise HTTPException(403)
        return Response(login, 401, media_type=_HTML, headers={**HEADERS, "WWW-Authenticate": "Bearer"})

    @router.get("/console/open/{key}")
    async def open_by_link(key: str, request: Request) -> Response:
        """The link that `serve --dev` prints."""
        door.is_shown(request)
        if not door.sessions.fits_link(key):
            door.guess(request)
            raise HTTPException(404)
        response = Response(None, 303, {**HEADERS, "Location": "/console"})
        door.let_in(request, response, "developer")
        return response

    @router.get("/console/files/{name}")
    async def file(name: str, request: Request) -> Response:
        """What the page is made of; nothing in it is secret."""
        door.is_shown(request)
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], media_type=FILES[name], headers=HEADERS)

    return router


def session_routes(door: Door, last_drill: Callable[[], Awaitable[dict[str, str] | None]]) -> APIRouter:
    """Coming in with the token, and going out."""
    router = APIRouter(include_in_schema=False)

    @router.post("/console/session")
    async def come_in(request: Request) -> Response:
        """Shows the token, and gets the cookie."""
        door.is_shown(request)
        door.is_from_here(request)
        body = await body_of(request)
        token, name = text_of(body, "token", _TOKEN_LENGTH), text_of(body, "name", NAME_LENGTH)
        door.guess(request)
        if not door.sessions.fits(token):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        response = Response(None, 204, HEADERS)
        door.let_in(request, response, name)
        return response

    @router.get("/console/session")
    async def who(request: Request) -> Response:
        """Who is in, what the page has to send with what it does, and what the last drill found."""
        session = door.require(request)
        shown = {"name": session.name, "until": session.expires_s, "token": session.csrf, "drill": await last_drill()}
        return Response(orjson.dumps(shown), media_type="application/json", headers=HEADERS)

    @router.delete("/console/session")
    async def go_out(request: Request) -> Response:
        """Takes the cookie away."""
        door.require_page(request)
        response = Response(None, 204, HEADERS)
        response.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")
        return response

    return router
