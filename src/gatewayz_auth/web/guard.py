"""What every other route gets around it: a name, CORS, and a 503 where the code below stumbles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.web import problems
from gatewayz_auth.web.cors import Cors

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gatewayz_auth.web.parts import Parts
    from gatewayz_auth.web.request_ids import RequestIds

REQUEST_ID = "gatewayz_auth.request_id"
"""Where the scope keeps the request's name."""

_HEAD_TOO = frozenset(("/livez", "/readyz", "/api/auth/health", "/metrics", "/docs", "/openapi.json"))
"""Paths that balancers and uptime monitors ask by HEAD: answered as GET is, and the server leaves the body out."""


class Guard:
    """Plain ASGI around ``app``: names the request, answers preflights and adds the headers of CORS."""

    def __init__(self, parts: Parts, ids: RequestIds, app: ASGIApp) -> None:
        """Keep what every request needs."""
        self._ids = ids
        self._app = app
        self._cors = Cors(parts.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``scope``; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._ids.next()
        scope[REQUEST_ID] = request_id
        extra: list[problems.Header] = [(b"x-request-id", request_id.encode("ascii"))]
        if self._cors:
            headers = dict(scope["headers"])
            if scope["method"] == "OPTIONS" and (allowed := self._cors.preflight(headers)) is not None:
                await send({"type": "http.response.start", "status": 204, "headers": [*extra, *allowed]})
                await send({"type": "http.response.body", "body": b""})
                return
            extra.extend(self._cors.headers(headers))

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        if scope["method"] == "HEAD" and scope["path"] in _HEAD_TOO:
            scope = {**scope, "method": "GET"}  # a copy: the server goes by its own
        await self._app(scope, receive, send_with)


class CrashGuard:
    """Plain ASGI just around the routes: whatever nobody expected is told to ``fault`` and answered 503, never 500.

    It stands inside the framework's own crash handler, which would have answered 500 before anybody outside sees it.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        """Keep what a crash needs."""
        self._app = app
        self._fault = parts.fault
        self._entropy = parts.entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``scope``; a crash after the answer has begun passes on, for the server to close the connection."""
        is_started = False

        async def watched_send(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            if is_started or scope["type"] != "http":
                raise
            request_id = scope.get(REQUEST_ID, "")
            self._fault(error, request_id)
            problem = problems.PROBLEMS["unexpected"]
            body = problems.render(problem, request_id)
            head = [(b"content-type", problems.CONTENT_TYPE), (b"content-length", b"%d" % len(body))]
            head += [(b"cache-control", b"no-store"), *problems.headers(problem, error, self._entropy.fraction())]
            await send({"type": "http.response.start", "status": problem.status, "headers": head})
            await send({"type": "http.response.body", "body": body})
