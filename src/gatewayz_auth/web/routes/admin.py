"""Administrative routes: what the console and the commands use too. ``ADMIN_TOKEN`` alone opens them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, Field

from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood
from gatewayz_auth.web.access import require_admin
from gatewayz_auth.web.answers import number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.domain.key_record import KeyRecord
    from gatewayz_auth.service.people import People, Shown

_HIGHEST_ID = 2**63 - 1
_NAME_LENGTH = 200


class Done(BaseModel):
    """What was done."""

    done: str = Field(description="disable, enable, invalidate or revoke.")
    id: str = Field(description="Of the user or the key.")


def person_as_json(shown: Shown, keys: tuple[KeyRecord, ...]) -> dict[str, Any]:
    """One person as operators see them; keys by their prefix alone."""
    account = shown.account
    return {
        "user_id": account.user_id,
        "region": account.region,
        "privy_user_id": account.privy_user_id,
        "username": account.username,
        "display_name": account.display_name,
        "auth_method": account.auth_method,
        "email": account.email,
        "claimed_email": account.claimed_email,
        "phone_number": account.phone_number,
        "credits": number(account.credits),
        "tier": account.tier,
        "subscription_status": account.subscription_status,
        "is_guest": account.is_guest,
        "is_active": account.is_active,
        "created_at": account.created_at,
        "source": shown.source.value,
        "age": int(shown.age_s),
        "keys": [
            {
                "id": str(key.key_id),
                "environment_tag": key.environment_tag,
                "prefix": key.prefix,
                "is_primary": key.is_primary,
                "created_at": key.created_at,
                "last_used_at": key.last_used_at,
                "revoked_at": key.revoked_at,
            }
            for key in keys
        ],
    }


def _json(value: object) -> Response:
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _user_id(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < len(text) < 20 and int(text) <= _HIGHEST_ID:  # noqa: PLR2004 - digits
        return int(text)
    raise HTTPException(404)


async def _find(people: People, **given: str | None) -> Shown | None:
    named = [(name, value) for name, value in given.items() if value]
    if len(named) != 1:
        fault = FieldError("/username", "give exactly one of privy_id, username and user_id")
        raise RequestNotUnderstood("The request is not understood.", (fault,))
    name, value = named[0]
    if "\0" in value:
        return None
    if name == "username":
        return await people.by_username(value)
    if name == "privy_id":
        return await people.by_privy_id(value)
    return await people.by_user_id(_user_id(value))


def admin_routes(people: People) -> APIRouter:
    """The routes over ``people``."""
    router = APIRouter(prefix="/admin", tags=["Operators"], dependencies=[Depends(require_admin)])

    @router.get("/users", summary="Look one person up", operation_id="show_user")
    async def show(
        privy_id: Annotated[str | None, Query(max_length=_NAME_LENGTH)] = None,
        username: Annotated[str | None, Query(max_length=_NAME_LENGTH)] = None,
        user_id: Annotated[str | None, Query(max_length=20)] = None,
    ) -> Response:
        """By exactly one of `privy_id`, `username` (remembered ones first) and `user_id`."""
        shown = await _find(people, privy_id=privy_id, username=username, user_id=user_id)
        if shown is None:
            raise HTTPException(404)
        return _json(person_as_json(shown, await people.keys_of(shown.account.user_id)))

    def action(name: str, do: Callable[[int], Awaitable[bool]], summary: str) -> None:
        @router.post(f"/users/{{user_id}}/{name}", summary=summary, operation_id=f"{name}_user", response_model=Done)
        async def act(user_id: str) -> Response:
            if not await do(_user_id(user_id)):
                raise HTTPException(404)
            return _json({"done": name, "id": user_id})

    action("disable", people.disable, "Keep a person out, everywhere within a second")
    action("enable", people.enable, "Let a person in again")
    action("invalidate", people.invalidate, "Forget what is remembered of a person")

    @router.delete("/keys/{key_id}", summary="Revoke a key", operation_id="revoke_key", response_model=Done)
    async def revoke(key_id: str) -> Response:
        """Ends it for good; the next sign-in of its owner makes a new one."""
        try:
            wanted = uuid.UUID(key_id)
        except ValueError:
            raise HTTPException(404) from None
        if not await people.revoke_key(wanted):
            raise HTTPException(404)
        return _json({"done": "revoke", "id": key_id})

    return router
