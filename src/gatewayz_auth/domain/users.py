"""An account, and the rules for making and naming one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gatewayz_auth.domain.identity import LinkedAccount, without_controls

TIER_DISPLAY_NAMES = {"basic": "Basic", "pro": "Pro", "max": "MAX"}

_RESERVED = frozenset(
    "about account accounts admin administrator anonymous api app auth billing console contact dashboard dev "
    "everyone gatewayz guest help info login logout mail me moderator nobody none null official operator ops owner "
    "postgres privy public root security self service settings signin signup staff status superuser support sys "
    "system team test undefined user users webmaster www".split(),
)
_USERNAME_MAX = 32
_USERNAME_MIN = 2
_LOOKS_LIKE_WALLET = re.compile(r"0x[0-9a-f]{6,}|[1-9a-hj-np-z]{32,44}\Z", re.IGNORECASE)
_LOOKS_LIKE_PHONE = re.compile(r"(?:\d[^\w]*){6,}")


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

    @property
    def shown_email(self) -> str | None:
        """The verified e-mail, or the claim where there is no better."""
        return self.email or self.claimed_email

    @property
    def shown_phone_number(self) -> str | None:
        """The verified number, or the claim where there is no better."""
        return self.phone_number or self.claimed_phone_number


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


def username_from(name: str | None, spare: str) -> str:
    """The username to ask for: made of ``name`` where that is fit to stand in log lines, else ``user_`` and ``spare``.

    NFKC, lower case, letters, digits, ``_``, ``-`` and ``.``, 2 to 32 characters. Reserved words and whatever looks
    like an e-mail, a phone number or a wallet are not fit. The database appends a suffix where it is taken.
    """
    if name:
        folded = unicodedata.normalize("NFKC", name).lower()
        if not _is_personal(folded):
            spaced = re.sub(r"\s+", "_", folded.strip())
            kept = re.sub(r"[^\w.-]", "", spaced).strip("._-")[:_USERNAME_MAX].strip("._-")
            kept = unicodedata.normalize("NFKC", kept).lower()
            if _USERNAME_MIN <= len(kept) <= _USERNAME_MAX and kept not in _RESERVED and not kept.startswith("user_"):
                return kept
    return f"user_{spare}"


def may_join(signups: str, domains: tuple[str, ...], proven_email: str | None) -> bool:
    """Whether a newcomer is taken: ``signups`` is ``on``, ``off`` or ``allowlist`` (a proven e-mail of ``domains``)."""
    if signups == "on":
        return True
    if signups == "off" or proven_email is None:
        return False
    return proven_email.rpartition("@")[2] in domains
