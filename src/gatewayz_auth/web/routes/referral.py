"""Somebody's own referral code and what it has brought, for whoever shows their API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from gatewayz_auth.domain.errors import ApiKeyNotAccepted
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.web.answers import number
from gatewayz_auth.web.openapi import problem_response

if TYPE_CHECKING:
    from gatewayz_auth.domain.key_holder import CheckedKey
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.api_key_check import ApiKeyCheck
    from gatewayz_auth.service.referral_codes import ReferralCodes

Routes: TypeAlias = APIRouter
"""What ``referral_routes`` makes, for whoever composes it without knowing the framework."""

RESERVE_S = 0.2
"""What is left of the budget for writing the answer."""

_HEADERS: dict[str, Any] = {
    "X-Request-Id": {"description": "The name of this request.", "schema": {"type": "string"}},
    "X-Auth-Source": {
        "description": "Where it was learnt whose key this is.",
        "schema": {"type": "string", "enum": ["cache", "database", "last-known-good"]},
    },
    "Age": {
        "description": "Whole seconds since that was true; on `cache` and `last-known-good`.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"headers": _HEADERS},
    401: problem_response(401, "No API key, or one that is not accepted; why is not said."),
    403: problem_response(403, "The account is disabled."),
    429: problem_response(429, "Too many keys that are not accepted came from this address; see `Retry-After`."),
    503: problem_response(503),
}
_API_KEY = HTTPBearer(scheme_name="apiKey", description="The `api_key` that a sign-in answers.", auto_error=False)


class ReferralCode(BaseModel):
    """Somebody's own code."""

    referral_code: str = Field(
        description="Made on the first ask; in whatever case and with blanks, it is the same.", examples=["K7QX2MPB"]
    )


class Uses(BaseModel):
    """Sign-ups with the code, by what became of them."""

    pending: int = Field(ge=0, description="Not looked at yet.")
    rewarded: int = Field(ge=0, description="Both sides have their credits.")
    refused: int = Field(ge=0, description="Against the rules, such as one's own code.")
    failed: int = Field(ge=0, description="Could not be worked off; an operator can have it tried again.")
    reversed: int = Field(ge=0, description="Rewarded and taken back.")


class ReferralStats(BaseModel):
    """What somebody's code has brought."""

    referral_code: str | None = Field(description="Null before it was first asked for.", examples=["K7QX2MPB"])
    uses: Uses
    total_uses: int = Field(ge=0, description="The sum of `uses`.")
    credits_earned: float = Field(description="By referring others, less what was taken back.")


def _json(value: object, checked: CheckedKey) -> Response:
    headers = {"Cache-Control": "no-store", "X-Auth-Source": checked.source.value}
    if checked.source is not Source.DATABASE:
        headers["Age"] = str(int(checked.age_s))
    return Response(orjson.dumps(value), media_type="application/json", headers=headers)


def referral_routes(check: ApiKeyCheck, codes: ReferralCodes, clock: Clock, budget_s: float) -> Routes:
    """The routes for whoever ``check`` accepts; each answers within ``budget_s`` seconds."""
    router = APIRouter(prefix="/api/referral", tags=["Referrals"], responses=_RESPONSES)
    work_s = budget_s - min(RESERVE_S, budget_s / 10)

    async def caller(
        request: Request, credentials: HTTPAuthorizationCredentials | None, deadline: Deadline
    ) -> CheckedKey:
        api_key = None if credentials is None else credentials.credentials
        try:
            return await check.check(api_key, deadline)
        except ApiKeyNotAccepted:
            limits = request.app.state.parts.limits
            if limits is None or not api_key:
                raise
            limited = limits.guessed(request.scope.get("client"), dict(request.scope["headers"]), clock.monotonic_s())
            if limited is None:
                raise
            raise limited from None

    @router.get("/code", summary="My referral code", operation_id="referral_code", response_model=ReferralCode)
    async def code(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_API_KEY)]
    ) -> Response:
        """One for each account, made on the first ask."""
        deadline = Deadline.after(clock.monotonic_s(), work_s)
        checked = await caller(request, credentials, deadline)
        return _json({"referral_code": await codes.code_of(checked.holder.user_id, deadline)}, checked)

    @router.get("/stats", summary="What my code has brought", operation_id="referral_stats",
                response_model=ReferralStats)  # fmt: skip
    async def stats(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_API_KEY)]
    ) -> Response:
        """Its uses by status, and the credits earned."""
        deadline = Deadline.after(clock.monotonic_s(), work_s)
        checked = await caller(request, credentials, deadline)
        brought = await codes.stats_of(checked.holder.user_id, deadline)
        answer = {
            "referral_code": brought.code,
            "uses": dict(brought.uses),
            "total_uses": sum(brought.uses.values()),
            "credits_earned": number(brought.credits_earned),
        }
        return _json(answer, checked)

    return router
