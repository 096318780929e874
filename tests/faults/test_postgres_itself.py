"""Faults of the database itself, behind a network in order: a lock, a failover that takes no writes, a closed door."""

import contextlib
import time

import psycopg
import pytest

LOOKUP_S = 2.0
SLACK_S = 0.3  # what a busy machine adds
FORGET_CONNECTIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth'"


@contextlib.contextmanager
def users_locked(service):
    with psycopg.connect(service.database_url) as connection:
        connection.execute("LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextlib.contextmanager
def read_only(service):
    name = service.sql("SELECT current_database()")[0][0]
    service.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    service.sql(FORGET_CONNECTIONS)
    try:
        yield
    finally:
        with psycopg.connect(service.database_url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            connection.execute(FORGET_CONNECTIONS)


@contextlib.contextmanager
def door_closed(service):
    name = service.sql("SELECT current_database()")[0][0]
    admin = service.database_url.replace(f"/{name}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(FORGET_CONNECTIONS)
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


FAULTS = {"users locked": users_locked, "read-only after a failover": read_only, "takes no connections": door_closed}
NAMES = [fault.replace(" ", "_") for fault in FAULTS]


@pytest.fixture(scope="module")
def returning(service):
    """People for each fault who were signed in longer ago than an answer is fresh."""
    people = {fault: service.people("stale", 3) for fault in FAULTS}
    everybody = [body for bodies in people.values() for body in bodies]
    assert {reply.status for reply in service.ask(everybody)} == {200}
    time.sleep(2.1)  # time itself is the condition: AUTH_CACHE_TTL is 2
    return people


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_postgres_itself(fault, service, returning, record_property):
    stale, strangers, forgers = returning[fault], service.people("stranger", 3), service.forgers(1)
    fresh = service.people("fresh", 2)
    assert {reply.status for reply in service.ask(fresh)} == {200}
    before = service.users()
    with FAULTS[fault](service):
        replies = service.ask([*fresh, *stale, *strangers, *forgers])
        assert [reply.status for reply in replies] == [200] * 5 + [503] * 3 + [401], replies
        assert [reply.source for reply in replies[:2]] == ["cache"] * 2
        assert {reply.source for reply in replies[2:5]} <= {"last-known-good", "database"}
        stale_s = max(reply.took_s for reply in replies[2:5])
        strangers_s = max(reply.took_s for reply in replies[5:8])
        assert stale_s <= 0.15 + SLACK_S
        assert strangers_s <= LOOKUP_S + SLACK_S
        assert all("retry-after" in reply.headers for reply in replies[5:8])
    made = service.users() - before  # a statement that waited for the lock may get it when its caller has left
    assert 0 <= made <= (len(strangers) if fault == "users locked" else 0)
    record_property("first", f"stale {stale_s:.3f} {replies[2].source} strangers {strangers_s:.3f}")
    record_property("again", f"{service.until_served(6.0):.2f}")
    again = service.ask([*strangers, *stale])
    assert {reply.status for reply in again} == {200}
    assert len({reply.body["user_id"] for reply in again}) == len(again)


def test_a_statement_that_waits_for_a_lock_does_not_outlive_its_caller(service):
    with users_locked(service):
        service.ask(service.people("stranger", 5))
        deadline_s = time.monotonic() + LOOKUP_S + SLACK_S
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth' AND state = 'active'"
        while service.sql(waiting)[0][0]:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert service.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth'")[0][0] <= 11
    service.until_served(6.0)
