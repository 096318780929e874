"""Postgres in every fault, for every caller: what they are told, how soon, and what may stand in the tables."""

import contextlib
from typing import NamedTuple

import psycopg
import pytest
from tests.support.callers import BAD_TOKEN, COUNTS, FRESH, Bound, check, met, remembered_for
from tests.support.database_faults import FAULTS, PREPARED, sessions, users_locked
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

LOOKUP_S = 2.0
SERVED_AGAIN_WITHIN_S = 3.0
SLACK_S = 0.3  # what a busy machine adds

LAST_KNOWN_GOOD = Bound(200, "last-known-good", 0.15)
AS_IT_COMES = Bound(200, ("last-known-good", "database"), 0.15)
NOT_KNOWN = Bound(503, None, LOOKUP_S)
AT_ONCE = Bound(503, None, 0.5)
SERVED = Bound(200, ("database", "last-known-good"), 0.5)
EITHER = Bound((200, 503), ("database", None), LOOKUP_S)

WHILE_OPEN = {
    "fresh": Bound(200, ("cache", "last-known-good"), 0.15),
    "stale": LAST_KNOWN_GOOD,
    "stranger": Bound(503, None, 0.15),
    "before Privy": Bound(503, None, 0.15),
    "bad token": BAD_TOKEN,
}


class Cell(NamedTuple):
    """What strangers, people from before Privy among them, and returning people are told; the others never differ."""

    strangers: Bound = NOT_KNOWN
    stale: Bound = AS_IT_COMES
    opens: bool = False
    """Whether the breaker must open within a second."""
    commits: bool = False
    """Whether a statement may get through whose answer does not: a sign-up stands although its caller was told 503."""

    @property
    def bounds(self):
        return {
            "fresh": FRESH,
            "stale": self.stale,
            "before Privy": self.strangers,
            "stranger": self.strangers,
            "bad token": BAD_TOKEN,
        }

    @property
    def tables(self):
        if self.strangers is SERVED:
            return "their accounts"
        return "their accounts, at most" if self.commits else "nothing"


CELLS = {
    "refused": Cell(AT_ONCE, LAST_KNOWN_GOOD, opens=True),
    "reset": Cell(SERVED, SERVED),
    "frozen": Cell(stale=LAST_KNOWN_GOOD, opens=True),
    "frozen in mid-answer": Cell(stale=LAST_KNOWN_GOOD, opens=True, commits=True),
    "dripping": Cell(stale=LAST_KNOWN_GOOD, opens=True, commits=True),
    "accepts and says nothing": Cell(stale=LAST_KNOWN_GOOD, opens=True),
    "slow by 5 s for all": Cell(stale=LAST_KNOWN_GOOD, opens=True, commits=True),
    "slow by 20 s for a fifth": Cell(EITHER, commits=True),
    "pool drained": Cell(stale=LAST_KNOWN_GOOD),
    "too many connections": Cell(),
    "`users` locked": Cell(commits=True),
    "read-only after a failover": Cell(),
    "takes no connections": Cell(),
    "disk full": Cell(),
    "wrong password after a rotation": Cell(),
}
NAMES = [fault.replace(" ", "_").replace("`", "") for fault in CELLS]


@pytest.fixture(scope="module")
def remembered(service):
    # a crowd on a busy machine may open the breaker
    return remembered_for(
        service,
        CELLS,
        settled_before=lambda: service.until_served(10.0),
        settled_after=lambda: service.until_served(10.0, "postgres"),
    )


@pytest.fixture
def tables(service):
    """A count that is taken over a connection of before the fault."""
    with psycopg.connect(service.database_url, autocommit=True) as connection:
        yield lambda: connection.execute("SELECT count(*) FROM public.users").fetchone()[0]


def test_every_fault_has_its_cell():
    assert list(CELLS) == list(FAULTS)


@pytest.fixture
def prepared(fault, service):
    with PREPARED.get(fault, contextlib.nullcontext)(service):
        yield


@pytest.mark.parametrize("fault", CELLS, ids=NAMES)
@pytest.mark.usefixtures("prepared")
def test_postgres(fault, service, remembered, tables, bounds):
    cell = CELLS[fault]
    callers = met(service, remembered[fault])
    rows = tables()
    opened = service.opened("postgres")

    def ask(when, expected):
        for kind, replies in callers.ask(service).items():
            took_s = check(replies, callers.bound(kind, expected))
            made = cell.tables if kind in {"stranger", "before Privy"} else "nothing"
            bounds.note("Postgres", fault, when, kind, expected[kind], took_s, made)

    with FAULTS[fault](service):
        ask("at first", cell.bounds)
        if fault != "`users` locked":  # nobody counts while it is
            made = tables() - rows
            assert made == COUNTS["stranger"] if cell.strangers is SERVED else made <= COUNTS["stranger"] * cell.commits
        if cell.opens:
            service.until_opened("postgres", opened, 1.0)
            ask("breaker open", WHILE_OPEN)

    served_s = service.until_served(6.0)
    assert served_s <= SERVED_AGAIN_WITHIN_S + SLACK_S
    bounds.note("Postgres", fault, "after it", "everybody", Bound(200, "database", SERVED_AGAIN_WITHIN_S), served_s, "")
    again = callers.ask(service)
    honest = [reply for kind, replies in again.items() if kind != "bad token" for reply in replies]
    assert {reply.status for reply in honest} == {200}, [reply.seen for reply in honest]
    ids = [reply.body["user_id"] for reply in honest]
    assert len(set(ids)) == len(ids)
    assert not again["before Privy"][0].body["is_new_user"]
    one_each = "SELECT count(*) = count(DISTINCT privy_user_id) FROM public.users WHERE privy_user_id IS NOT NULL"
    assert service.sql(one_each) == [(True,)]
    strays = "SELECT count(*) FROM public.users WHERE privy_user_id LIKE 'did:privy:forger%%'"
    assert service.sql(strays) == [(0,)]
    twice = "SELECT email FROM public.users WHERE email IS NOT NULL GROUP BY email HAVING count(*) > 1"
    assert service.sql(twice) == []


def test_a_statement_that_waits_for_a_lock_does_not_outlive_its_caller(service):
    with users_locked(service), service.connected() as connection:
        service.ask(service.people("stranger", 5))
        assert wait_until(lambda: not sessions(connection, service, "state = 'active'"), CLOCK, LOOKUP_S + SLACK_S)
        assert sessions(connection, service) <= 11
    service.until_served(6.0)
