"""Sign-ins that arrive together are proven together: every step for all of them before the next.

Checking a signature throws all else out of the processor's nearest memory, and what runs next costs twice as much. So
whoever has arrived waits for the loop to turn once, and the first to go on checks the tokens of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from gatewayz_auth.domain.identity import LinkedAccount
    from gatewayz_auth.domain.sign_in import SignInRequest

    Signed = tuple[LinkedAccount, ...]


class _Turn:
    """Awaited, it lets the loop turn once: what ``asyncio.sleep(0)`` does, without a coroutine around it."""

    def __await__(self) -> Generator[None, None, None]:
        yield


TURN = _Turn()


class Arrival(Protocol):
    """One request that is to be proven, and what became of that: None before."""

    request: SignInRequest
    outcome: Signed | Exception | None


class Arrivals:
    """Those who wait for the loop to turn; ``prove_all`` is told of all of them at once."""

    __slots__ = ("_prove_all", "_waiting")

    def __init__(self, prove_all: Callable[[Sequence[SignInRequest]], Sequence[Signed | Exception]]) -> None:
        """Nobody has arrived yet."""
        self._prove_all = prove_all
        self._waiting: list[Arrival] = []

    def add(self, arrival: Arrival) -> None:
        """Have ``arrival`` proven with the others: await ``TURN`` then, and ask for ``signed``."""
        self._waiting.append(arrival)

    def signed(self, arrival: Arrival) -> Signed:
        """The accounts that are signed for ``arrival``, or its own error; the first who asks proves all that wait."""
        if arrival.outcome is None:
            self._prove_waiting()
        outcome = arrival.outcome
        if isinstance(outcome, tuple):
            return outcome
        arrival.outcome = None
        try:
            raise outcome or RuntimeError("asked before the loop has turned")
        finally:
            del outcome  # or the error would hold this frame, and this frame the error

    def _prove_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            outcomes = self._prove_all([waiter.request for waiter in waiting])
        except Exception as error:  # noqa: BLE001 - nobody waits for an outcome that does not come
            outcomes = [error] * len(waiting)
        for waiter, outcome in zip(waiting, outcomes, strict=True):
            waiter.outcome = outcome
