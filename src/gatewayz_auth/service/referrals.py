"""Works referrals off: in sets, each once, however many workers there are and whatever one of them does to us."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.referrals import Status
from gatewayz_auth.domain.sign_in import Found
from gatewayz_auth.service.spare_time import SpareTime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from decimal import Decimal

    from gatewayz_auth.domain.referrals import ReferralRules, Verdict
    from gatewayz_auth.domain.sign_in import FindOrMake, NotFound
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline
    from gatewayz_auth.service.ports import Accounts

T = TypeVar("T")

SET_SIZE = 10
"""Referrals judged in one transaction: some 3 ms of the database's time."""

INLINE_LIMIT_S = 1.0
INLINE_MARGIN_S = 0.25
"""What is left of the deadline for the answer itself, where a referral is worked off before it."""


class ReferralStore(Protocol):
    """The rows, which are the truth; each call is one transaction, bounded, and raises ``NotKnown`` at worst."""

    async def settle(self, limit: int, rules: ReferralRules) -> tuple[Verdict, ...]:
        """Judge and pay at most ``limit`` referrals that are due; what became of each."""
        ...

    async def settle_of(self, user_id: int, rules: ReferralRules, deadline: Deadline) -> tuple[Verdict, ...]:
        """The same for the one referral of a newcomer."""
        ...

    async def try_next(self, rules: ReferralRules) -> Verdict | None:
        """Count an attempt at the next one that is due, failed where it was the last; None where none is due."""
        ...

    async def settle_alone(self, referral_id: int, rules: ReferralRules) -> tuple[Verdict, ...]:
        """Judge and pay this one alone, for which an attempt was counted."""
        ...

    async def note(self, referral_id: int, reason: str) -> None:
        """Keep why the attempt at this one did not succeed."""
        ...


class ReferralObserver(Protocol):
    """Hears what is done; never waits, never raises."""

    def settled(self, verdict: Verdict) -> None:
        """A referral was rewarded, refused, or given up as failed."""
        ...

    def not_settled(self, verdict: Verdict, error: NotKnown) -> None:
        """An attempt at a referral failed; another follows."""
        ...

    def set_done(self, count: int, took_s: float) -> None:
        """A set of ``count`` was worked off."""
        ...


class Referrals:
    """Works off what is due; ``is_stopping`` is asked between sets."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        store: ReferralStore,
        rules: ReferralRules,
        observer: ReferralObserver,
        clock: Clock,
        is_stopping: Callable[[], bool] = lambda: False,
        spare: SpareTime | None = None,
    ) -> None:
        """Keep the parts; ``drain`` does the work, in time that is ``spare`` (default: of its own)."""
        self._store = store
        self._rules = rules
        self._observer = observer
        self._clock = clock
        self._is_stopping = is_stopping
        self._is_draining = False
        self._spare = spare or SpareTime(clock)
        self._took_s = 0.0

    @property
    def newcomer_credits(self) -> Decimal:
        """What a newcomer is credited for a referral that is rewarded."""
        return self._rules.referred_credits

    async def drain(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Work off everything that is due; how many were settled. ``NotKnown`` where the database is away.

        While one call of this is at it, another returns at once: what it came for is being done.
        """
        if self._is_draining:
            return 0
        self._is_draining = True
        settled = 0
        try:
            while not self._is_stopping():
                self._took_s = 0.0
                count, is_more = await self._set()
                settled += count
                progress(settled)
                if count:
                    self._observer.set_done(count, self._took_s)
                if not is_more:
                    break
        finally:
            self._is_draining = False
        return settled

    async def settle_of(self, user_id: int, deadline: Deadline) -> tuple[Verdict, ...]:
        """Work off a newcomer's referral before the answer; ``NotKnown`` leaves it pending."""
        return self._tell(await self._store.settle_of(user_id, self._rules, deadline))

    async def _set(self) -> tuple[int, bool]:
        """How many of a set were settled, and whether there may be more."""
        try:
            verdicts = await self._spared(lambda: self._store.settle(SET_SIZE, self._rules))
        except NotKnown:
            return await self._one_by_one()
        return len(self._tell(verdicts)), len(verdicts) == SET_SIZE

    async def _one_by_one(self) -> tuple[int, bool]:
        """Find out which of a set it is that does not work, and let the others pass by it."""
        settled = 0
        for _ in range(SET_SIZE):
            if self._is_stopping():
                return settled, False
            verdict = await self._spared(lambda: self._store.try_next(self._rules))
            if verdict is None:
                return settled, False
            if verdict.status is Status.FAILED:
                settled += len(self._tell((verdict,)))
                continue
            try:
                alone = functools.partial(self._store.settle_alone, verdict.referral_id, self._rules)
                settled += len(self._tell(await self._spared(alone)))
            except NotKnown as error:
                self._observer.not_settled(verdict, error)
                await self._store.note(verdict.referral_id, str(error))
        return settled, True

    async def _spared(self, work: Callable[[], Awaitable[T]]) -> T:
        answer, took_s = await self._spare.use(work)
        self._took_s += took_s
        return answer

    def _tell(self, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        settled = tuple(verdict for verdict in verdicts if verdict.status is not Status.PENDING)
        for verdict in settled:
            self._observer.settled(verdict)
        return settled


class InlineReferrals:
    """``ports.Accounts`` that works a newcomer's referral off before it answers: ``REFERRAL_MODE=inline``.

    It takes ``INLINE_LIMIT_S`` at most and what the deadline leaves; then the referral stays pending, for the worker.
    """

    def __init__(self, accounts: Accounts, referrals: Referrals, clock: Clock) -> None:
        """Stand in front of ``accounts``."""
        self._accounts = accounts
        self._referrals = referrals
        self._clock = clock
        self.is_on = True
        """Assigned, where the mode changes meanwhile; off, referrals wait for the worker."""

    async def find_or_make(self, wanted: FindOrMake, deadline: Deadline) -> Found | NotFound:
        """The account, its credits as they are after its referral."""
        found = await self._accounts.find_or_make(wanted, deadline)
        brings_referral = self.is_on and bool((wanted.referral_code or "").strip())
        if not brings_referral or not isinstance(found, Found) or not found.is_new:
            return found
        now_s = self._clock.monotonic_s()
        limit_s = min(INLINE_LIMIT_S, deadline.left_s(now_s) - INLINE_MARGIN_S)
        if limit_s <= 0:
            return found
        try:
            verdicts = await self._referrals.settle_of(found.account.user_id, deadline.tightened(now_s, limit_s))
        except NotKnown:
            return found
        if not any(verdict.status is Status.REWARDED for verdict in verdicts):
            return found
        account = replace(found.account, credits=found.account.credits + self._referrals.newcomer_credits)
        return replace(found, account=account)
