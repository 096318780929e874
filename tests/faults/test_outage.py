"""A database that falls silent with its connections open, told from the side of those who come back."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.faults.conftest import LOOKUP_S
from tests.support.faults import GIVES_UP_S, p99_s
from tests.support.serving import CLOCK, descendants, standing_still

from gatewayz_auth.adapters.child_process import wait_until

CALLERS = 6
RETURNING = 40
NOISE_S = 0.03  # below this a p99 says more of the machine than of us
FRESH_AGAIN_WITHIN_S = 3.0


@pytest.fixture
def under(service):
    """The service, well before and after."""
    service.until_served(10.0)
    yield service
    service.postgres.thaw()
    service.redis.thaw()
    service.until_served(10.0)


def stale(service, count):
    """People who were signed in longer ago than an answer is fresh."""
    people = service.people("returning", count)
    service.sign_in(people)
    time.sleep(2.1)  # time itself is the condition: AUTH_CACHE_TTL is 2
    return people


def for_s(seconds):
    until_s = CLOCK.monotonic_s() + seconds
    return lambda: CLOCK.monotonic_s() >= until_s


def fresh_again_s(service, people):
    """The seconds until nobody of ``people`` is answered from last known good."""

    def is_fresh():
        replies = service.ask(people)
        assert {reply.status for reply in replies} == {200}, replies
        return all(reply.source != "last-known-good" for reply in replies)

    again_s = service.seconds_until(is_fresh, 10.0)
    assert again_s <= 10.0, "they are not fresh again"
    return again_s


def test_returning_people_hardly_notice_that_the_database_is_deaf(under, record_property):
    people = stale(under, RETURNING)
    healthy = under.keep_asking(people, CALLERS, for_s(2.5))
    people = stale(under, RETURNING)
    opened = under.opened("postgres")
    under.postgres.freeze()
    first = under.ask(people)  # all of them at once, each of them as patient as a person with an older answer is
    under.until_opened("postgres", opened, 1.0)
    then = under.keep_asking(people, CALLERS, for_s(2.5))
    under.postgres.thaw()
    again_s = fresh_again_s(under, people)
    record_property(
        "p99", f"healthy {p99_s(healthy):.3f} first {p99_s(first):.3f} open {p99_s(then):.3f} fresh {again_s:.2f}"
    )
    assert {reply.status for reply in healthy + first + then} == {200}
    assert {reply.source for reply in then} == {"last-known-good"}
    assert p99_s(first) <= 0.3
    assert p99_s(then) <= max(NOISE_S, 2 * p99_s(healthy))
    assert again_s <= FRESH_AGAIN_WITHIN_S


def test_people_are_served_soon_after_the_thaw_also_where_the_old_connections_stay_dead(under, record_property):
    people = stale(under, 6)
    under.postgres.freeze()
    assert {reply.source for reply in under.ask(people)} == {"last-known-good"}
    under.ask(under.people("stranger", 3))
    under.postgres.thaw(old_connections_stay_dead=True)
    again_s = fresh_again_s(under, people)
    record_property("again", f"{again_s:.2f}")
    assert again_s <= FRESH_AGAIN_WITHIN_S


def test_its_breaker_opens_within_a_second_of_a_freeze_under_load_also_of_one_right_after_another(
    under, record_property
):
    people = [*stale(under, 20), *under.people("newcomer", 400)]
    ended = threading.Event()
    opened_s = []
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(under.keep_asking, people, CALLERS, ended.is_set)
        try:
            for _ in range(2):
                opened = under.opened("postgres")
                time.sleep(0.5)  # some load before it
                began_s = CLOCK.monotonic_s()
                under.postgres.freeze()
                under.until_opened("postgres", opened, 1.0)
                opened_s.append(CLOCK.monotonic_s() - began_s)
                time.sleep(0.7)  # a probe is under way when it thaws
                under.postgres.thaw()
                under.until_served(4.0)
        finally:
            ended.set()
        statuses = {reply.status for reply in load.result(GIVES_UP_S)}
    record_property("opened", " ".join(f"{seconds:.2f}" for seconds in opened_s))
    assert statuses == {200, 503}


def test_with_redis_deaf_as_well_returning_people_are_served_from_the_process(under, record_property):
    people = stale(under, 6)
    under.redis.freeze()
    under.postgres.freeze()
    replies = under.ask([*people, *under.people("stranger", 3), *under.forgers(1)])
    assert [reply.status for reply in replies] == [200] * 6 + [503] * 3 + [401], replies
    record_property("p99", f"both deaf: {max(reply.took_s for reply in replies[:6]):.3f}")
    assert max(reply.promised_s for reply in replies[:6]) <= 0.3
    assert max(reply.promised_s for reply in replies) <= 2.3
    under.redis.thaw()
    under.postgres.thaw()
    assert fresh_again_s(under, people) <= FRESH_AGAIN_WITHIN_S


def test_whoever_lost_a_right_seconds_before_the_outage_gets_nothing_from_memory(under):
    disabled, revoked, honest = people = under.people("rights", 3)
    replies = under.ask(people)
    assert {reply.status for reply in replies} == {200}
    ids = [reply.body["user_id"] for reply in replies]
    under.sql("UPDATE public.users SET is_active = false WHERE id = %s", ids[0])
    under.sql("UPDATE public.api_keys SET revoked_at = now() WHERE user_id = %s", ids[1])
    under.let_notice()
    under.postgres.freeze()
    for _ in range(2):
        refused = under.ask([disabled, revoked])
        assert {reply.status for reply in refused} == {503}, refused
        assert under.ask([honest])[0].status == 200
        time.sleep(1.5)  # what was fresh is stale now
    under.postgres.thaw()
    under.until_served(4.0)
    again = under.ask(people)
    assert [reply.status for reply in again] == [403, 200, 200]
    assert again[1].body["api_key"] != replies[1].body["api_key"]
    assert again[2].body["api_key"] == replies[2].body["api_key"]


def test_last_known_good_says_in_the_log_which_limit_passed(under):
    people = stale(under, 2)
    before = under.said("Privy ID lookup timed out: timeout exceeded 0.15s")
    under.postgres.freeze()
    assert {reply.source for reply in under.ask(people)} == {"last-known-good"}
    assert wait_until(lambda: under.said("Privy ID lookup timed out: timeout exceeded 0.15s") >= before + 2, CLOCK, 1.0)
    assert under.said("Cache miss for Privy ID, querying database...")
    assert under.said("Last known good for Privy ID: did:privy:returning")


def waited_in_vain(service):
    """What strangers waited, in seconds, as the log says."""
    said = re.findall(r"Privy ID lookup timed out: timeout exceeded ([\d.]+)s", "\n".join(tuple(service.serving.lines)))
    return [float(seconds) for seconds in said]


def test_strangers_let_go_by_an_opening_breaker_are_named_in_the_log_with_what_they_waited(under):
    before = len(waited_in_vain(under))
    under.postgres.freeze()
    replies = under.ask(under.people("stranger", 4))
    assert {reply.status for reply in replies} == {503}
    assert wait_until(lambda: len(waited_in_vain(under)) >= before + 4, CLOCK, 1.0)
    assert max(waited_in_vain(under)[before:]) < LOOKUP_S, "they waited for the limit of a look-up"


def test_a_stopped_postgres_is_a_frozen_one(under, postgres_server):
    people = stale(under, 4)
    with standing_still([postgres_server.pid, *descendants(postgres_server.pid)]):
        replies = under.ask([*people, *under.people("stranger", 3)])
        assert [reply.status for reply in replies] == [200] * 4 + [503] * 3, replies
        assert max(reply.promised_s for reply in replies[:4]) <= 0.35
        assert max(reply.promised_s for reply in replies) <= 2.2
    assert fresh_again_s(under, people) <= FRESH_AGAIN_WITHIN_S
