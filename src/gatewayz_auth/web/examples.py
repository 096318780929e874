"""Bodies as front ends send them, with made-up people, for the description of the API."""

from __future__ import annotations

from typing import Any

_TOKEN = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.made-up.signature"  # noqa: S105 - made up

Json = dict[str, Any]


def _body(name: str, accounts: list[Json], *, is_guest: bool = False, **more: object) -> Json:
    return {
        "user": {
            "id": f"did:privy:{name}",
            "created_at": 1763900000,
            "linked_accounts": accounts,
            "mfa_methods": [],
            "has_accepted_terms": False,
            "is_guest": is_guest,
        },
        "token": _TOKEN,
        "auto_create_api_key": True,
        **more,
    }


REQUESTS: dict[str, Json] = {
    "email": {
        "summary": "By e-mail; front ends often leave the address out, and the identity token proves it",
        "value": _body(
            "cm3np4u9j001rc8b73seqada1",
            [{"type": "email", "verified_at": 1763900001, "latest_verified_at": 1763900002}],
            identity_token=_TOKEN,
            is_new_user=True,
        ),
    },
    "google": {
        "summary": "With Google",
        "value": _body(
            "cm3np4u9j001rc8b73seqada2",
            [
                {
                    "type": "google_oauth",
                    "subject": "117000000000000000001",
                    "email": "grace@example.com",
                    "name": "Grace H.",
                    "verified_at": 1763900001,
                }
            ],
        ),
    },
    "wallet": {
        "summary": "With a wallet",
        "value": _body(
            "cm3np4u9j001rc8b73seqada3",
            [{"type": "wallet", "address": "0x52908400098527886E0F7030069857D2E4169EE7", "chain_type": "ethereum"}],
        ),
    },
    "phone": {
        "summary": "By phone",
        "value": _body("cm3np4u9j001rc8b73seqada4", [{"type": "phone", "phone_number": "+15550100099"}]),
    },
    "guest": {"summary": "As a guest", "value": _body("cm3np4u9j001rc8b73seqada5", [], is_guest=True)},
    "referred": {
        "summary": "Referred by somebody, asking for a test key",
        "value": _body(
            "cm3np4u9j001rc8b73seqada6",
            [{"type": "github", "subject": "583231", "name": "octo"}],
            referral_code="AB12CD34",
            environment_tag="test",
        ),
    },
}

ANSWER: Json = {
    "success": True,
    "message": "Signed in.",
    "user_id": 42,
    "api_key": "gw_live_0000000000000000000000000000000000EX",
    "auth_method": "google",
    "privy_user_id": "did:privy:cm3np4u9j001rc8b73seqada2",
    "is_new_user": False,
    "display_name": "Grace H.",
    "email": "grace@example.com",
    "phone_number": None,
    "credits": 3,
    "subscription_status": "trial",
    "tier": "basic",
    "tier_display_name": "Basic",
    "trial_expires_at": "2026-11-27T16:00:00Z",
    "subscription_end_date": None,
    "timestamp": "2026-11-24T16:00:00Z",
}
