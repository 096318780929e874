"""An account, and the rules for making and naming one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gatewayz_auth.domain.identity import PROVES_EMAIL, PROVES_PHONE, PROVES_SOMEBODY, LinkedAccount, without_controls

if TYPE_CHECKING:
    from datetime import datetime

TIER_DISPLAY_NAMES = {"basic": "Basic", "pro": "Pro", "max": "MAX"}

_RESERVED_WORDS = """
    about account accounts admin administrator anonymous api app auth billing console contact dashboard dev everyone
    gatewayz guest help info login logout mail me moderator nobody none null official operator ops owner postgres
    privy public root security self service settings signin signup staff status superuser support sys system team
    test undefined user users webmaster www
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_USERNAME_MAX = 32
_USERNAME_MIN = 2
_LOOKS_LIKE_WALLET = re.compile(r"0x[0-9a-f]{3}|[0-9a-z]{32}")
"""Hexadecimal, shortened for show too (0x52f9…41ee), and whatever is as long as a base58 or bech32 address."""
_LOOKS_LIKE_PHONE = re.compile(r"(?:\d[\W_]*){6}")


@dataclass(frozen=True, slots=True)
class NewcomerRules:
    """What a new account starts with: credits, tier and trial of the founding platform.

    ``credits`` go to a proven or claimed person, ``guest_credits`` to a guest until an account is proven;
    ``trial_days`` is a whole number, 0 for no trial.
    """

    credits: Decimal = Decimal(3)
    guest_credits: Decimal = Decimal(0)
    tier: str = "basic"
    trial_days: int = 3


@dataclass(frozen=True, slots=True)
class Account:
    """One account as the database holds it; ``email`` is verified or None, ``claimed_email`` proves nothing."""

    user_id: int
    region: str
    privy_user_id: str | None
    username: str
    display_name: str | None
    auth_method: str
    email: str | None
    claimed_email: str | None
    phone_number: str | None
    claimed_phone_number: str | None
    credits: Decimal
    tier: str
    subscription_status: str
    trial_expires_at: datetime | None
    subscription_end_date: datetime | None
    is_guest: bool
    is_active: bool
    created_at: datetime

    def __repr__(self) -> str:
        """Name the account by its id alone: the rest is personal."""
        return f"Account(user_id={self.user_id}, region={self.region!r})"

    @property
    def shown_email(self) -> str | None:
        """The verified e-mail, or the claim where there is no better."""
        return self.email or self.claimed_email

    @property
    def shown_phone_number(self) -> str | None:
        """The verified number, or the claim where there is no better."""
        return self.phone_number or self.claimed_phone_number

    @property
    def lacks(self) -> int:
        """What would bring news of it if it were proven, as ``identity.proven`` adds it up."""
        no_phone = self.phone_number is None
        return PROVES_SOMEBODY * self.is_guest | PROVES_EMAIL * (self.email is None) | PROVES_PHONE * no_phone


def _is_personal(text: str) -> bool:
    return "@" in text or _LOOKS_LIKE_WALLET.search(text) is not None or _LOOKS_LIKE_PHONE.search(text) is not None


def display_name(*sources: tuple[LinkedAccount, ...]) -> str | None:
    """The first display name or handle in ``sources``, at most 128 characters; None where there is none."""
    for accounts in sources:
        for account in accounts:
            for text in (account.name, account.username):
                if text and (shown := without_controls(text)[:128].strip()):
                    return shown
    return None


def folded_username(name: str) -> str:
    """The form in which two usernames are the same: NFKC, without case. Folding twice changes nothing."""
    lowered = unicodedata.normalize("NFKC", name).casefold().lower()
    return unicodedata.normalize("NFKC", lowered)


def username_from(name: str | None, spare: str) -> str:
    """The username to ask for: made of ``name`` where that is fit to stand in log lines, else ``user_`` and ``spare``.

    NFKC, lower case, letters, digits, ``_``, ``-`` and ``.``, 2 to 32 characters. Reserved words and whatever looks
    like an e-mail, a phone number or a wallet are not fit. The database appends a suffix where it is taken.
    """
    if name:
        folded = folded_username(name)
        if not _is_personal(folded):
            kept = re.sub(r"[^\w.-]", "", re.sub(r"\s+", "_", folded.strip()))
            kept = folded_username(kept.strip("._-")[:_USERNAME_MAX].strip("._-"))
            if _is_fit(kept):
                return kept
    return f"user_{spare}"


def _is_fit(name: str) -> bool:
    bare = re.sub(r"[._-]", "", name)
    return (
        _USERNAME_MIN <= len(name) <= _USERNAME_MAX
        and bare not in _RESERVED
        and not name.startswith("user_")
        and not _is_personal(name)
    )


def may_join(signups: str, domains: tuple[str, ...], proven_email: str | None) -> bool:
    """Whether a newcomer is taken: ``signups`` is ``on``, ``off`` or ``allowlist`` (a proven e-mail of ``domains``)."""
    if signups == "on":
        return True
    if signups == "off" or proven_email is None:
        return False
    return proven_email.rpartition("@")[2] in domains
