"""Query time-outs for programs that call their database synchronously, such as with the Supabase SDK's ``.execute()``.

A plain callable runs in a thread; whoever waits for it is released at the limit, whatever the callable does. At most
``QUERY_TIMEOUT_THREADS`` (setting, 32) run at once, those that were walked away from included: one more is refused at
once instead of piling up. Each function has a coroutine twin with an ``a`` before its name, which does not block the
event loop. Importing this reads nothing and starts nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from gatewayz_auth.adapters.library import coroutines, threads
from gatewayz_auth.adapters.threads import timeout_exceeded
from gatewayz_auth.domain.errors import Overloaded, QueryTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = [
    "AUTH_QUERY_TIMEOUT",
    "DEFAULT_QUERY_TIMEOUT",
    "USER_LOOKUP_TIMEOUT",
    "AbandonedCalls",
    "QueryTimeoutError",
    "abandoned_calls",
    "aexecute_with_timeout",
    "asafe_query_with_timeout",
    "execute_with_timeout",
    "safe_query_with_timeout",
]

T = TypeVar("T")

DEFAULT_QUERY_TIMEOUT = 10
"""Seconds for a query in general."""

AUTH_QUERY_TIMEOUT = 8
"""Seconds for a query of the sign-in."""

USER_LOOKUP_TIMEOUT = 5
"""Seconds for a look-up of a person."""

_DEFAULT_NAME = "database operation"
_SHOWN = {"get user by privy_id": "Privy ID lookup", "get user by username": "Username lookup"}
"""What the founding document's route calls its look-ups, and what its log lines call them."""

_log = logging.getLogger(__name__)


class AbandonedCalls(NamedTuple):
    """Calls that were walked away from: how many still run (each holds a thread), and how many there ever were."""

    running: int
    total: int


def abandoned_calls() -> AbandonedCalls:
    """How many calls of this process were walked away from."""
    pool = threads()
    return AbandonedCalls(pool.abandoned, pool.abandoned_total)


def _refused(error: Overloaded, operation: str, limit_s: float) -> QueryTimeoutError:
    return QueryTimeoutError(f"refused: {error}", operation=operation, timeout_s=limit_s)


def execute_with_timeout(
    func: Callable[[], T], timeout_seconds: float = DEFAULT_QUERY_TIMEOUT, operation_name: str = _DEFAULT_NAME
) -> T:
    """What ``func`` answers or raises, or ``QueryTimeoutError`` after ``timeout_seconds``, whatever ``func`` does.

    ``func`` sees the caller's context variables. Also ``QueryTimeoutError``, at once, where all threads are taken. What
    was walked away from goes on by itself: its outcome is dropped and its thread comes back when it ends.
    """
    try:
        return threads().run(func, timeout_seconds, operation_name)
    except Overloaded as error:
        raise _refused(error, operation_name, timeout_seconds) from error


async def aexecute_with_timeout(
    func: Callable[[], T] | Callable[[], Awaitable[T]],
    timeout_seconds: float = DEFAULT_QUERY_TIMEOUT,
    operation_name: str = _DEFAULT_NAME,
) -> T:
    """As ``execute_with_timeout``, without blocking the event loop; what ``func`` answers is awaited on the loop.

    A caller that is cancelled leaves at once; a thread that it started is then walked away from.
    """
    if not timeout_seconds > 0:
        raise timeout_exceeded(timeout_seconds, operation_name)
    loop = asyncio.get_running_loop()
    end_s = loop.time() + timeout_seconds
    answer: Any = None
    try:
        if inspect.iscoroutinefunction(func):
            answer = func()
        else:
            thread = threads().submit(_kept(func))
            try:
                outcome = await _waited_for(asyncio.wrap_future(thread), timeout_seconds, operation_name)
            finally:
                threads().walk_away(thread)
            answer = outcome.given()
        if inspect.isawaitable(answer):
            work = coroutines().spawn(_awaited(answer), operation_name)
            return cast("T", await _waited_for(work, end_s - loop.time(), operation_name, timeout_seconds))
    except Overloaded as error:
        raise _refused(error, operation_name, timeout_seconds) from error
    return cast("T", answer)


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


