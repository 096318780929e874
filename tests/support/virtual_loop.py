"""An event loop in virtual time: where nothing is ready, time jumps to the next timer. Nothing sleeps."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StandstillError(RuntimeError):
    """Everybody waits and no timer will ever wake them: in real time this is a hang."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise StandstillError("nobody is ready and no timer is set")
            self.now_s += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` begins at 0 and moves only when everybody waits; threads and real sockets do not work with it."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def block(self, seconds: float) -> None:
        """Let time pass as if a callback had held the loop for ``seconds``."""
        self._jumping.now_s += seconds


class VirtualClock:
    """The running virtual loop's time as ``reliability.clock.Clock``."""

    utc_at_start_s = 1_700_000_000.0
    busy_share = 0.0
    """For how much of its time the thread works."""

    def thread_busy_s(self) -> float:
        return self.busy_share * self.monotonic_s()

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()

    def utc_now_s(self) -> float:
        return self.utc_at_start_s + self.monotonic_s()


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` to its end on a loop in virtual time; what it left running is cancelled."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a test of a coroutine that runs in virtual time."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        run_virtual(lambda: test(*args, **kwargs))

    return run


async def deaf(seconds: float, answer: object = None) -> object:
    """Work that ignores every cancellation for ``seconds``, as a driver may."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    while (left_s := until_s - loop.time()) > 0:
        try:
            await asyncio.sleep(left_s)
        except asyncio.CancelledError:
            continue
    return answer
