"""The people that the development issuer vouches for: what is asked, what is signed, what a front end would send."""

from __future__ import annotations

from gatewayz_auth.domain.errors import FieldError, RequestNotUnderstood
from gatewayz_auth.domain.identity import is_privy_id

MAX_ACCOUNTS = 32
_SIGNED_FIELDS = (
    "type", "address", "email", "subject", "name", "username", "phone_number", "phoneNumber", "chain_type",
)  # fmt: skip

Entry = dict[str, object]


def read(privy_user_id: object, linked_accounts: object) -> tuple[str, list[Entry]]:
    """Both as they must be, or ``RequestNotUnderstood`` with a pointer to each fault."""
    faults: list[FieldError] = []
    subject = privy_user_id if isinstance(privy_user_id, str) and is_privy_id(privy_user_id) else ""
    if not subject:
        faults.append(FieldError("/privy_user_id", "`did:privy:` and 1 to 128 of A-Z, a-z, 0-9, _ and -"))
    entries = [] if linked_accounts is None else linked_accounts
    if not isinstance(entries, list) or len(entries) > MAX_ACCOUNTS:
        faults.append(FieldError("/linked_accounts", f"a list of at most {MAX_ACCOUNTS} objects"))
        entries = []
    accounts: list[Entry] = []
    for index, entry in enumerate(entries):
        faults.extend(_faults(entry, f"/linked_accounts/{index}"))
        if isinstance(entry, dict):
            accounts.append(entry)
    if faults:
        raise RequestNotUnderstood("a development token cannot be made of this", tuple(faults))
    return subject, accounts


def _faults(entry: object, pointer: str) -> list[FieldError]:
    if not isinstance(entry, dict):
        return [FieldError(pointer, 'an object such as {"type": "email", "address": "ada@example.com"}')]
    found = []
    if not _is_text(entry.get("type")) or not entry["type"]:
        found.append(FieldError(f"{pointer}/type", "the kind of account, such as email or google_oauth"))
    found += [
        FieldError(f"{pointer}/{name}", "a string")
        for name in _SIGNED_FIELDS
        if name != "type" and entry.get(name) is not None and not _is_text(entry[name])
    ]
    return found


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def signed_accounts(accounts: list[Entry], now_s: int) -> list[Entry]:
    """What an identity token says of ``accounts``: the fields that Privy signs, and ``lv``, when it last verified."""
    return [{name: entry[name] for name in _SIGNED_FIELDS if entry.get(name)} | {"lv": now_s} for entry in accounts]


def user(subject: str, accounts: list[Entry], now_s: int) -> Entry:
    """The ``user`` object that a Privy front end sends beside the tokens."""
    verified = {"verified_at": now_s, "first_verified_at": now_s, "latest_verified_at": now_s}
    return {
        "id": subject,
        "created_at": now_s,
        "linked_accounts": [verified | entry for entry in accounts],
        "mfa_methods": [],
        "has_accepted_terms": False,
        "is_guest": not accounts,
    }
