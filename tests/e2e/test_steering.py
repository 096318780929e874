"""Settings, rollback and rollout over two workers, with the database there, frozen and slow."""

import json
import subprocess
import sys

import pytest
from tests.support.faults import Faulted, through_postgres
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.cli.main import main
from gatewayz_auth.service.rollout import is_in

KNOWN_WITHIN_S = 5.0
WORKERS = 2
AWAY_S = 15.0


@pytest.fixture(scope="module")
def world(tmp_path_factory, postgres_server, valkey_server):
    """Two workers over real neighbours."""
    url = postgres_server.database()
    with Faulted(tmp_path_factory.mktemp("steering"), url, valkey_server.url) as faulted:
        yield faulted.start(workers=WORKERS)
        faulted.serving.end()
    postgres_server.drop(url)


@pytest.fixture
def told(world, monkeypatch, capsys):
    """Runs a command as an operator of this host would; its exit code and what it said as JSON."""
    environ = {
        "DATABASE_URL": through_postgres(world.postgres, world.database_url),
        "REDIS_URL": f"redis://{world.redis.host}:{world.redis.port}/0",
        "API_KEY_SECRET": "a-secret-of-the-fault-tests-and-of-nobody-else",
        "STATE_DIR": str(world.folder / "state"),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.folder)

    def tell(*words):
        code = main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return tell


def changes(world):
    return world.said("Changed while running")


def known_to_both(world, before):
    """Every worker has said so within the promised time."""
    assert wait_until(lambda: changes(world) >= before + WORKERS, CLOCK, KNOWN_WITHIN_S), "not all of them know"


def test_what_is_set_is_known_to_both_workers_and_holds_while_the_database_is_frozen(world, told):
    (known,) = world.people("known", 1)
    assert world.ask([known])[0].status == 200
    before = changes(world)
    assert told("settings", "set", "SIGNUPS", "off", "--for", "1h", "--why", "too many")[0] == 0
    known_to_both(world, before)
    assert {reply.status for reply in world.ask(world.people("newcomer", 8))} == {403}
    assert world.ask([known])[0].status == 200
    world.postgres.freeze()
    code, listed = told("settings")
    assert code == 0
    assert listed["database"] == "away"
    assert {row["name"]: (row["value"], row["source"]) for row in listed["settings"]}["SIGNUPS"] == ("off", "runtime")
    assert told("settings", "unset", "SIGNUPS")[0] == 1
    assert changes(world) == before + WORKERS
    world.postgres.thaw()
    assert wait_until(lambda: told("settings", "unset", "SIGNUPS")[0] == 0, CLOCK, AWAY_S)
    assert wait_until(lambda: changes(world) >= before + 2 * WORKERS, CLOCK, AWAY_S)
    world.until_served(AWAY_S)
    audited = world.sql("SELECT what, why FROM gatewayz_auth.audit ORDER BY id")
    assert ("settings set", "too many") in audited
    assert "settings unset" in {what for what, _ in audited}


def test_nobody_is_told_that_a_person_has_no_keys_while_the_database_is_frozen(world, told):
    (known,) = world.people("keyed", 1)
    privy_id = world.ask([known])[0].body["privy_user_id"]
    assert len(told("keys", "list", privy_id)[1]["keys"]) == 1
    world.postgres.freeze()
    try:
        code, said = told("keys", "list", privy_id)
        assert (code, "stands nowhere else" in said["error"]["detail"]) == (1, True)
        code, shown = told("users", "show", privy_id)
        assert (code, shown["keys"], shown["source"]) == (0, None, "last-known-good")
        assert shown["database"]
    finally:
        world.postgres.thaw()
    world.until_served(AWAY_S)


def test_nonsense_is_refused_before_anybody_hears_of_it(world, told):
    before = changes(world)
    for name, value in (("USER_LOOKUP_TIMEOUT", "9"), ("AUTH_QUERY_TIMEOUT", "30"), ("AUTH_CACHE_TTL", "x")):
        code, said = told("settings", "set", name, value)
        assert (code, said["error"]["code"]) == (2, "settings")
    assert "did you mean AUTH_CACHE_TTL" in told("settings", "set", "AUTH_CACH_TTL", "5")[1]["error"]["detail"]
    assert "settings lists them all" in told("settings", "set", "NOPE", "5")[1]["error"]["detail"]
    assert changes(world) == before


