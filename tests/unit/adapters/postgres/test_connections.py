"""A pool after an outage, beside a server that gives what it has room for; in virtual time."""

import asyncio

import pytest
from tests.support.virtual_loop import VirtualClock, in_virtual_time
from tests.support.virtual_postgres import Server

from gatewayz_auth.adapters.postgres.connections import Connections
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.owned_tasks import OwnedTasks


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
    server.close()


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
    server.close()
