"""The callers' bodies, made and signed before the load begins, so that signing is not measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gatewayz_auth.service.load_plan import Kind

if TYPE_CHECKING:
    from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
    from gatewayz_auth.service.load_plan import Arrival

_REFERRED_EACH = 5
"""Of so many newcomers one brings a referral code."""


def privy_id(kind: Kind, person: int) -> str:
    """Who ``person`` of this kind is."""
    return f"did:privy:{kind}{person:06d}"


def body_of(arrival: Arrival, issuer: DevIssuer, utc_now_s: float) -> bytes:
    """What this caller sends: as a front end would, or with another's signature."""
    issued = issuer.issue(privy_id(arrival.kind, arrival.person), [], utc_now_s)
    token = str(issued["token"])
    if arrival.kind is Kind.FORGED:
        head, claims, signature = token.split(".")
        token = f"{head}.{claims}.{signature[::-1]}"
    said: dict[str, object] = {"token": token, "user": issued["user"]}
    if arrival.kind is Kind.NEW and arrival.person % _REFERRED_EACH == 0:
        said["referral_code"] = "DRILL"
    return json.dumps(said).encode()
