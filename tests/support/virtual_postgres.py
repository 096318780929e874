"""A Postgres in virtual time: it gives as many connections as it has room for, freezes, refuses, resets and is slow."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import psycopg
from psycopg import pq


class Session:
    """What a pool asks of a driver's connection, over a socket that says nothing."""

    pipeline_status = pq.PipelineStatus.OFF

    def __init__(self, server):
        self._server = server
        self.pgconn = self
        self.number = server.begun
        self.is_busy = False

    @property
    def socket(self):
        return self._server.line.fileno()

    @property
    def status(self):
        return pq.ConnStatus.OK if self in self._server.open else pq.ConnStatus.BAD

    @property
    def transaction_status(self):
        if self not in self._server.open:
            return pq.TransactionStatus.UNKNOWN
        return pq.TransactionStatus.ACTIVE if self.is_busy else pq.TransactionStatus.IDLE

    def finish(self):
        self._server.open.discard(self)


class Server:
    """Gives ``room`` connections and refuses the next; ``answers`` is cleared while it is frozen.

    ``is_deaf``: what waits for it then cannot be cancelled, and fails at last. Sessions up to
    ``dead_up_to`` stay dead after a thaw.
    """

    def __init__(self, room=100):
        self.room = room
        self.open = set()
        self.begun = self.most = self.dead_up_to = 0
        self.takes_s = 0.005
        self.is_refusing = self.is_deaf = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.line, self._other_end = socket.socketpair()

    def close(self):
        self.line.close()
        self._other_end.close()

    async def connect(self):
        await asyncio.sleep(0.003)
        await self._reached(None)
        if len(self.open) >= self.room:
            raise psycopg.OperationalError("FATAL:  sorry, too many clients already")
        self.begun += 1
        session = Session(self)
        self.open.add(session)
        self.most = max(self.most, len(self.open))
        return session

    async def query(self, session):
        session.is_busy = True
        await self._reached(session)
        await asyncio.sleep(self.takes_s)
        await self._reached(session)
        session.is_busy = False

    async def probe(self):
        await asyncio.sleep(0.003)
        await self._reached(None)

    async def _reached(self, session):
        if self.is_refusing:
            raise psycopg.OperationalError("connection refused")
        if session is not None and session.number <= self.dead_up_to:
            await asyncio.Event().wait()
        if not self.is_deaf:
            await self.answers.wait()
        elif not self.answers.is_set():
            while not self.answers.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await self.answers.wait()
            raise psycopg.OperationalError("the connection was lost")
