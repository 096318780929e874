"""Postgres in every fault, for every caller: what they are told, how soon, and what may stand in the tables."""

import itertools
import time
from typing import NamedTuple

import pytest
from tests.support.faults import Reply, reset_and_say_nothing

FRESH, STALE, STRANGERS, FORGERS = 2, 3, 3, 1

# What a busy machine adds to a wait, in seconds.
SLACK_S = 0.2

# Once the breaker is open strangers have 150 ms, that included.
OPEN_S = 0.15 - SLACK_S


class Cell(NamedTuple):
    """One fault and its bounds, in seconds; ``stranger`` is the status that strangers get."""

    fault: str
    stranger: int = 503
    stale_from: str = "last-known-good"
    strangers_within_s: float = 2.0
    stale_within_s: float = 0.15
    opens: bool = True
    may_commit: bool = False
    """Whether a statement gets through whose answer does not: a sign-up may stand although its caller was told 503."""


CELLS = (
    Cell("refused", strangers_within_s=0.5),
    Cell("reset", stranger=200, stale_from="database", strangers_within_s=0.5, opens=False),
    Cell("frozen"),
    Cell("frozen in mid-answer", may_commit=True),
    Cell("dripping", may_commit=True),
    Cell("accepts and says nothing"),
    Cell("slow by 5 s", may_commit=True),
)
NAMES = [cell.fault.replace(" ", "_") for cell in CELLS]


FAULTS = {
    "refused": lambda proxy: proxy.refuse(),
    "reset": lambda proxy: proxy.reset(),
    "frozen": lambda proxy: proxy.freeze(),
    "frozen in mid-answer": lambda proxy: proxy.freeze_in_answer(),
    "dripping": lambda proxy: proxy.drip(0.3),
    "accepts and says nothing": reset_and_say_nothing,
    "slow by 5 s": lambda proxy: proxy.delay(5.0),
}


class Answers(NamedTuple):
    fresh: list[Reply]
    stale: list[Reply]
    strangers: list[Reply]
    forgers: list[Reply]


@pytest.fixture(scope="module")
def returning(service):
    """People for each cell who were signed in longer ago than an answer is fresh."""
    people = {cell.fault: service.people("stale", STALE) for cell in CELLS}
    everybody = [body for bodies in people.values() for body in bodies]
    assert {reply.status for reply in service.ask(everybody)} == {200}
    time.sleep(2.1)  # time itself is the condition: AUTH_CACHE_TTL is 2
    return people


@pytest.fixture
def under(service):
    """The service; whatever a test did to its database is over when it ends."""
    yield service
    service.postgres.thaw()


def ask(service, fresh, stale, strangers, forgers):
    replies = service.ask([*fresh, *stale, *strangers, *forgers])
    ends = (0, FRESH, FRESH + STALE, FRESH + STALE + STRANGERS, len(replies))
    return Answers(*(replies[start:end] for start, end in itertools.pairwise(ends)))


def check(replies, status, source, within_s):
    seen = [reply.seen for reply in replies]
    assert {reply.status for reply in replies} == {status}, seen
    assert {reply.source for reply in replies} == {source}, seen
    assert max(reply.took_s for reply in replies) <= within_s + SLACK_S, seen
    if status == 503:
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies)
        assert all(reply.headers["content-type"] == "application/problem+json" for reply in replies)
    if source == "last-known-good":
        assert all(int(reply.headers["age"]) >= 2 for reply in replies)
    return max(reply.took_s for reply in replies)


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_postgres(cell, under, returning, record_property):
    service, stale = under, returning[cell.fault]
    strangers, forgers, fresh = service.people("stranger", 3), service.forgers(1), service.people("fresh", 2)
    assert {reply.status for reply in service.ask(fresh)} == {200}
    users, opened = service.users(), service.opened("postgres")

    FAULTS[cell.fault](service.postgres)
    first = ask(service, fresh, stale, strangers, forgers)
    check(first.fresh, 200, "cache", 0.0)
    check(first.forgers, 401, None, 0.0)
    stale_s = check(first.stale, 200, cell.stale_from, cell.stale_within_s)
    source = "database" if cell.stranger == 200 else None
    strangers_s = check(first.strangers, cell.stranger, source, cell.strangers_within_s)
    made = service.users() - users
    assert made == (STRANGERS if cell.stranger == 200 else 0) or (cell.may_commit and 0 <= made <= STRANGERS)

    if cell.opens:
        service.until_opened("postgres", opened, 1.0)
        then = ask(service, fresh, stale, strangers, forgers)
        then_stale_s = check(then.stale, 200, "last-known-good", OPEN_S)
        then_strangers_s = check(then.strangers, 503, None, OPEN_S)
        check(then.forgers, 401, None, 0.0)
        assert service.users() == users or (cell.may_commit and service.users() <= users + STRANGERS)
        record_property("open", f"stale {then_stale_s:.3f} strangers {then_strangers_s:.3f}")

    service.postgres.thaw()
    served_s = service.until_served(4.0)
    assert served_s <= 3.0 + SLACK_S
    record_property("first", f"stale {stale_s:.3f} strangers {strangers_s:.3f} served again {served_s:.2f}")
    again = service.ask([*strangers, *stale])
    assert {reply.status for reply in again} == {200}, [reply.seen for reply in again]
    ids = [reply.body["user_id"] for reply in again]
    assert len(set(ids)) == len(ids)
    names = service.sql("SELECT count(*), count(DISTINCT privy_user_id) FROM public.users")[0]
    assert names[0] == names[1]
    assert service.sql("SELECT count(*) FROM public.users WHERE privy_user_id LIKE 'did:privy:forger%%'") == [(0,)]
