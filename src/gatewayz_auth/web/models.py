"""The shapes of the API as pydantic models: for the description alone, nothing is validated with them on the hot route.

A test holds ``web.wire`` and these against each other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gatewayz_auth.web.wire import LIST_LIMIT, REFERRAL_CODE_LIMIT, TEXT_LIMIT

Text = Annotated[str, Field(max_length=TEXT_LIMIT)]
Seconds = Annotated[float, Field(description="Seconds since 1970.")]


class LinkedAccountEntry(BaseModel):
    """One account that the front end shows: display data, never proof. An unknown `type` is kept."""

    model_config = ConfigDict(title="LinkedAccount")

    type: Text = Field(examples=["email", "google_oauth", "github_oauth", "phone", "wallet"])
    address: Text | None = Field(None, description="An e-mail address or a wallet's, by type.")
    email: Text | None = None
    subject: Text | None = None
    name: Text | None = None
    username: Text | None = None
    phone_number: Text | None = None
    phoneNumber: Text | None = Field(None, description="The same, as some front ends spell it.")  # noqa: N815 - theirs
    verified_at: Seconds | None = None
    first_verified_at: Seconds | None = None
    latest_verified_at: Seconds | None = None


class PrivyUser(BaseModel):
    """The Privy user as the front end has it; only `id` is held against the token."""

    id: str = Field(pattern=r"^did:privy:[A-Za-z0-9_-]{1,128}$", description="Must equal the token's `sub`.")
    created_at: Seconds | None = None
    linked_accounts: Annotated[list[LinkedAccountEntry], Field(max_length=LIST_LIMIT)] | None = None
    mfa_methods: Annotated[list[str | dict[str, Any]], Field(max_length=LIST_LIMIT)] | None = None
    has_accepted_terms: bool | None = None
    is_guest: bool | None = Field(None, description="A guest starts without credits until an account is proven.")


class SignInBody(BaseModel):
    """What existing Privy front ends send. Unknown fields are ignored; null counts as not given."""

    model_config = ConfigDict(title="SignInRequest")

    token: str | None = Field(
        None,
        description="The Privy access token (JWT, ES256). Required here, as `privy_access_token`, or as "
        "`Authorization: Bearer`; the first of these that is given counts.",
    )
    privy_access_token: str | None = Field(None, description="Another name for `token`.")
    identity_token: str | None = Field(
        None, description="The Privy identity token, which proves e-mail and phone; also as header `privy-id-token`."
    )
    user: PrivyUser
    email: Text | None = Field(None, description="What the browser claims; never proof of anything.")
    referral_code: Annotated[str, Field(max_length=REFERRAL_CODE_LIMIT)] | None = Field(
        None, description="Recorded with the sign-up and processed afterwards."
    )
    environment_tag: Literal["live", "test", "development"] | None = Field(
        None, description="Which kind of key is asked for; `live` where not given."
    )
    auto_create_api_key: bool | None = Field(
        None, description="Make a key where there is none of this tag; true where not given."
    )
    is_new_user: Any = Field(None, description="Accepted, never trusted.")
    privy_user_id: Any = Field(None, description="Accepted, never trusted.")
    trial_credits: Any = Field(None, description="Accepted, never trusted.")
    session_update_action: Any = Field(None, description="Accepted, never trusted.")
    refresh_token: Any = Field(None, description="Accepted, never trusted.")


class SignInAnswer(BaseModel):
    """Who they are here, and their API key."""

    success: Literal[True]
    message: str
    user_id: int
    api_key: str | None = Field(description="Null only where `auto_create_api_key` was false and there is none.")
    auth_method: Literal[
        "email",
        "phone",
        "google",
        "github",
        "wallet",
        "apple",
        "twitter",
        "discord",
        "farcaster",
        "passkey",
        "other",
    ]
    privy_user_id: str | None
    is_new_user: bool = Field(description="True in the answer that made the account, and in that one only.")
    display_name: str
    email: str | None = Field(description="The verified e-mail, or the claim where there is no better.")
    phone_number: str | None
    credits: float
    subscription_status: Literal["trial", "active", "inactive", "cancelled", "expired"]
    tier: Literal["basic", "pro", "max"]
    tier_display_name: Literal["Basic", "Pro", "MAX"]
    trial_expires_at: str | None = Field(json_schema_extra={"format": "date-time"})
    subscription_end_date: str | None = Field(json_schema_extra={"format": "date-time"})
    timestamp: str = Field(json_schema_extra={"format": "date-time"})


class FieldFault(BaseModel):
    """One fault of a request."""

    model_config = ConfigDict(title="FieldError")

    pointer: str = Field(description="A JSON pointer (RFC 6901) into the body; empty for the whole.")
    detail: str = Field(description="What to send instead.")


class ProblemDetails(BaseModel):
    """A refusal (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="A stable name of this kind of problem.")
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldFault] | None = Field(None, description="Each field that is missing or wrong.")


class Liveness(BaseModel):
    """The process is up."""

    status: Literal["alive"]


class Readiness(BaseModel):
    """Whether it should get traffic."""

    status: Literal["ready", "not_ready"]


class Health(BaseModel):
    """How it is; `checks` is for operators."""

    status: Literal["healthy", "degraded", "unhealthy"]
    checks: dict[str, dict[str, Any]] | None = Field(
        None,
        description="`database`, `redis`, `auth_cache`, `timeouts`, `pool`, `jobs`: each `status`, `since`, `detail`.",
    )
