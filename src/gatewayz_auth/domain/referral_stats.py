"""What somebody's referral code has brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

STATUSES = ("pending", "rewarded", "refused", "failed", "reversed")


@dataclass(frozen=True, slots=True)
class ReferralStats:
    """A user's living code (None: never asked for), its uses by each of ``STATUSES``, and the credits they earned.

    ``credits_earned`` is what came to the referrer less what was reversed; the bonus of whoever was referred is theirs.
    """

    code: str | None
    uses: Mapping[str, int]
    credits_earned: Decimal
