"""``ports.Accounts`` in memory: the same rules as the statement in Postgres, held to them by one contract suite."""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from gatewayz_auth.domain.api_keys import owner_tag
from gatewayz_auth.domain.errors import QueryTimeoutError
from gatewayz_auth.domain.sign_in import Found, NotFound, StoredKey
from gatewayz_auth.domain.users import Account

if TYPE_CHECKING:
    from gatewayz_auth.domain.sign_in import FindOrMake, NewKey
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline

_REFERRAL_CODE_MAX = 64


def name_key(name: str | None) -> str | None:
    """What e-mails and usernames are compared by: NFKC, lower case; None where there is nothing left."""
    if name is None:
        return None
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower()) or None


@dataclass(slots=True)
class Referral:
    """A referral as it is written at sign-up."""

    referred_user_id: int
    referral_code: str
    status: str = "pending"


@dataclass(slots=True)
class MemoryAccounts:
    """Accounts of one process, for tests and for nothing else; never waits, so callers never race."""

    clock: Clock
    accounts: dict[int, Account] = field(default_factory=dict)
    keys: dict[tuple[int, str], StoredKey] = field(default_factory=dict)
    ledger: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    referrals: list[Referral] = field(default_factory=list)
    identities: dict[tuple[str, str], int] = field(default_factory=dict)

    async def find_or_make(self, wanted: FindOrMake, deadline: Deadline) -> Found | NotFound:
        """The account and its key, found or made; ``NotFound`` where none may be made."""
        if deadline.left_s(self.clock.monotonic_s()) <= 0:
            raise QueryTimeoutError("timeout exceeded 0s", operation="sign_in")
        user_id = self.identities.get(("privy", wanted.privy_user_id))
        is_new = False
        if user_id is None:
            legacy = self._from_before_privy(name_key(wanted.verified_email))
            if legacy is not None and not legacy.is_active:
                return Found(legacy, None, is_new=False)
            if legacy is not None:
                user_id = legacy.user_id
                self._put(replace(legacy, privy_user_id=wanted.privy_user_id))
            elif not wanted.may_join:
                return NotFound()
            else:
                user_id, is_new = self._make(wanted), True
        account = self.accounts[user_id]
        if not account.is_active:
            return Found(account, None, is_new=False)
        if not is_new:
            account = self._enriched(account, wanted)
        key = self.keys.get((user_id, wanted.environment_tag))
        if key is None and wanted.new_key is not None:
            key = self.keys[user_id, wanted.environment_tag] = _stored(wanted.new_key, user_id)
        return Found(account, key, is_new=is_new)

    def add(self, account: Account) -> None:
        """Have ``account`` exist, as if it had always been there."""
        self._put(account)

    def disable(self, user_id: int) -> None:
        """Keep a user out."""
        self._put(replace(self.accounts[user_id], is_active=False))

    def revoke_keys(self, user_id: int) -> None:
        """End all keys of a user."""
        self.keys = {at: key for at, key in self.keys.items() if at[0] != user_id}

    def _from_before_privy(self, email: str | None) -> Account | None:
        if email is None or (user_id := self.identities.get(("email", email))) is None:
            return None
        account = self.accounts[user_id]
        return account if account.privy_user_id is None else None

    def _make(self, wanted: FindOrMake) -> int:
        user_id = max(self.accounts, default=0) + 1
        now = self._now()
        email = name_key(wanted.verified_email)
        if email is not None and ("email", email) in self.identities:
            email = None
        has_trial = wanted.trial_days > 0 and not wanted.is_guest
        account = Account(
            user_id=user_id,
            region=wanted.region,
            privy_user_id=wanted.privy_user_id,
            username=self._free_username(wanted.username, user_id),
            display_name=wanted.display_name,
            auth_method=wanted.auth_method,
            email=email,
            claimed_email=wanted.claimed_email,
            phone_number=wanted.verified_phone,
            claimed_phone_number=wanted.claimed_phone,
            credits=wanted.credits,
            tier=wanted.tier,
            subscription_status="trial" if has_trial else "inactive",
            trial_expires_at=now + dt.timedelta(days=wanted.trial_days) if has_trial else None,
            subscription_end_date=None,
            is_guest=wanted.is_guest,
            is_active=True,
            created_at=now,
        )
        self._put(account)
        if wanted.credits:
            self.ledger[user_id, "opening"] = wanted.credits
        code = "".join((wanted.referral_code or "").split()).upper()[:_REFERRAL_CODE_MAX]
        if code:
            self.referrals.append(Referral(user_id, code))
        return user_id

    def _enriched(self, account: Account, wanted: FindOrMake) -> Account:
        email = name_key(wanted.verified_email)
        if account.email is None and email is not None and ("email", email) not in self.identities:
            account = replace(account, email=email)
        if account.phone_number is None:
            account = replace(account, phone_number=wanted.verified_phone)
        if account.is_guest and wanted.is_proven:
            account = self._proven(account, wanted)
        self._put(account)
        return account

    def _proven(self, account: Account, wanted: FindOrMake) -> Account:
        top_up = wanted.full_credits - self.ledger.get((account.user_id, "opening"), Decimal(0))
        if top_up > 0:
            self.ledger[account.user_id, "proven"] = top_up
            account = replace(account, credits=account.credits + top_up)
        if wanted.trial_days > 0:
            account = replace(
                account,
                subscription_status="trial"
                if account.subscription_status == "inactive"
                else account.subscription_status,
                trial_expires_at=account.trial_expires_at or self._now() + dt.timedelta(days=wanted.trial_days),
            )
        return replace(account, is_guest=False)

    def _free_username(self, wanted: str, user_id: int) -> str:
        username, tries = wanted, 0
        while ("username", name_key(username) or "") in self.identities:
            tries += 1
            suffix = hashlib.sha256(f"{user_id} {tries}".encode()).hexdigest()[: 3 + tries]
            username = f"{wanted}_{suffix}"
        return username

    def _put(self, account: Account) -> None:
        self.identities = {name: user_id for name, user_id in self.identities.items() if user_id != account.user_id}
        self.accounts[account.user_id] = account
        for kind, subject in (
            ("privy", account.privy_user_id),
            ("email", name_key(account.email)),
            ("username", name_key(account.username)),
        ):
            if subject is not None:
                self.identities[kind, subject] = account.user_id

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.utc_now_s(), dt.UTC)


def _stored(key: NewKey, user_id: int) -> StoredKey:
    return StoredKey(
        key_id=key.key_id,
        environment_tag=key.environment_tag,
        prefix=key.prefix,
        digest_key_id=key.digest_key_id,
        sealed=key.sealed,
        owner_tag=owner_tag(key.owner_secret, user_id),
    )
