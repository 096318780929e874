"""A pool after an outage, beside a server that gives what it has room for; in virtual time."""

import asyncio
import socket

import psycopg
import pytest
from psycopg import pq
from tests.support.virtual_loop import VirtualClock, in_virtual_time

from gatewayz_auth.adapters.postgres.connections import Connections
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.owned_tasks import OwnedTasks


class Session:
    """What the pool asks of a driver's connection, over a socket that says nothing."""

    pipeline_status = pq.PipelineStatus.OFF

    def __init__(self, server):
        self._server = server
        self._ends = socket.socketpair()
        self.pgconn = self
        server.open.add(self)

    @property
    def socket(self):
        return self._ends[0].fileno()

    @property
    def status(self):
        return pq.ConnStatus.OK if self in self._server.open else pq.ConnStatus.BAD

    @property
    def transaction_status(self):
        return pq.TransactionStatus.IDLE if self in self._server.open else pq.TransactionStatus.UNKNOWN

    def finish(self):
        self._server.open.discard(self)
        for end in self._ends:
            end.close()


class Server:
    """Gives ``room`` connections and refuses the next one, as Postgres does."""

    def __init__(self, room):
        self.room = room
        self.open = set()

    async def connect(self):
        await asyncio.sleep(0.01)
        if len(self.open) >= self.room:
            raise psycopg.OperationalError("FATAL:  sorry, too many clients already")
        return Session(self)


def pool_at(server):
    return Connections(server.connect, max_size=10, min_size=10, clock=VirtualClock(), tasks=OwnedTasks("pool", 64))


@in_virtual_time
async def test_an_outage_ends_where_the_server_gives_fewer_connections_than_the_pool_may_have():
    server = Server(6)
    pool = pool_at(server)
    pool.open()
    await asyncio.sleep(5)
    assert pool.idle == 6
    pool.drop(is_away=True)
    await pool.refill(2.0)
    assert asyncio.get_running_loop().time() == pytest.approx(7.0)
    lent = [await pool.take(0.1) for _ in range(6)]
    for connection in lent:
        pool.give_back(connection)
    pool.close()
    assert server.open == set()


@in_virtual_time
async def test_where_the_server_gives_room_in_time_the_pool_is_filled_and_where_it_gives_none_it_is_not():
    server = Server(6)
    pool = pool_at(server)
    asyncio.get_running_loop().call_later(1.0, setattr, server, "room", 100)
    await pool.refill(5.0)
    assert pool.idle == 10
    assert asyncio.get_running_loop().time() < 2.0
    server.room = 0
    with pytest.raises(NotKnown):
        await pool.refill(2.0)
    pool.close()
