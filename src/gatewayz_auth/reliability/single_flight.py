"""One call for all who ask the same at once, each of them waiting no longer than they want to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gatewayz_auth.domain.errors import NeighbourUnavailable
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.query_timeout import timeout_exceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from types import TracebackType

    from gatewayz_auth.reliability.clock import Clock

T = TypeVar("T")

MAX_FLIGHTS = 1024
"""Different questions under way in one process at once."""

MAX_JOINABLE_AGE_S = 30.0
"""A flight older than this is not joined any more: no limit may be set that would not have ended it by then."""


class _Flight(Generic[T]):
    __slots__ = ("error", "origin", "started_s", "task")

    def __init__(self, task: asyncio.Task[T], started_s: float) -> None:
        self.task = task
        self.started_s = started_s
        self.error: BaseException | None = None
        self.origin: TracebackType | None = None

    def result(self, neighbour: str) -> T:
        if self.task.cancelled():
            raise NeighbourUnavailable(neighbour, "the call was ended from within")
        if self.error is None and (error := self.task.exception()) is not None:
            self.error, self.origin = error, error.__traceback__
        if self.error is not None:  # one error for many waiters: without this its traceback grows with each of them
            raise self.error.with_traceback(self.origin)
        return self.task.result()


class SingleFlight(Generic[T]):
    """Runs one ``work`` a key at a time; a waiter who leaves, the first one included, ends it for nobody else.

    The work must have a limit of its own (``guarded``). Its failure is told to those who wait at that moment and to
    nobody after them: the next one to ask starts anew. At most ``max_flights`` keys at once, one more is refused with
    ``Overloaded``.
    """

    __slots__ = ("_clock", "_flights", "_max_age_s", "_neighbour", "_tasks")

    def __init__(
        self,
        neighbour: str,
        clock: Clock,
        *,
        max_flights: int = MAX_FLIGHTS,
        max_joinable_age_s: float = MAX_JOINABLE_AGE_S,
    ) -> None:
        """Fly nothing yet; ``neighbour`` is whom the flights ask, for errors and names of tasks."""
        self._neighbour = neighbour
        self._clock = clock
        self._max_age_s = max_joinable_age_s
        self._tasks = OwnedTasks(f"flight:{neighbour}", max_flights)
        self._flights: dict[Hashable, _Flight[T]] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def is_flying(self, key: Hashable) -> bool:
        """Whether a flight of ``key`` is under way that may be joined."""
        return self._joinable(key) is not None

    def start(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> bool:
        """Start a flight that nobody waits for; False where one is under way, ``Overloaded`` where there is no room."""
        if self._joinable(key) is not None:
            return False
        self._start(key, work)
        return True

    async def join(  # noqa: PLR0913 - keywords that each say one thing
        self,
        key: Hashable,
        work: Callable[[], Awaitable[T]],
        *,
        limit_s: float,
        operation: str,
        give_up: asyncio.Future[Any] | None = None,
        on_expiry: Callable[[float, float, float], None] | None = None,
    ) -> T:
        """What the flight of ``key`` answers, started with ``work`` where none is under way.

        ``QueryTimeoutError`` after ``limit_s`` seconds (0: at once, nothing is started) or when ``give_up`` is done (an
        opening breaker); the flight goes on. ``on_expiry`` (``CircuitBreaker.expired``) hears the seconds waited,
        the limit when that passed, and for how much of it this thread was busy: a breaker sees impatience that the
        flight, with its longer limit, does not show.
        """
        if not limit_s > 0 or (give_up is not None and give_up.done()):
            raise timeout_exceeded(max(0.0, limit_s), operation)
        flight = self._joinable(key) or self._start(key, work)
        started_s, started_busy_s = self._clock.monotonic_s(), self._clock.thread_busy_s()
        waited_for: tuple[asyncio.Future[Any], ...] = (flight.task,) if give_up is None else (flight.task, give_up)
        await asyncio.wait(waited_for, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if flight.task.done():
            return flight.result(self._neighbour)
        waited_s = self._clock.monotonic_s() - started_s
        if give_up is not None and give_up.done():
            raise timeout_exceeded(waited_s, operation)
        if on_expiry is not None:
            on_expiry(waited_s, limit_s, self._clock.thread_busy_s() - started_busy_s)
        raise timeout_exceeded(limit_s, operation)

    async def close(self, limit_s: float) -> tuple[str, ...]:
        """Start no more, cancel all, wait ``limit_s`` seconds at most; the names of flights that would not end."""
        return await self._tasks.close(limit_s)

    def _joinable(self, key: Hashable) -> _Flight[T] | None:
        flight = self._flights.get(key)
        if flight is None or flight.task.done() or self._clock.monotonic_s() - flight.started_s > self._max_age_s:
            return None
        return flight

    def _start(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> _Flight[T]:
        async def fly() -> T:
            return await work()

        task = self._tasks.spawn(fly(), "flight")  # the key is personal: it names no task
        flight = self._flights[key] = _Flight(task, self._clock.monotonic_s())

        def landed(_task: object) -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]

        task.add_done_callback(landed)
        return flight
