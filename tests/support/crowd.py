"""Callers who come at a rate, whether or not those before them have been answered."""

from __future__ import annotations

import asyncio

from tests.support.faults import Line
from tests.support.serving import CLOCK


class Crowd:
    """Calls ``port``, each caller on a line that nobody else uses meanwhile."""

    def __init__(self, port):
        self._port = port
        self._idle = []
        self.replies = []
        self.sent_at_s = []

    async def one(self, body):
        """One caller: the reply, kept with the moment it came at."""
        line = self._idle.pop() if self._idle else Line(self._port)
        self.sent_at_s.append(CLOCK.monotonic_s())
        reply = await line.ask(body)
        self._idle.append(line)
        self.replies.append((CLOCK.monotonic_s(), reply))
        return reply

    async def come(self, bodies, per_s):
        """All of ``bodies``, ``per_s`` of them a second; returns when the last was answered."""
        began_s = CLOCK.monotonic_s()
        asking = []
        for number, body in enumerate(bodies):
            late_s = began_s + number / per_s - CLOCK.monotonic_s()
            if late_s > 0:
                await asyncio.sleep(late_s)
            asking.append(asyncio.ensure_future(self.one(body)))
        return await asyncio.gather(*asking)

    async def leave(self):
        await asyncio.gather(*(line.hang_up() for line in self._idle))


def good_per_s(replies, begin_s, end_s):
    """Sign-ins a second that were answered with a key between two moments."""
    good = sum(reply.status == 200 for at_s, reply in replies if begin_s <= at_s < end_s)
    return good / (end_s - begin_s)
