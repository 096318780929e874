"""What a Postgres behind a proxy is asked, and when: sign-ins, counted at its door."""

from __future__ import annotations

import bisect
import contextlib

from tests.support.serving import CLOCK

SIGN_IN = b"gatewayz_auth.sign_in("
"""What the one statement of a sign-in calls."""


class Queries:
    """The moments at which questions reached the neighbour."""

    def __init__(self):
        self.at_s = []

    def hear(self, data):
        self.at_s.extend([CLOCK.monotonic_s()] * data.count(SIGN_IN))

    def between(self, begin_s, end_s):
        """How many came between two moments."""
        return bisect.bisect_left(self.at_s, end_s) - bisect.bisect_left(self.at_s, begin_s)

    def most_in(self, window_s, begin_s, end_s):
        """The most in any ``window_s`` seconds that begin with a question between ``begin_s`` and ``end_s``."""
        return most_in(tuple(self.at_s), window_s, begin_s, end_s)


def most_in(at_s, window_s, begin_s, end_s):
    """The most of the moments ``at_s``, in their order, in any ``window_s`` that begin between two of them."""
    starts = [moment_s for moment_s in at_s if begin_s <= moment_s < end_s]
    return max((bisect.bisect_left(at_s, start_s + window_s) - bisect.bisect_left(at_s, start_s) for start_s in starts),
               default=0)  # fmt: skip


@contextlib.contextmanager
def counted(proxy):
    """Count what goes through ``proxy``."""
    queries = Queries()
    proxy.on_question = queries.hear
    try:
        yield queries
    finally:
        proxy.on_question = None
