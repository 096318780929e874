"""Somebody's own referral code: made on first ask, one for each user, and what it has brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain import referral_codes
from gatewayz_auth.domain.errors import Overloaded

if TYPE_CHECKING:
    from gatewayz_auth.domain.referral_stats import ReferralStats
    from gatewayz_auth.reliability.deadline import Deadline
    from gatewayz_auth.reliability.entropy import Entropy

TRIES = 5
"""The second try sees what whoever was quicker has made; more are for a drawn code that somebody has already."""


class ReferralCodeRows(Protocol):
    """The database, as codes are kept in it: one call, one round trip, ``NotKnown`` in time."""

    async def code_of(self, user_id: int, drawn: str, deadline: Deadline) -> str | None:
        """The user's living code, ``drawn`` where there was none; None where another was quicker or has it."""
        ...

    async def stats_of(self, user_id: int, deadline: Deadline) -> ReferralStats:
        """What the user's codes have brought."""
        ...


class ReferralCodes:
    """Gives people their code and tells them what it has brought."""

    def __init__(self, rows: ReferralCodeRows, entropy: Entropy) -> None:
        """Keep the parts."""
        self._rows = rows
        self._entropy = entropy

    async def code_of(self, user_id: int, deadline: Deadline) -> str:
        """The user's code, made now where they had none; the same for all who ask at once. ``NotKnown`` in time."""
        for _ in range(TRIES):
            drawn = referral_codes.compose(self._entropy.token(referral_codes.ALPHABET, referral_codes.LENGTH))
            code = await self._rows.code_of(user_id, drawn, deadline)
            if code is not None:
                return code
        raise Overloaded("no referral code came about: the account is going, or codes are running out")

    async def stats_of(self, user_id: int, deadline: Deadline) -> ReferralStats:
        """What the user's codes have brought; makes no code."""
        return await self._rows.stats_of(user_id, deadline)
