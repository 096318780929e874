"""The sign-in's request: from the bytes of a body to a ``SignInRequest``, every fault named.

Written by hand because this is the hot route: the same rules as ``web.openapi`` describes, at a tenth of the price.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood, TokenNotAccepted
from gatewayz_auth.domain.identity import LinkedAccount, is_privy_id, without_controls
from gatewayz_auth.domain.sign_in import ENVIRONMENT_TAGS, SignInRequest

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT_LIMIT = 1024
"""Characters of one piece of display data."""
REFERRAL_CODE_LIMIT = 64
LIST_LIMIT = 100
"""Entries of ``linked_accounts`` and of ``mfa_methods``."""
ERRORS_LIMIT = 50
"""Faults that one answer names."""

_STRING = f"must be a string of at most {TEXT_LIMIT} characters"
_PHONE_ALIAS = "phoneNumber"
_ACCOUNT_TEXTS = frozenset(
    ("type", "address", "email", "subject", "name", "username", "phone_number", _PHONE_ALIAS),
)
_ACCOUNT_TIMES = frozenset(("verified_at", "first_verified_at", "latest_verified_at"))
_TAGS = frozenset(ENVIRONMENT_TAGS)

Json = dict[str, Any]
_Accounts: TypeAlias = "tuple[LinkedAccount, ...] | Callable[[], tuple[LinkedAccount, ...]]"


def parse(  # noqa: C901 - one field after the other, and none behind a call that can do without
    body: bytes, authorization: bytes | None = None, identity_header: bytes | None = None
) -> SignInRequest:
    """The request in ``body`` and its two headers.

    The first of ``token``, ``privy_access_token`` and ``Authorization: Bearer`` that is given counts, and the field
    ``identity_token`` before the header. Null counts as not given. ``RequestNotUnderstood`` names each field that is
    missing or wrong, with no errors where the body is not JSON; ``TokenNotAccepted`` where all is well but no token is
    there.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RequestNotUnderstood("The body is not JSON in UTF-8.") from None
    if type(value) is not dict:
        raise RequestNotUnderstood("The body is not understood.", (FieldError("", "must be an object"),))
    errors: list[FieldError] = []
    get = value.get
    token = get("token")
    if type(token) is not str or not token:
        token = _text(errors, value, "token", None)
    other_name = _text(errors, value, "privy_access_token", None) if "privy_access_token" in value else None
    if token is None:
        token = other_name or _bearer(authorization)
    identity_token = _text(errors, value, "identity_token", None) if "identity_token" in value else None
    if identity_token is None and identity_header:
        identity_token = identity_header.decode("latin-1").strip() or None
    privy_user_id, accounts, is_guest = _user(errors, get("user"))
    email = _text(errors, value, "email") if "email" in value else None
    referral_code = _text(errors, value, "referral_code", REFERRAL_CODE_LIMIT) if "referral_code" in value else None
    tag = get("environment_tag")
    if tag is None:
        tag = "live"
    elif type(tag) is not str or tag not in _TAGS:
        errors.append(FieldError("/environment_tag", f"must be one of {', '.join(ENVIRONMENT_TAGS)}"))
    auto_create = get("auto_create_api_key")
    if auto_create is not True:
        auto_create = _flag(errors, value, "auto_create_api_key", "", default=True)
    if errors:
        if token is None:
            errors.insert(0, FieldError("/token", "is missing"))
        raise RequestNotUnderstood("The body is not understood.", tuple(errors[:ERRORS_LIMIT]))
    if token is None:
        raise TokenNotAccepted("missing")
    return SignInRequest(
        token, identity_token, privy_user_id, accounts, email, is_guest, tag, auto_create, referral_code
    )


def _bearer(authorization: bytes | None) -> str | None:
    if authorization is None:
        return None
    scheme, _, token = authorization.decode("latin-1").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _shown(text: str) -> str | None:
    if text.isprintable():  # no control, format, surrogate or private character is in it
        return (text if " " not in text else " ".join(text.split())) or None
    return without_controls(text) or None


