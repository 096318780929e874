"""Who calls: what a verified token says, and what the body merely claims."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

_PRIVY_ID = re.compile(r"did:privy:[A-Za-z0-9_-]{1,128}\Z")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+\Z")
_EMAIL_MAX = 320
"""RFC 5321: 64, the sign, 255."""
_WALLETS = ("wallet", "smart_wallet")

PROVES_SOMEBODY, PROVES_EMAIL, PROVES_PHONE = 1, 2, 4
"""What signed accounts can prove; they are added up, and 0 is nothing."""

VERIFIED_EMAIL_TYPES = ("email", "google_oauth", "apple_oauth")
"""Signed entries of these types prove an e-mail; no other provider's do (contract, section 1)."""

_METHODS = {
    "email": "email",
    "phone": "phone",
    "wallet": "wallet",
    "smart_wallet": "wallet",
    "google": "google",
    "github": "github",
    "apple": "apple",
    "twitter": "twitter",
    "discord": "discord",
    "farcaster": "farcaster",
    "passkey": "passkey",
}


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """One entry of ``linked_accounts``; control characters are already taken out, an unknown ``type`` is kept."""

    type: str
    address: str | None = None
    email: str | None = None
    subject: str | None = None
    name: str | None = None
    username: str | None = None
    phone_number: str | None = None

    def __repr__(self) -> str:
        """Name the type alone: the rest is personal."""
        return f"LinkedAccount(type={self.type!r})"


class AccessProof(NamedTuple):  # made on the hot route, where a frozen dataclass costs 0.7 µs more
    """What a verified access token proves: who, in which session, until when (``exp``, seconds since 1970)."""

    subject: str
    session_id: str
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """What a verified identity token proves: the accounts that Privy has verified for ``subject``."""

    subject: str
    linked_accounts: tuple[LinkedAccount, ...]
    expires_at_s: float


def is_privy_id(text: str) -> bool:
    """Whether ``text`` is ``did:privy:`` and 1 to 128 of ``A-Za-z0-9_-``."""
    return _PRIVY_ID.match(text) is not None


def without_controls(text: str) -> str:
    """``text`` without control, format, surrogate and private characters, spaces folded; may be empty."""
    kept = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in text)
    return " ".join(kept.split())


def normalised_email(text: str | None) -> str | None:
    """The e-mail in the one form it is compared and stored in (NFKC, lower case), or None where it is none.

    Letters that only *look* like others once they are normalised (a Kelvin sign for a K, full width) are refused, not
    folded: folding would make two mailboxes one, and whoever reads the one would own the other's account.
    """
    if not text or len(text) > _EMAIL_MAX:
        return None
    stripped = text.strip()
    if not unicodedata.is_normalized("NFKC", stripped):
        return None
    lowered = stripped.lower()
    if len(lowered) > _EMAIL_MAX or not unicodedata.is_normalized("NFKC", lowered):
        return None
    if any(unicodedata.category(c).startswith("C") for c in lowered):
        return None
    return lowered if _EMAIL.match(lowered) else None


def _email_of(account: LinkedAccount) -> str | None:
    raw = (account.address or account.email) if account.type == "email" else (account.email or account.address)
    return normalised_email(raw)


def verified_email(signed: tuple[LinkedAccount, ...]) -> str | None:
    """The first e-mail that ``signed`` entries prove, normalised; None where they prove none."""
    for account in signed:
        if account.type in VERIFIED_EMAIL_TYPES and (email := _email_of(account)):
            return email
    return None


def claimed_email(field: str | None, claimed: tuple[LinkedAccount, ...]) -> str | None:
    """The e-mail that the body shows: its own field first, then its linked accounts. Display data, never proof."""
    if email := normalised_email(field):
        return email
    for account in claimed:
        if account.type not in _WALLETS and (email := _email_of(account)):
            return email
    return None


def phone_of(accounts: tuple[LinkedAccount, ...]) -> str | None:
    """The first phone number of type ``phone`` in ``accounts``, at most 32 characters; None where there is none."""
    for account in accounts:
        if account.type == "phone" and account.phone_number:
            number = without_controls(account.phone_number)
            if number and len(number) <= 32:  # noqa: PLR2004 - E.164 has 15 digits; the rest is punctuation
                return number
    return None


def proven_by(signed: tuple[LinkedAccount, ...]) -> int:
    """What ``signed`` accounts prove, as the sum of ``PROVES_SOMEBODY``, ``PROVES_EMAIL`` and ``PROVES_PHONE``."""
    return proven(bool(signed), verified_email(signed), phone_of(signed)) if signed else 0


def proven(somebody: bool, email: str | None, phone: str | None) -> int:  # noqa: FBT001 - one of three of a kind
    """The same sum of what is proven: an account at all, this e-mail, this phone number."""
    return PROVES_SOMEBODY * somebody | PROVES_EMAIL * (email is not None) | PROVES_PHONE * (phone is not None)


def auth_method(accounts: tuple[LinkedAccount, ...]) -> str:
    """How they signed in, in the contract's words: the first entry of a known type, ``other`` where none is."""
    for account in accounts:
        if method := _METHODS.get(account.type.removesuffix("_oauth")):
            return method
    return "other"
