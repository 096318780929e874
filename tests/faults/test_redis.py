"""Redis in every fault: nobody is refused because of it, and nobody waits for it for long."""

import time

import pytest
from tests.support.faults import reset_and_say_nothing

LIMIT_S = 0.05  # what Redis may cost a caller before its breaker is open
SLACK_S = 0.1  # what a busy machine adds
CALLERS = 3

FAULTS = {
    "refused": lambda proxy: proxy.refuse(),
    "reset": lambda proxy: proxy.reset(),
    "frozen": lambda proxy: proxy.freeze(),
    "frozen in mid-answer": lambda proxy: proxy.freeze_in_answer(),
    "dripping": lambda proxy: proxy.drip(0.3),
    "accepts and says nothing": reset_and_say_nothing,
    "slow by 5 s": lambda proxy: proxy.delay(5.0),
}
NAMES = [fault.replace(" ", "_") for fault in FAULTS]


@pytest.fixture(scope="module")
def returning(service):
    """People for each fault who were signed in longer ago than an answer is fresh."""
    people = {fault: service.people("stale", CALLERS) for fault in FAULTS}
    everybody = [body for bodies in people.values() for body in bodies]
    assert {reply.status for reply in service.ask(everybody)} == {200}
    time.sleep(2.1)  # time itself is the condition: AUTH_CACHE_TTL is 2
    return people


@pytest.fixture
def under(service):
    """The service; whatever a test did to its Redis is over when it ends."""
    yield service
    service.redis.thaw()


def check(replies, status, source, within_s):
    seen = [reply.seen for reply in replies]
    assert {reply.status for reply in replies} == {status}, seen
    assert {reply.source for reply in replies} <= {source}, seen
    assert max(reply.took_s for reply in replies) <= within_s + SLACK_S, seen
    return max(reply.took_s for reply in replies)


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_redis(fault, under, returning, record_property):
    service, stale = under, returning[fault]
    fresh, forgers = service.people("fresh", CALLERS), service.forgers(1)
    assert {reply.status for reply in service.ask(fresh)} == {200}
    users, opened = service.users(), service.opened("redis")

    FAULTS[fault](service.redis)
    fresh_s = check(service.ask(fresh), 200, "cache", 0.0)
    check(service.ask(forgers), 401, None, 0.0)
    stale_s = check(service.ask(stale), 200, "database", LIMIT_S)
    strangers_s = check(service.ask(service.people("stranger", CALLERS)), 200, "database", LIMIT_S)
    record_property("first", f"fresh {fresh_s:.3f} stale {stale_s:.3f} strangers {strangers_s:.3f}")
    assert service.users() == users + CALLERS

    if fault != "reset":
        service.ask(service.people("stranger", CALLERS))
        service.until_opened("redis", opened, 1.0)
        then_s = check(service.ask(service.people("stranger", CALLERS)), 200, "database", 0.0)
        check(service.ask(forgers), 401, None, 0.0)
        record_property("open", f"strangers {then_s:.3f}")

    service.redis.thaw()
    record_property("again", f"{service.until_served(4.0, 'redis'):.2f}")
    assert service.sql("SELECT count(*) FROM public.users WHERE privy_user_id LIKE 'did:privy:forger%%'") == [(0,)]
