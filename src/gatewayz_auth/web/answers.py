"""The sign-in's answer as bytes: the account's part, which may be kept, and the part of this one answer."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from gatewayz_auth.domain.users import TIER_DISPLAY_NAMES

if TYPE_CHECKING:
    from decimal import Decimal

    from gatewayz_auth.domain.sign_in import SignedIn
    from gatewayz_auth.domain.users import Account

SIGNED_IN = b"Signed in."
ACCOUNT_MADE = b"Account created."


@lru_cache(maxsize=4)
def _second(utc_s: int) -> bytes:
    moment = dt.datetime.fromtimestamp(utc_s, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode("ascii")


def rfc3339(utc_s: float) -> bytes:
    """The whole second of ``utc_s`` (seconds since 1970) as ``2026-11-24T16:00:00Z``."""
    return _second(int(utc_s))


def number(amount: Decimal) -> int | float:
    """``amount`` as JSON shows it: without a fraction where it has none."""
    whole = int(amount)
    return whole if whole == amount else float(amount)


def _moment(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.astimezone(dt.UTC)


def render_account(account: Account) -> bytes:
    """The fields that the account alone decides, as the inside of a JSON object without its braces.

    Holds no key and no time of today: the same for every answer until the account changes, so it may be kept.
    """
    fields = {
        "user_id": account.user_id,
        "auth_method": account.auth_method,
        "privy_user_id": account.privy_user_id,
        "display_name": account.display_name or account.username,
        "email": account.shown_email,
        "phone_number": account.shown_phone_number,
        "credits": number(account.credits),
        "subscription_status": account.subscription_status,
        "tier": account.tier,
        "tier_display_name": TIER_DISPLAY_NAMES.get(account.tier, account.tier),
        "trial_expires_at": _moment(account.trial_expires_at),
        "subscription_end_date": _moment(account.subscription_end_date),
    }
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)[1:-1]


def assemble(account_part: bytes, api_key: str | None, *, is_new: bool, utc_now_s: float) -> bytes:
    """The whole answer around ``account_part`` of ``render_account``."""
    return b'{"success":true,"message":"%b","is_new_user":%b,"api_key":%b,"timestamp":"%b",%b}' % (
        ACCOUNT_MADE if is_new else SIGNED_IN,
        b"true" if is_new else b"false",
        orjson.dumps(api_key),
        rfc3339(utc_now_s),
        account_part,
    )


def render_answer(signed_in: SignedIn, utc_now_s: float) -> bytes:
    """The 200 answer of the contract, section 1, as JSON."""
    return assemble(render_account(signed_in.account), signed_in.api_key, is_new=signed_in.is_new, utc_now_s=utc_now_s)
