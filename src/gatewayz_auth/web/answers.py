"""The sign-in's answer as bytes: all of it but the time stamp may be kept, and is made once a person."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from gatewayz_auth.domain.users import TIER_DISPLAY_NAMES

if TYPE_CHECKING:
    from decimal import Decimal

    from gatewayz_auth.domain.users import Account

SIGNED_IN = "Signed in."
ACCOUNT_MADE = "Account created."


def number(amount: Decimal) -> int | float:
    """``amount`` as JSON shows it: without a fraction where it has none."""
    whole = int(amount)
    return whole if whole == amount else float(amount)


def _moment(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.astimezone(dt.UTC)


def render(account: Account, api_key: str | None, *, is_new: bool) -> bytes:
    """The 200 answer of the contract, section 1, but for its time stamp and its closing brace.

    The same for every answer until the account or the key changes, so it may be kept (``service.ports.Render``).
    """
    fields = {
        "success": True,
        "message": ACCOUNT_MADE if is_new else SIGNED_IN,
        "user_id": account.user_id,
        "api_key": api_key,
        "auth_method": account.auth_method,
        "privy_user_id": account.privy_user_id,
        "is_new_user": is_new,
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
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)[:-1]


def stamped(rendered: bytes, utc_now_s: float) -> bytes:
    """What ``render`` has made, whole: with the time of this very answer."""
    return rendered + _closing(int(utc_now_s))


@lru_cache(maxsize=4)
def _closing(utc_s: int) -> bytes:
    moment = dt.datetime.fromtimestamp(utc_s, dt.UTC)
    return moment.strftime(',"timestamp":"%Y-%m-%dT%H:%M:%SZ"}').encode("ascii")
