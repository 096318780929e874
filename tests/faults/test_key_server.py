"""The key server in every fault: sign-ins go on by the last known good keys, and no key that may be new is refused."""

import json

import pytest
from tests.faults.conftest import jwks
from tests.support.callers import BAD_TOKEN, COUNTS, FRESH, Bound, check, met, remembered_for
from tests.support.faults import Body, reset_and_say_nothing
from tests.support.key_server import answers
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

SERVED = Bound(200, "database", 0.0)
NOT_KNOWN = Bound(503, None, 0.0)
EXPECTED = {
    "fresh": FRESH,
    "stale": SERVED,
    "before Privy": SERVED,
    "stranger": SERVED,
    "bad token": BAD_TOKEN,
    "key of which nobody has heard": NOT_KNOWN,
}
LEARNT_WITHIN_S = 1.0  # of the refresh limits of odd_service.py: a pause of 0.4 s and a fetch of 0.5 s

FAULTS = {
    "refused": lambda odd: odd.keys.refuse(),
    "reset": lambda odd: (odd.keys.say_nothing(), odd.keys.reset()),
    "frozen": lambda odd: odd.keys.freeze(),
    "frozen in mid-answer": lambda odd: odd.keys.freeze_in_answer(60),
    "dripping": lambda odd: odd.keys.drip(0.05),
    "accepts and says nothing": lambda odd: reset_and_say_nothing(odd.keys),
    "garbage": lambda odd: setattr(odd.key_server, "behave", answers(b"<html>")),
    "an error": lambda odd: setattr(odd.key_server, "behave", answers(b"", 500)),
    "no key in it": lambda odd: setattr(odd.key_server, "behave", answers(b'{"keys": []}')),
    "name look-up hangs": lambda odd: odd.names.touch(),
}
NAMES = [fault.replace(" ", "_") for fault in FAULTS]


def as_it_was(odd):
    odd.names.unlink(missing_ok=True)
    odd.keys.thaw()
    odd.key_server.behave = answers(jwks(odd.service.issuer))


@pytest.fixture(scope="module")
def remembered(odd):
    return remembered_for(odd.service, FAULTS)


@pytest.fixture
def under(odd):
    """The service, well before and after, its key server at rest."""
    as_it_was(odd)
    assert wait_until(odd.key_server.is_asked, CLOCK, 5.0)
    yield odd
    as_it_was(odd)


def of(issuer, name):
    issued = issuer.issue(name, [], CLOCK.utc_now_s())
    return Body(json.dumps({"token": issued["token"], "user": issued["user"]}).encode())


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_key_server(fault, under, remembered, bounds):
    service = under.service
    newcomer = of(under.coming, f"did:privy:new-key-{NAMES.index(fault.replace(' ', '_'))}")
    assert wait_until(lambda: service.ask([newcomer])[0].status == 401, CLOCK, 5.0)  # known not to be a key of theirs
    callers = met(service, remembered[fault])
    callers.bodies["key of which nobody has heard"] = [newcomer]
    users = service.users()

    FAULTS[fault](under)
    # What is known now is a moment old: for so long the key is known not to be theirs.
    assert wait_until(lambda: service.ask([newcomer])[0].status == 503, CLOCK, LEARNT_WITHIN_S + 0.5)
    for kind, replies in callers.ask(service).items():
        took_s = check(replies, callers.bound(kind, EXPECTED))
        made = "their accounts" if kind == "stranger" else "nothing"
        bounds.note("Key server", fault, "at first", kind, EXPECTED[kind], took_s, made)
    assert service.users() == users + COUNTS["stranger"]

    as_it_was(under)
    under.key_server.behave = answers(jwks(service.issuer, under.coming))
    began_s = CLOCK.monotonic_s()
    assert wait_until(lambda: service.ask([newcomer])[0].status == 200, CLOCK, LEARNT_WITHIN_S + 1.0)
    took_s = CLOCK.monotonic_s() - began_s
    bounds.note("Key server", fault, "after it", "the new key", Bound(200, "database", LEARNT_WITHIN_S), took_s, "")
    as_it_was(under)
    assert wait_until(lambda: service.ask([newcomer])[0].status == 401, CLOCK, LEARNT_WITHIN_S + 1.0)
