"""What becomes of a referral: its states, why one is refused, and what a rewarded one is worth.

::

    pending ──> rewarded ──> reversed      both sides are credited; taken back, with a reason, by a person
       │  └───> refused                    for one of ``REFUSALS``, for good
       └──────> failed ────> pending       it could not be judged so many times; tried again when a person says so
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence


class Status(enum.StrEnum):
    """The words of the contract, section 5."""

    PENDING = "pending"
    REWARDED = "rewarded"
    REFUSED = "refused"
    FAILED = "failed"
    REVERSED = "reversed"


REFUSALS = (
    "unknown_code",
    "deleted_code",
    "account_gone",
    "referrer_gone",
    "self_referral",
    "referrer_disabled",
    "referrer_guest",
    "account_disabled",
    "guest",
    "daily_cap",
    "exhausted",
)
"""Why a referral is refused, in the order in which the reasons are looked for."""


@dataclass(frozen=True, slots=True)
class ReferralRules:
    """What a referral is worth to both sides, in credits, and what bounds it; None bounds nothing.

    ``max_uses`` is how often any code may be rewarded (a code may have a smaller maximum of its own), ``daily_cap`` how
    many sign-ups of one day (UTC) one referrer is rewarded for. A referral that could not be judged ``max_attempts``
    times is failed; after the first time it waits ``retry_after_s`` seconds, then twice as long each time, an hour at
    most, spread by half to both sides.
    """

    referrer_credits: Decimal = Decimal(1)
    referred_credits: Decimal = Decimal(1)
    max_uses: int | None = None
    daily_cap: int | None = None
    max_attempts: int = 8
    retry_after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one referral; ``status`` is still pending where somebody is changing its people just now."""

    referral_id: int
    referred_user_id: int
    referrer_user_id: int | None
    referral_code: str
    status: Status
    reason: str | None


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral as operators see it."""

    referral_id: int
    referrer_user_id: int | None
    referred_user_id: int
    referral_code: str
    status: Status
    reason: str | None
    attempts: int
    created_at: dt.datetime
    settled_at: dt.datetime | None
    next_try_at: dt.datetime


@dataclass(frozen=True, slots=True)
class JobsState:
    """How the background work stands: age of the oldest pending referral (None: none is), counts up to a thousand."""

    oldest_pending_s: float | None
    pending: int
    failed: int
    workers: int


@dataclass(frozen=True, slots=True)
class ByStatus:
    """The newest ten thousand ``referrals`` and jobs of the ``queue`` by status; a status that none has is left out.

    ``worker_silent_s`` is for how many seconds no worker has been heard of; None: there is none.
    """

    referrals: Mapping[str, int]
    queue: Mapping[str, int]
    worker_silent_s: float | None


def mailbox(email: str) -> str:
    """The mailbox behind a normalised address: without ``+tag``, and without what Gmail does not look at."""
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0]
    if domain in {"gmail.com", "googlemail.com"}:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a referral as it is when it is judged."""

    user_id: int
    email: str | None = None
    is_active: bool = True
    is_guest: bool = False
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A referral before the judge: the newcomer, the code and its owner (None: nobody's), and the day of the sign-up.

    ``email_owner_user_id`` is whose account had the verified e-mail that the newcomer showed.
    """

    referral_id: int
    code: str
    referred: Party
    day: dt.date
    referrer: Party | None
    is_deleted: bool = False
    own_max_uses: int | None = None
    email_owner_user_id: int | None = None


def refusal(case: Case) -> str | None:
    """Why ``case`` is refused, whatever else was rewarded; None where nothing speaks against it."""
    us, them = case.referred, case.referrer
    if them is None:
        return "unknown_code"
    is_one_mailbox = us.email is not None and them.email is not None and mailbox(us.email) == mailbox(them.email)
    against = {
        "deleted_code": case.is_deleted,
        "account_gone": us.is_gone,
        "referrer_gone": them.is_gone,
        "self_referral": them.user_id in {us.user_id, case.email_owner_user_id} or is_one_mailbox,
        "referrer_disabled": not them.is_active,
        "referrer_guest": them.is_guest,
        "account_disabled": not us.is_active,
        "guest": us.is_guest,
    }
    return next((reason for reason, holds in against.items() if holds), None)


def judge(
    cases: Sequence[Case], rules: ReferralRules, rewarded: Iterable[tuple[int, str, dt.date]] = ()
) -> dict[int, str | None]:
    """The reason against each of ``cases`` by its id, None for a reward; earlier sign-ups come first.

    ``rewarded`` names referrer, code and day of every referral that was rewarded before and not reversed. It is the
    pure twin of ``gatewayz_auth.settle_referrals`` in SQL; ``tests/properties/test_referral_ledger.py`` holds the two
    together.
    """
    verdicts: dict[int, str | None] = {}
    uses: Counter[str] = Counter()
    days: Counter[tuple[int, dt.date]] = Counter()
    for referrer_id, code, day in rewarded:
        uses[code] += 1
        days[referrer_id, day] += 1
    for case in sorted(cases, key=lambda case: case.referral_id):
        reason = refusal(case)
        if reason is None and case.referrer is not None:
            today = (case.referrer.user_id, case.day)
            limits = [limit for limit in (rules.max_uses, case.own_max_uses) if limit is not None]
            if rules.daily_cap is not None and days[today] >= rules.daily_cap:
                reason = "daily_cap"
            elif limits and uses[case.code] >= min(limits):
                reason = "exhausted"
            else:
                uses[case.code] += 1
                days[today] += 1
        verdicts[case.referral_id] = reason
    return verdicts
