"""People who sign in, in the form that ``ports.Accounts`` is asked in."""

import itertools
import os
import uuid
from decimal import Decimal

from gatewayz_auth.domain.sign_in import FindOrMake, NewKey

_NUMBERS = itertools.count(1)


def new_key(environment_tag="live"):
    """A key that nobody can use, of the right form."""
    return NewKey(
        key_id=uuid.uuid4(),
        environment_tag=environment_tag,
        prefix="gw_live_abcd",
        digest=os.urandom(32),
        digest_key_id="k1",
        sealed=os.urandom(60),
        owner_secret=os.urandom(32),
    )


def wanted(privy_user_id=None, **changes):
    """What a proven newcomer's sign-in asks for; ``changes`` say what is different."""
    number = next(_NUMBERS)
    tag = changes.get("environment_tag", "live")
    values = {
        "privy_user_id": privy_user_id or f"did:privy:person{number}",
        "region": "default",
        "may_join": True,
        "username": f"person{number}",
        "display_name": "Somebody",
        "auth_method": "email",
        "verified_email": None,
        "claimed_email": None,
        "verified_phone": None,
        "claimed_phone": None,
        "is_guest": False,
        "is_proven": True,
        "credits": Decimal(3),
        "full_credits": Decimal(3),
        "tier": "basic",
        "trial_days": 3,
        "environment_tag": tag,
        "new_key": new_key(tag),
        "referral_code": None,
    }
    return FindOrMake(**{**values, **changes})
