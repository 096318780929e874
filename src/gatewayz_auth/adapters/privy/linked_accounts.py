"""The signed list of linked accounts, as an identity token carries it."""

from __future__ import annotations

from gatewayz_auth.adapters.privy import strict_json
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.domain.identity import LinkedAccount, without_controls


def read(claim: object) -> tuple[LinkedAccount, ...]:
    """The accounts of the claim ``linked_accounts``: a JSON array, or a string that spells one; refuses anything else.

    An entry that is no object or has no ``type`` is left out, and so is a field of the wrong type: what cannot be read
    proves nothing, and the person is not locked out for it.
    """
    if isinstance(claim, str):
        try:
            claim = strict_json.parse(claim)
        except ValueError:
            raise TokenNotAccepted("linked_accounts") from None
    if not isinstance(claim, list):
        raise TokenNotAccepted("linked_accounts")
    return tuple(account for entry in claim if (account := _account(entry)) is not None)


def _account(entry: object) -> LinkedAccount | None:
    if not isinstance(entry, dict):
        return None
    kind = _shown(entry.get("type"))
    if kind is None or kind != entry["type"]:
        return None
    phone = _proof(entry.get("phone_number"))
    return LinkedAccount(
        type=kind,
        address=_proof(entry.get("address")),
        email=_proof(entry.get("email")),
        subject=_proof(entry.get("subject")),
        name=_shown(entry.get("name")),
        username=_shown(entry.get("username")),
        phone_number=_proof(entry.get("phoneNumber")) if phone is None else phone,
    )


def _shown(value: object) -> str | None:
    return (without_controls(value) or None) if isinstance(value, str) else None


def _proof(value: object) -> str | None:
    """An address is proven as it was signed or not at all: taking characters out would make it another one."""
    cleaned = _shown(value)
    return cleaned if cleaned == value else None
