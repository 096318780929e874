"""The description of the API: FastAPI's own for most routes, and by hand for the hot one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from gatewayz_auth.web import examples, models, problems

if TYPE_CHECKING:
    from fastapi import FastAPI

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_MODELS = (models.SignInBody, models.SignInAnswer, models.ProblemDetails)
_PROBLEM_TYPE = problems.CONTENT_TYPE.decode("ascii")
_DESCRIPTION = """Sign in or sign up with a Privy token, and get the account and its API key.

Every refusal is `application/problem+json` (RFC 9457). Every answer leaves within the sign-in's budget (8 s unless set
otherwise); what is not known is answered 503 with `Retry-After`, never guessed. Quote `X-Request-Id` when you report
something."""
_SIGN_IN = """The token proves who calls; its `sub` must equal `user.id`. What the body claims is display data.

Whoever is not known yet gets an account and a key. A sign-up may have been done although its caller was told 503: the
next sign-in finds the account and says `is_new_user: false`."""
_WHEN = {
    400: "The body is not JSON.",
    401: "No token, or one that does not verify; which check failed is not said.",
    403: "The token is somebody else's, the account is disabled, or newcomers are not taken.",
    404: "There is nothing here.",
    405: "Another method; see `Allow`.",
    408: "The body did not arrive in 5 s.",
    413: "The body is larger than 64 KiB.",
    415: "A declared content type that is neither JSON nor text, or a content encoding.",
    422: "A field is missing or wrong; `errors` names each.",
    429: "Asked too often; see `Retry-After`.",
    503: "Not known at the moment; try again after `Retry-After`.",
}
_SIGN_IN_STATUSES = (400, 401, 403, 408, 413, 415, 422, 429, 503)


def _text_header(description: str, **schema: object) -> Json:
    return {"description": description, "schema": {"type": "string", **schema}}


_EVERY_HEADER: Json = {"X-Request-Id": _text_header("The name of this request.")}
_TIMING: Json = {"Server-Timing": _text_header("The phases of this answer, in milliseconds.")}
_WAIT: Json = {"Retry-After": {"description": "Whole seconds.", "schema": {"type": "integer", "minimum": 1}}}
_ANSWER_HEADERS: Json = {
    **_EVERY_HEADER,
    **_TIMING,
    "X-Auth-Source": _text_header("Where the answer came from.", enum=["cache", "database", "last-known-good"]),
    "Age": {
        "description": "Whole seconds since it was true; on `cache` and `last-known-good`.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Cache-Control": _text_header("Always `no-store`.", enum=["no-store"]),
}


def problem_response(status: int, description: str | None = None) -> Json:
    """How a refusal with ``status`` is described; for routers of others too."""
    headers = dict(_EVERY_HEADER)
    if status in {429, 503}:
        headers |= _WAIT
    if status == 401:  # noqa: PLR2004 - the one that names its scheme
        headers["WWW-Authenticate"] = _text_header("`Bearer`, with `error` where a token was expected.")
    return {
        "description": description or _WHEN[status],
        "headers": headers,
        "content": {_PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model="ProblemDetails")}}},
    }


def _sign_in_operation(operation_id: str, *, alias: bool) -> Json:
    answer: Json = {
        "description": "Signed in, or signed up.",
        "headers": _ANSWER_HEADERS,
        "content": {
            "application/json": {"schema": {"$ref": _REF.format(model="SignInAnswer")}, "example": examples.ANSWER}
        },
    }
    return {
        "tags": ["sign-in"],
        "summary": "Sign in or sign up" + (" (the same under another name)" if alias else ""),
        "description": _SIGN_IN,
        "operationId": operation_id,
        "security": [{}, {"privyAccessToken": []}],
        "parameters": [
            {
                "name": "privy-id-token",
                "in": "header",
                "required": False,
                "description": "The Privy identity token, where the body has no `identity_token`.",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": _REF.format(model="SignInBody")},
                    "examples": examples.REQUESTS,
                }
            },
        },
        "responses": {"200": answer} | {str(status): problem_response(status) for status in _SIGN_IN_STATUSES},
    }


def _whole(api: FastAPI) -> Json:
    schema = get_openapi(
        title=api.title,
        version=api.version,
        summary="Sign-in for API platforms.",
        description=_DESCRIPTION,
        routes=api.routes,
    )
    _, definitions = models_json_schema([(model, "validation") for model in _MODELS], ref_template=_REF)
    components = schema.setdefault("components", {})
    own = components.setdefault("schemas", {})
    own.pop("HTTPValidationError", None)
    own.pop("ValidationError", None)
    own |= definitions["$defs"]
    schemes = components.setdefault("securitySchemes", {})
    schemes["privyAccessToken"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    sign_in = {
        "/api/auth": {"post": _sign_in_operation("sign_in", alias=False)},
        "/auth": {"post": _sign_in_operation("sign_in_alias", alias=True)},
    }
    schema["paths"] = sign_in | schema["paths"]
    for path in schema["paths"].values():
        for operation in path.values():
            _tell_problems(operation["responses"])
    return schema


def _tell_problems(responses: Json) -> None:
    """FastAPI describes a 422 of its own making; ours looks otherwise. Anything may be answered 503."""
    if "HTTPValidationError" in str(responses.get("422", "")):
        responses["422"] = problem_response(422)
    unavailable = problem_response(503)
    known = responses.setdefault("503", unavailable)
    known.setdefault("content", {}).update(unavailable["content"])
    for response in responses.values():
        response.setdefault("headers", dict(_EVERY_HEADER))


def describe(api: FastAPI) -> None:
    """Have ``api`` describe the sign-in beside its own routes, and every refusal as a problem."""

    def whole() -> Json:
        if not api.openapi_schema:
            api.openapi_schema = _whole(api)
        return api.openapi_schema

    api.openapi = whole  # type: ignore[method-assign]
