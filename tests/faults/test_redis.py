"""Redis in every fault: nobody is refused because of it, and nobody waits for it for long."""

import pytest
from tests.support.callers import BAD_TOKEN, COUNTS, FRESH, Bound, check, met, remembered_for
from tests.support.faults import reset_and_say_nothing

BUSY_S = 0.15
FROM_THE_DATABASE = Bound(200, "database", 0.05)
NOTHING_MORE = Bound(200, ("database", "cache"), 0.0)

AT_FIRST = {
    "fresh": FRESH,
    "stale": FROM_THE_DATABASE,
    "before Privy": FROM_THE_DATABASE,
    "stranger": FROM_THE_DATABASE,
    "bad token": BAD_TOKEN,
}
WHILE_OPEN = {kind: BAD_TOKEN if kind == "bad token" else NOTHING_MORE for kind in AT_FIRST}

FAULTS = {
    "refused": lambda proxy: proxy.refuse(),
    "reset": lambda proxy: proxy.reset(),
    "frozen": lambda proxy: proxy.freeze(),
    "frozen in mid-answer": lambda proxy: proxy.freeze_in_answer(),
    "dripping": lambda proxy: proxy.drip(0.3),
    "accepts and says nothing": reset_and_say_nothing,
    "slow by 5 s for all": lambda proxy: proxy.delay(5.0),
}
NAMES = [fault.replace(" ", "_") for fault in FAULTS]


@pytest.fixture(scope="module")
def remembered(service):
    def is_served():  # a crowd on a busy machine may open the breaker
        service.until_served(10.0, "redis")

    return remembered_for(service, FAULTS, settled_before=is_served, settled_after=is_served)


@pytest.fixture
def under(service):
    """The service; whatever a test did to its Redis is over when it ends."""
    yield service
    service.redis.thaw()


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_redis(fault, under, remembered, bounds):
    service, callers = under, met(under, remembered[fault])
    users, opened = service.users(), service.opened("redis")

    def ask(when, expected):
        for kind, replies in callers.ask(service).items():
            took_s = check(replies, callers.bound(kind, expected), BUSY_S)
            made = "their accounts" if kind == "stranger" else "nothing"
            bounds.note("Redis", fault, when, kind, expected[kind], took_s, made)

    FAULTS[fault](service.redis)
    ask("at first", AT_FIRST)
    assert service.users() == users + COUNTS["stranger"]
    if fault != "reset":

        def is_open():  # a wait that our own busy loop made longer does not count, so it may take some more
            service.ask(service.people("stranger", 3))
            return service.opened("redis") > opened

        assert service.seconds_until(is_open, 1.0) <= 1.0, "its breaker did not open"
        ask("breaker open", WHILE_OPEN)
    service.redis.thaw()
    served_s = service.until_served(4.0, "redis")
    bounds.note("Redis", fault, "after it", "everybody", Bound(200, "database", 3.0), served_s, "")
    assert service.sql("SELECT count(*) FROM public.users WHERE privy_user_id LIKE 'did:privy:forger%%'") == [(0,)]
