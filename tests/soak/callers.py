"""Callers of the soak: each sends sign-ins one after another and compares every answer with what is true."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

NOT_ANSWERED_SHARE = 0.005
"""Of all answers, 503s: an honest answer where a neighbour was slower than its limit, and no more than a rarity."""

NOTICED_WITHIN_S = 5.0
"""The contract's bound where a message is lost; nearly all are noticed within one second."""


TRIES = 60
"""How often a newcomer who is told to come back does so."""


class History:
    """The values that something has had: each may be seen from before its commit until the next has been noticed."""

    def __init__(self, first):
        self._steps = [[0.0, 0.0, first]]  # begun, committed, value

    @property
    def newest(self):
        return self._steps[-1][2]

    def begin(self, value):
        self._steps.append([time.time(), float("inf"), value])

    def committed(self):
        self._steps[-1][1] = time.time()

    def possible(self, asked_at, now):
        ends = [step[1] for step in self._steps[1:]] + [float("inf")]
        return {
            value
            for (begun, _, value), end in zip(self._steps, ends, strict=True)
            if begun <= now and end >= asked_at - NOTICED_WITHIN_S
        }


@dataclass
class Truth:
    """What the database holds of one person, and what it held."""

    user_id: int = 0
    api_key: str = ""
    credits: History = field(default_factory=lambda: History(3))
    active: History = field(default_factory=lambda: History(True))
    revoked: dict[str, float] = field(default_factory=dict)


class Callers:
    """Sign-ins of all people by ``connections`` callers at once; ``wrong`` names each answer that is not true."""

    def __init__(self, port, people, truths, connections):
        self.port = port
        self.people = people
        self.truths = truths
        self.connections = connections
        self.statuses = Counter()
        self.sources = Counter()
        self.wrong = []
        self.slowest_s = 0.0
        self.session = 0
        self.dice = random.Random(20261124)
        print("seed 20261124", flush=True)

    async def sign_up(self):
        waiting = iter(range(len(self.truths)))
        await asyncio.gather(*(self._caller(waiting, is_first=True) for _ in range(self.connections)))

    async def meet_every_worker(self):
        """Have each worker remember everybody, so that what it holds grows no more by that; how many workers met."""
        waiting = {}

        async def caller():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                worker = await self._ask(reader, writer, 0)
                for number in waiting.setdefault(worker, iter(range(len(self.truths)))):
                    await self._ask(reader, writer, number)
            finally:
                writer.close()

        await asyncio.gather(*(caller() for _ in range(self.connections)))
        return len(waiting)

    async def run_until(self, end_s):
        def numbers():
            count = len(self.truths)
            while time.monotonic() < end_s:
                yield self.dice.randrange(400) if self.dice.random() < 0.3 else self.dice.randrange(count)

        waiting = numbers()
        await asyncio.gather(*(self._caller(waiting) for _ in range(self.connections)))

    async def _caller(self, numbers, *, is_first=False):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for number in numbers:
                await self._ask(reader, writer, number, is_first=is_first)
                for _ in range(TRIES):
                    if not is_first or self.truths[number].user_id:
                        break
                    await asyncio.sleep(0.5)  # told to come back: nobody else may be the first of this person
                    await self._ask(reader, writer, number, is_first=True)
        finally:
            writer.close()

    async def _ask(self, reader, writer, number, *, is_first=False):
        """Sign ``number`` in and look at the answer; the prefix of its request id, which names the process."""
        self.session += 1
        asked_at = time.time()
        writer.write(self.people.request(number, self.session))
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = json.loads(await reader.readexactly(int(fields[b"content-length"])))
        self._check(number, int(head[9:12]), fields, body, asked_at, is_first=is_first)
        return fields[b"x-request-id"].partition(b"-")[0]

    def _check(self, number, status, fields, body, asked_at, *, is_first):
        now = time.time()
        truth = self.truths[number]
        self.statuses[status] += 1
        self.sources[fields.get(b"x-auth-source", b"none").decode()] += 1
        self.slowest_s = max(self.slowest_s, now - asked_at)
        may_be_active = truth.active.possible(asked_at, now)
        if status == 403:
            if False not in may_be_active:
                self.wrong.append(f"person {number} was refused and is active")
            return
        if status == 503:
            return  # counted, and judged by its share
        if status != 200:
            self.wrong.append(f"person {number} was answered {status}")
            return
        if True not in may_be_active:
            self.wrong.append(f"person {number} was let in and has been disabled for {NOTICED_WITHIN_S} s")
        if body["privy_user_id"] != f"did:privy:person{number:07d}":
            self.wrong.append(f"person {number} was given somebody else's answer")
        if is_first:
            truth.user_id, truth.api_key = body["user_id"], body["api_key"]
            return
        if body["user_id"] != truth.user_id:
            self.wrong.append(f"person {number} has two accounts")
        is_old = fields[b"x-auth-source"] == b"last-known-good"  # it says so, and Age says how old; keys are not old
        if not is_old and body["credits"] not in truth.credits.possible(asked_at, now):
            self.wrong.append(f"person {number} was shown credits of long ago")
        revoked_at = truth.revoked.get(body["api_key"])
        if revoked_at is not None and asked_at - revoked_at > NOTICED_WITHIN_S:
            self.wrong.append(f"person {number} was given a key that was revoked")
        if not truth.revoked and body["api_key"] != truth.api_key:
            self.wrong.append(f"person {number} was given another key")
