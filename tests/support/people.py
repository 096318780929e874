"""People as they are remembered, made up."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal

from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.sign_in import StoredKey
from gatewayz_auth.domain.users import Account


def person(name="ada", *, as_of_s=1_700_000_000.0, tags=("live",), **account):
    """A person called ``name`` with a sealed key of each of ``tags``."""
    fields = {
        "user_id": 7,
        "region": "default",
        "privy_user_id": f"did:privy:{name}",
        "username": name,
        "display_name": name.title(),
        "auth_method": "email",
        "email": f"{name}@example.com",
        "claimed_email": None,
        "phone_number": None,
        "claimed_phone_number": "+15551234",
        "credits": Decimal("3.0001"),
        "tier": "basic",
        "subscription_status": "trial",
        "trial_expires_at": datetime(2026, 1, 4, 12, tzinfo=UTC),
        "subscription_end_date": None,
        "is_guest": False,
        "is_active": True,
        "created_at": datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
    } | account
    keys = tuple(StoredKey(uuid.uuid4(), tag, "gw_live_abcd", "k1", bytes(range(110)), b"\xff" * 32) for tag in tags)
    return CachedPerson(Account(**fields), keys, as_of_s, 12)