async def _waited_for(work: asyncio.Future[T], left_s: float, operation_name: str, limit_s: float | None = None) -> T:
    """What ``work`` answers within ``left_s`` seconds; it is cancelled, and not waited for, where it does not."""
    try:
        await asyncio.wait((work,), timeout=max(0.0, left_s))
    finally:
        is_late = not work.done()
        if is_late:
            work.cancel()
    if is_late or work.cancelled():
        raise timeout_exceeded(left_s if limit_s is None else limit_s, operation_name)
    return work.result()


class _Outcome:
    """What a callable answered or raised; carried as a value, since no future takes every exception."""

    __slots__ = ("_error", "_value")

    def __init__(self, value: Any, error: BaseException | None) -> None:  # noqa: ANN401 - whatever it answered
        self._value = value
        self._error = error

    def given(self) -> Any:  # noqa: ANN401 - whatever it answered
        if self._error is not None:
            raise self._error
        return self._value


def _kept(func: Callable[[], Any]) -> Callable[[], _Outcome]:
    def call() -> _Outcome:
        try:
            return _Outcome(func(), None)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            return _Outcome(None, error)

    return call


def _log_failure(error: Exception, table_name: str, operation_name: str) -> None:
    # The error's own words may hold what the query was about, which is personal: its type is said, and at DEBUG the
    # places it came through.
    shown = _SHOWN.get(operation_name, operation_name)
    extra = {"table": table_name, "error": type(error).__name__}
    if isinstance(error, QueryTimeoutError):
        _log.error("%s timed out: %s", shown, error, extra=extra)
    else:
        _log.error("%s failed: %s", shown, type(error).__name__, extra=extra)
        _log.debug("%s failed at:\n%s", shown, "".join(traceback.format_tb(error.__traceback__)), extra=extra)


def safe_query_with_timeout(  # noqa: PLR0913 - the founding document's signature
    client: Any,  # noqa: ANN401, ARG001 - the founding document's signature
    table_name: str,
    operation: Callable[[], T],
    timeout_seconds: float = DEFAULT_QUERY_TIMEOUT,
    operation_name: str = _DEFAULT_NAME,
    fallback_value: T | None = None,
    log_errors: bool = True,  # noqa: FBT001, FBT002 - the founding document's signature
) -> T | None:
    """What ``operation`` answers within ``timeout_seconds``, else ``fallback_value``, logged unless told not to.

    Any error, a time-out and a refusal alike give the fallback. Mind that a fallback of None then looks like "not
    found": where that difference matters, as before a sign-up, call ``execute_with_timeout``. ``client`` is not used;
    ``table_name`` goes into the log.
    """
    try:
        return execute_with_timeout(operation, timeout_seconds, operation_name)
    except Exception as error:  # noqa: BLE001 - any error gives the fallback, that is the promise
        if log_errors:
            _log_failure(error, table_name, operation_name)
        return fallback_value


async def asafe_query_with_timeout(  # noqa: PLR0913 - the founding document's signature
    client: Any,  # noqa: ANN401, ARG001 - the founding document's signature
    table_name: str,
    operation: Callable[[], T] | Callable[[], Awaitable[T]],
    timeout_seconds: float = DEFAULT_QUERY_TIMEOUT,
    operation_name: str = _DEFAULT_NAME,
    fallback_value: T | None = None,
    log_errors: bool = True,  # noqa: FBT001, FBT002 - the founding document's signature
) -> T | None:
    """As ``safe_query_with_timeout``, without blocking the event loop."""
    try:
        return await aexecute_with_timeout(operation, timeout_seconds, operation_name)
    except Exception as error:  # noqa: BLE001 - any error gives the fallback, that is the promise
        if log_errors:
            _log_failure(error, table_name, operation_name)
        return fallback_value
