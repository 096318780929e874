"""What exists with ``--dev`` only: the page that signs people in, and tokens for whoever asks."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response

from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood
from gatewayz_auth.web.json_body import sent_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/development/page.css": ("page.css", "text/css; charset=utf-8"),
    "/development/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_MOST_ACCOUNTS = 32
_EXAMPLE = {"privy_user_id": "did:privy:ada", "linked_accounts": [{"type": "email", "address": "ada@example.com"}]}
_OPENAPI = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["privy_user_id"],
                    "properties": {
                        "privy_user_id": {"type": "string", "pattern": "^did:privy:[A-Za-z0-9_-]{1,128}$"},
                        "linked_accounts": {
                            "type": "array",
                            "maxItems": _MOST_ACCOUNTS,
                            "items": {
                                "type": "object",
                                "required": ["type"],
                                "properties": {"type": {"type": "string", "minLength": 1}},
                            },
                        },
                    },
                },
                "example": _EXAMPLE,
            },
        },
    },
}


def development_routes(issue: Callable[[object, object], Mapping[str, Any]]) -> APIRouter:
    """Make ``GET /`` and ``POST /dev/token``, to be mounted with ``--dev`` only: they let anybody be anybody.

    ``issue`` makes ``{"token", "identity_token", "user"}`` of a Privy id and its linked accounts, both as they were
    sent, or raises ``RequestNotUnderstood`` with a pointer to each fault.
    """
    router = APIRouter(tags=["development"])
    folder = resources.files("gatewayz_auth.web") / "static" / "development"

    def serve(path: str, name: str, media_type: str) -> None:
        content = (folder / name).read_bytes()

        @router.get(path, include_in_schema=False)
        async def page() -> Response:
            return Response(content, media_type=media_type, headers=_HEADERS)

    for path, (name, media_type) in _FILES.items():
        serve(path, name, media_type)

    @router.post("/dev/token", openapi_extra=_OPENAPI)
    async def token(request: Request) -> Response:
        """Tokens of this service's own issuer for anybody, ready to be sent to `POST /api/auth`. Development only."""
        body = await sent_object(request)
        issued = issue(body.get("privy_user_id"), body.get("linked_accounts"))
        try:
            answer = orjson.dumps(issued)
        except orjson.JSONEncodeError:
            fault = FieldError("/linked_accounts", "must not be nested that deeply")
            raise RequestNotUnderstood("The body is not understood.", (fault,)) from None
        return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})

    return router
