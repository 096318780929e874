"""Who is signed in with the safety features and who without, while a rollout runs; else none of this is on any way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.errors import (
    AccountDisabled,
    DeadlineExceeded,
    NotKnown,
    QueryTimeoutError,
    Refused,
    SignupsClosed,
)
from gatewayz_auth.domain.sign_in import Answer, NotFound, Source
from gatewayz_auth.service.rollout import is_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.domain.sign_in import FindOrMake, SignInRequest
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline
    from gatewayz_auth.service.ports import Accounts, KeyVault, Render

OLD, NEW = "old", "new"


class Answers(Protocol):
    """What the sign-in asks: ``AuthCache``, or whoever stands in its place."""

    def fresh(self, request: SignInRequest, *, proves: int) -> Answer | None:
        """The answer where a fresh one is at hand; waits for nothing."""
        ...

    async def answer(
        self, request: SignInRequest, wanted: Callable[[], FindOrMake], deadline: Deadline, *, proves: int
    ) -> Answer:
        """The answer; ``Refused`` or ``NotKnown`` before the deadline."""
        ...


class Direct:
    """Asks the database each time and remembers nothing: the way without safety features, within the deadline."""

    def __init__(self, accounts: Accounts, vault: KeyVault, render: Render) -> None:
        """Keep the parts."""
        self._accounts = accounts
        self._vault = vault
        self._render = render

    def fresh(self, request: SignInRequest, *, proves: int) -> Answer | None:  # noqa: ARG002 - nothing is at hand
        """Nothing."""
        return None

    async def answer(
        self,
        request: SignInRequest,  # noqa: ARG002 - all of it is in the question
        wanted: Callable[[], FindOrMake],
        deadline: Deadline,
        *,
        proves: int,  # noqa: ARG002 - as above
    ) -> Answer:
        """What the database says now."""
        question = wanted()
        found = await self._accounts.find_or_make(question, deadline)
        if isinstance(found, NotFound):
            raise SignupsClosed
        account = found.account
        if not account.is_active:
            raise AccountDisabled
        api_key = None if found.key is None else self._vault.open(found.key, account.user_id)
        return Answer(self._render(account, api_key, is_new=found.is_new), account.user_id, Source.DATABASE, 0.0)


class Cohorts:
    """Sends each person the way of their cohort, and tells ``count`` what came of it: cohort, result, seconds."""

    def __init__(
        self, old: Answers, new: Answers, share: float, count: Callable[[str, str, float], None], clock: Clock
    ) -> None:
        """``share`` percent of people go the ``new`` way."""
        self._old = old
        self._new = new
        self._share = share
        self._count = count
        self._clock = clock

    def fresh(self, request: SignInRequest, *, proves: int) -> Answer | None:
        """The answer where the person is in and a fresh one is at hand."""
        if not is_in(request.privy_user_id, self._share):
            return None
        answer = self._new.fresh(request, proves=proves)
        if answer is not None:
            self._count(NEW, answer.source.value, 0.0)
        return answer

    async def answer(
        self, request: SignInRequest, wanted: Callable[[], FindOrMake], deadline: Deadline, *, proves: int
    ) -> Answer:
        """The answer by the person's own way; ``Refused`` or ``NotKnown`` before the deadline."""
        cohort = NEW if is_in(request.privy_user_id, self._share) else OLD
        way = self._new if cohort == NEW else self._old
        began_s = self._clock.monotonic_s()
        result = "unknown"
        try:
            answer = await way.answer(request, wanted, deadline, proves=proves)
            result = answer.source.value
        except Refused:
            result = "refused"
            raise
        except (QueryTimeoutError, DeadlineExceeded, asyncio.CancelledError):
            result = "timed_out"
            raise
        except NotKnown:
            raise
        finally:
            self._count(cohort, result, self._clock.monotonic_s() - began_s)
        return answer