def _text(errors: list[FieldError], holder: Json, name: str, limit: int | None = TEXT_LIMIT) -> str | None:
    """A text field at the top; tokens (``limit`` None) are kept as they are, and the verifier bounds their length."""
    value = holder.get(name)
    if value is None:
        return None
    if type(value) is not str:
        errors.append(FieldError(f"/{name}", "must be a string"))
        return None
    if limit is None:
        return value or None
    if len(value) > limit:
        errors.append(FieldError(f"/{name}", f"must be a string of at most {limit} characters"))
        return None
    return _shown(value)


def _flag(errors: list[FieldError], holder: Json, name: str, where: str, *, default: bool) -> bool:
    value = holder.get(name)
    if value is None:
        return default
    if value is not True and value is not False:
        errors.append(FieldError(f"{where}/{name}", "must be true or false"))
    return value is True


def _user(errors: list[FieldError], user: object) -> tuple[str, _Accounts, bool]:
    if type(user) is not dict:
        errors.append(FieldError("/user", "is missing" if user is None else "must be an object"))
        return "", (), False
    get = user.get
    privy_user_id = get("id")
    if type(privy_user_id) is not str or not is_privy_id(privy_user_id):
        fault = "is missing" if privy_user_id is None else "must be did:privy: and 1 to 128 of A-Z a-z 0-9 _ -"
        errors.append(FieldError("/user/id", fault))
        privy_user_id = ""
    created_at = get("created_at")
    if type(created_at) is not int and type(created_at) is not float and created_at is not None:
        errors.append(FieldError("/user/created_at", "must be a number of seconds"))
    if get("has_accepted_terms", False) is not False:
        _flag(errors, user, "has_accepted_terms", "/user", default=False)
    is_guest = get("is_guest", False)
    if is_guest is not False:
        is_guest = _flag(errors, user, "is_guest", "/user", default=False)
    methods = get("mfa_methods")
    if methods:
        _mfa_methods(errors, methods)
    elif methods is not None and type(methods) is not list:
        errors.append(FieldError("/user/mfa_methods", "must be a list"))
    entries = get("linked_accounts")
    return privy_user_id, _linked_accounts(errors, entries) if entries is not None else (), is_guest


def _mfa_methods(errors: list[FieldError], methods: object) -> None:
    if type(methods) is not list or len(methods) > LIST_LIMIT:
        errors.append(FieldError("/user/mfa_methods", f"must be a list of at most {LIST_LIMIT} entries"))
        return
    for index, method in enumerate(methods):
        if type(method) is not str and type(method) is not dict:
            errors.append(FieldError(f"/user/mfa_methods/{index}", "must be a string or an object"))


def _linked_accounts(errors: list[FieldError], entries: object) -> _Accounts:
    """Check ``entries`` now, for whoever sent them is told; make accounts of them when somebody wants to see them."""
    if type(entries) is not list or len(entries) > LIST_LIMIT:
        errors.append(FieldError("/user/linked_accounts", f"must be a list of at most {LIST_LIMIT} entries"))
        return ()
    if not entries:
        return ()
    for index, entry in enumerate(entries):
        if type(entry) is not dict:
            errors.append(FieldError(f"/user/linked_accounts/{index}", "must be an object"))
        else:
            _check_account(errors, entry, index)
    return partial(_accounts, entries)


def _check_account(errors: list[FieldError], entry: Json, index: int) -> None:
    for name, value in entry.items():
        if name in _ACCOUNT_TEXTS:
            if value is not None and (type(value) is not str or len(value) > TEXT_LIMIT):
                errors.append(FieldError(f"/user/linked_accounts/{index}/{name}", _STRING))
        elif name in _ACCOUNT_TIMES and type(value) is not int and type(value) is not float and value is not None:
            errors.append(FieldError(f"/user/linked_accounts/{index}/{name}", "must be a number of seconds"))
    if entry.get("type") is None:
        errors.append(FieldError(f"/user/linked_accounts/{index}/type", "is missing"))


def _accounts(entries: list[Json]) -> tuple[LinkedAccount, ...]:
    return tuple([_account(entry) for entry in entries])


def _account(entry: Json) -> LinkedAccount:
    kept = {name: _shown(value) for name, value in entry.items() if name in _ACCOUNT_TEXTS and value is not None}
    get = kept.get
    return LinkedAccount(
        get("type") or "",
        get("address"),
        get("email"),
        get("subject"),
        get("name"),
        get("username"),
        get("phone_number") or get(_PHONE_ALIAS),
    )