@pytest.mark.parametrize("how", [["--partial"], ["--full", "--yes"]])
def test_five_seconds_from_the_start_of_a_rollback_all_workers_follow_it(how, world, told):
    (known,) = world.people(f"rolled-back{len(how)}", 1)
    assert world.ask([known])[0].status == 200
    before = changes(world)
    words = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "rollback", *how, "--json"]
    began_s = CLOCK.monotonic_s()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as command:
        assert wait_until(lambda: changes(world) >= before + WORKERS, CLOCK, KNOWN_WITHIN_S), "not all of them follow"
        sources = [reply.source for reply in world.ask([known] * 8)]
        said = json.loads(command.communicate(timeout=KNOWN_WITHIN_S)[0])
    took_s = CLOCK.monotonic_s() - began_s
    assert told("rollback", "undo")[1]["where"] == "everywhere"
    known_to_both(world, before + WORKERS)
    assert sources == ["database"] * 8
    assert (command.returncode, said["where"]) == (0, "everywhere")
    assert took_s < KNOWN_WITHIN_S


def status_says(told, start):
    """``status`` tells it, whichever worker it asks."""
    return wait_until(lambda: any(line.startswith(start) for line in told("status")[1]["steered"]), CLOCK, AWAY_S)


def test_a_rollback_that_was_forgotten_is_told_by_doctor_and_status_until_it_is_undone(world, told):
    def told_back():
        findings = told("doctor")[1]["findings"]
        return {one["title"]: one["severity"] for one in findings if one["id"] == "rolled-back"}

    assert told("rollback", "--timeouts")[0] == 0
    assert told_back() == {"Rolled back by an operator: timeouts": "notice"}
    assert told("rollback", "--cache")[0] == 0
    assert told_back() == {"Rolled back by an operator: cache": "warning"}
    assert status_says(told, "Rolled back since ")
    assert told("rollback", "undo")[1]["before"] == ["cache"]
    assert told_back() == {}
    assert wait_until(lambda: told("status")[1]["steered"] == [], CLOCK, AWAY_S)
    assert told("rollback", "undo")[1]["before"] == []


def test_rollback_works_on_this_host_while_the_database_is_frozen_and_is_audited_when_it_is_back(world, told):
    before = changes(world)
    world.postgres.freeze()
    try:
        code, said = told("rollback", "--partial")
        assert (code, "keeps people signed in" in said["error"]["detail"]) == (1, True)
        code, said = told("rollback", "--timeouts", "--referrals", "--why", "a bad day")
        assert (code, said["where"]) == (0, "this host")
        known_to_both(world, before)
    finally:
        world.postgres.thaw()

    def is_audited():
        return world.sql("SELECT count(*) FROM gatewayz_auth.audit WHERE what = 'rollback'")[0][0]

    assert wait_until(is_audited, CLOCK, AWAY_S), "it is not written down"
    world.until_served(AWAY_S)
    assert told("rollback", "undo")[1]["where"] == "everywhere"
    known_to_both(world, before + WORKERS)


def test_rollback_works_while_redis_is_frozen_and_clears_nothing_but_our_own_keys(world, told):
    (known,) = world.people("known", 1)
    before = changes(world)
    world.ask([known])
    world.redis.freeze()
    try:
        code, said = told("rollback", "--full", "--yes", "--force")
        assert (code, said["where"]) == (0, "everywhere")
        assert "does not answer" in said["redis"]
        known_to_both(world, before)
        assert [reply.source for reply in world.ask([known] * 3)] == ["database"] * 3
    finally:
        world.redis.thaw()
    assert told("rollback", "undo")[0] == 0
    known_to_both(world, before + WORKERS)


def test_a_rollout_whose_new_cohort_fails_halts_by_itself_and_goes_back(world, told):
    before = changes(world)
    assert told("rollout", "start", "--stages", "50,100", "--soak", "1h")[0] == 0
    known_to_both(world, before)
    assert told("rollout", "advance")[0] == 1  # not soaked
    assert told("settings", "set", "USER_LOOKUP_TIMEOUT", "0.05")[0] == 0
    known_to_both(world, before + WORKERS)
    world.postgres.delay(0.1)
    try:
        world.keep_asking(world.people("rolled", 600), 16, lambda: world.said("The rollout goes to 0 %"))
    finally:
        world.postgres.delay(0.0)
    known_to_both(world, before + 2 * WORKERS)
    shown = told("rollout", "show")[1]
    assert (shown["rollout"]["state"], shown["share"]) == ("halted", 0)
    assert "errors are" in shown["rollout"]["why"]
    people = world.people("after", 8)
    assert {reply.source for _ in range(2) for reply in world.ask(people)} == {"database"}
    assert told("settings", "unset", "USER_LOOKUP_TIMEOUT")[0] == 0
    assert told("rollout", "finish")[0] == 0


def test_people_stay_where_they_are_when_the_share_grows():
    people = [f"did:privy:{number}" for number in range(2000)]
    for small, great in ((10, 50), (50, 100), (0, 10)):
        assert {one for one in people if is_in(one, small)} <= {one for one in people if is_in(one, great)}
