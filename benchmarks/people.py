"""Made-up people and their tokens, signed in advance so that the load costs the measuring side next to nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.load import post
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.entropy import SystemEntropy


class People:
    """Signs tokens by the development issuer whose key lies in ``state_dir``."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.issuer = DevIssuer(state_dir, SystemEntropy())

    def request(self, number: int, session: int, *, referral_code: str | None = None) -> bytes:
        """One sign-in of person ``number``; another ``session`` is another token."""
        now_s = int(time.time())
        privy_id = f"did:privy:person{number:07d}"
        token = self.issuer.sign(
            {"sid": f"s{session}", "iss": "privy.io", "iat": now_s, "aud": self.issuer.app_id, "sub": privy_id,
             "exp": now_s + 3600}
        )  # fmt: skip
        body = {
            "user": {
                "id": privy_id,
                "created_at": now_s,
                "linked_accounts": [{"type": "email", "verified_at": now_s}],
                "mfa_methods": [],
                "has_accepted_terms": False,
                "is_guest": False,
            },
            "token": token,
            "auto_create_api_key": True,
            "is_new_user": False,
            "privy_user_id": privy_id,
        }
        if referral_code is not None:
            body["referral_code"] = referral_code
        return post("/api/auth", json.dumps(body).encode())
