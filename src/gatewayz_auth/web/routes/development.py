"""What exists with ``--dev`` only: the page that signs people in, and tokens for whoever asks."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, cast

import orjson
from fastapi import APIRouter, Request, Response

from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood
from gatewayz_auth.domain.identity import is_privy_id
from gatewayz_auth.web.body import check_declared, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

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
_ID_RULE = "must be did:privy: and 1 to 128 of A-Z a-z 0-9 _ -"
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


def _is_shallow(account: dict[str, Any]) -> bool:
    try:
        orjson.dumps(account)  # refuses what is nested past reason, as every reader of the token would
    except orjson.JSONEncodeError:
        return False
    return True


def read_token_request(raw: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Whom ``raw`` asks a token for, and with which linked accounts; ``RequestNotUnderstood`` names each fault."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RequestNotUnderstood("The body is not JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise RequestNotUnderstood("The body is not understood.", (FieldError("", "must be an object"),))
    privy_user_id, accounts = body.get("privy_user_id"), body.get("linked_accounts")
    accounts = [] if accounts is None else accounts
    errors: list[FieldError] = []
    if not isinstance(privy_user_id, str) or not is_privy_id(privy_user_id):
        errors.append(FieldError("/privy_user_id", _ID_RULE))
    if not isinstance(accounts, list) or len(accounts) > _MOST_ACCOUNTS:
        errors.append(FieldError("/linked_accounts", f"must be a list of at most {_MOST_ACCOUNTS} accounts"))
    else:
        for index, account in enumerate(accounts):
            if not isinstance(account, dict) or not _is_shallow(account):
                errors.append(FieldError(f"/linked_accounts/{index}", "must be an object, not deeply nested"))
            elif not isinstance(account.get("type"), str) or not account["type"]:
                errors.append(FieldError(f"/linked_accounts/{index}/type", "must be a word such as email or wallet"))
    if errors:
        raise RequestNotUnderstood("The body is not understood.", tuple(errors))
    return cast("str", privy_user_id), cast("list[dict[str, Any]]", accounts)


def development_routes(issue: Callable[[str, list[dict[str, Any]]], dict[str, Any]]) -> APIRouter:
    """Make ``GET /`` and ``POST /dev/token``, to be mounted with ``--dev`` only: they let anybody be anybody.

    ``issue`` makes ``{"token", "identity_token", "user"}`` for a Privy id and its linked accounts.
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
        check_declared(dict(request.scope["headers"]))
        privy_user_id, accounts = read_token_request(await read_body(request.receive))
        answer = orjson.dumps(issue(privy_user_id, accounts))
        return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})

    return router
