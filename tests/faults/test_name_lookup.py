"""Look-ups of names that never end, below the real drivers: callers are released in time, and threads stay few."""

from pathlib import Path

import pytest
from tests.support.callers import BAD_TOKEN, COUNTS, FRESH, Bound, check, met, remembered_for

LAST_KNOWN_GOOD = Bound(200, "last-known-good", 0.15)
NOT_KNOWN = Bound(503, None, 2.0)
FROM_THE_DATABASE = Bound(200, "database", 0.05)
FEW_THREADS = 16  # an executor of the loop and one of the cache, each of them bounded

# Redis first: for some seconds after an outage of Postgres who can wait is given their last known good answer.
EXPECTED = {
    "Redis": {"stale": FROM_THE_DATABASE, "stranger": FROM_THE_DATABASE, "before Privy": FROM_THE_DATABASE},
    "Postgres": {"stale": LAST_KNOWN_GOOD, "stranger": NOT_KNOWN, "before Privy": NOT_KNOWN},
}
SERVED_AGAIN_WITHIN_S = 3.0


@pytest.fixture(scope="module")
def remembered(odd):
    return remembered_for(odd.service, EXPECTED, settled_after=lambda: odd.service.until_served(10.0))


@pytest.fixture
def under(odd):
    yield odd
    odd.names.unlink(missing_ok=True)


def threads(service):
    return len(list(Path(f"/proc/{service.serving.process.pid}/task").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("neighbour", EXPECTED)
def test_a_name_whose_look_up_hangs(neighbour, under, remembered, bounds):
    service, expected = under.service, {"fresh": FRESH, "bad token": BAD_TOKEN, **EXPECTED[neighbour]}
    callers = met(service, remembered[neighbour])
    users, before = service.users(), threads(service)

    under.names.touch()
    (service.postgres if neighbour == "Postgres" else service.redis).reset()  # so that they have to connect
    for kind, replies in callers.ask(service).items():
        took_s = check(replies, callers.bound(kind, expected))
        made = "their accounts" if (kind, neighbour) == ("stranger", "Redis") else "nothing"
        bounds.note(neighbour, "name look-up hangs", "at first", kind, expected[kind], took_s, made)
    assert service.users() == users + (COUNTS["stranger"] if neighbour == "Redis" else 0)
    for _ in range(5):
        service.ask(service.people("stranger", 4))
    assert threads(service) <= before + FEW_THREADS

    under.names.unlink()
    served_s = service.until_served(6.0)
    bounds.note(
        neighbour,
        "name look-up hangs",
        "after it",
        "everybody",
        Bound(200, "database", SERVED_AGAIN_WITHIN_S),
        served_s,
        "",
    )
    assert served_s <= SERVED_AGAIN_WITHIN_S + 0.3
