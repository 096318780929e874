"""Tells those who wait for a connection as soon as it is clear that none can be made."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from gatewayz_auth.domain.errors import NotKnown

FAILURES_ARE_CLEAR = 3
"""So many attempts that failed in a row are clear, also while others are still under way."""


class ConnectWatch:
    """Watches every attempt to connect; the driver's pool would let its callers wait out their time instead.

    Waiters are told when the last attempt under way fails, or several in a row have, and nobody holds a connection that
    would come back (``is_any_out``): then the neighbour cannot be reached, which is not our own saturation.
    """

    def __init__(self, is_any_out: Callable[[], bool]) -> None:
        """Nothing is under way."""
        self._is_any_out = is_any_out
        self._under_way = 0
        self._failures = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self.last_failure: NotKnown | None = None

    @contextlib.contextmanager
    def attempt(self, in_our_words: Callable[[Exception], NotKnown]) -> Generator[None, None, None]:
        """Watch one attempt, whose end is this block's."""
        self._under_way += 1
        try:
            yield
        except Exception as error:
            self._under_way -= 1
            self._failures += 1
            self.last_failure = in_our_words(error)
            if (self._under_way == 0 or self._failures >= FAILURES_ARE_CLEAR) and not self._is_any_out():
                self._tell(self.last_failure)
            raise
        except BaseException:
            self._under_way -= 1
            raise
        else:
            self._under_way -= 1
            self._failures = 0
            self.last_failure = None

    def waiter(self) -> asyncio.Future[None]:
        """A future that fails when no connection can be made; to be cancelled by whoever waits no longer."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        return waiter

    def _tell(self, failure: NotKnown) -> None:
        for waiter in list(self._waiters):
            if not waiter.done():
                waiter.set_exception(failure)
