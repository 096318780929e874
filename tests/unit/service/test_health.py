"""Health says what holds for the whole service, whichever of its processes is asked."""

from dataclasses import replace

import pytest
from tests.support.manual_clock import ManualClock
from tests.support.serving import ROOT
from tests.unit.service.test_view import World

from gatewayz_auth.adapters.told import Told
from gatewayz_auth.reliability.breaker_machine import Phase
from gatewayz_auth.reliability.facts import CallEnded, CallOutcome
from gatewayz_auth.service.health import LOOKS_BACK_S, UNATTENDED, Health, Timeouts, Vitals, told
from gatewayz_auth.service.history import Frame
from gatewayz_auth.service.overview import PoolSeen
from gatewayz_auth.service.situation import situation
from gatewayz_auth.service.snapshot import Answering, Answers, Neighbour, Snapshot

MINE = PoolSeen(pid=1, max_size=10, idle=10)


def checked(timeouts, of_all):
    vitals = Vitals(
        lambda: Phase.CLOSED.value, lambda: 0.1, lambda: None, lambda: MINE, lambda: 1, lambda: 300.0, timeouts, of_all
    )  # fmt: skip
    check = Health(vitals).report()["checks"]["timeouts"]
    return check["status"], check["last_5_s"]


def test_what_another_process_gave_up_degrades_this_one_s_answer_too():
    assert checked(Timeouts(ManualClock()), lambda: 7) == ("degraded", 7)
    assert checked(Timeouts(ManualClock()), lambda: 0) == ("healthy", 0)


def test_what_this_process_gave_up_counts_before_it_is_merged_and_not_twice():
    timeouts = Timeouts(ManualClock())
    for _ in range(3):
        timeouts.count()
    assert checked(timeouts, lambda: 0) == ("degraded", 3)
    assert checked(timeouts, lambda: 3) == ("degraded", 3)


def test_time_outs_of_all_processes_are_those_of_the_last_5_s():
    world = World()
    world.seen.kept.append(Frame(int(world.clock.utc_now_s()), timeouts=4))
    world.second(count=3)
    assert world.view.timeouts(LOOKS_BACK_S) == 4
    world.second(count=2)
    assert world.view.timeouts(LOOKS_BACK_S) == 0


def pool_checked(mine, *seen):
    vitals = Vitals(
        lambda: Phase.CLOSED.value, lambda: 0.1, lambda: None, lambda: mine, lambda: 1, lambda: 300.0,
        Timeouts(ManualClock()), pools=lambda: seen,
    )  # fmt: skip
    return Health(vitals).report()["checks"]["pool"]


def test_a_pool_that_is_drained_in_another_process_degrades_this_one_s_answer_too():
    check = pool_checked(MINE, MINE, PoolSeen(pid=2, max_size=10, active=10, waiting=7))
    assert (check["status"], check["band"], check["waiting"]) == ("degraded", "CRITICAL", 7)
    assert (check["active"], check["idle"], check["max"], check["processes"]) == (10, 10, 20, 2)


def test_this_process_counts_once_and_as_it_is_now():
    check = pool_checked(MINE, PoolSeen(pid=1, max_size=10, active=10), PoolSeen(pid=2, max_size=10, idle=10))
    assert (check["status"], check["active"], check["max"]) == ("healthy", 0, 20)
    assert pool_checked(PoolSeen(pid=1, max_size=10, active=10), MINE)["status"] == "degraded"
    assert pool_checked(MINE)["processes"] == 1


def database_checked(phase, silent_s, *, mine=0, of_all=0, shared=False):
    vitals = Vitals(
        lambda: phase, lambda: silent_s, lambda: None, lambda: MINE, lambda: mine, lambda: 300.0,
        Timeouts(ManualClock()), remembered_of_all=lambda: of_all, shared_knows=lambda: shared,
    )  # fmt: skip
    health = Health(vitals)
    check = health.report()["checks"]["database"]
    return check["status"], check["detail"], health.can_serve_anybody()


def test_a_database_is_said_to_be_silent_where_it_is_and_not_where_only_its_breaker_is_not_closed():
    assert database_checked("open", 42.0, mine=3)[1] == (
        "The database has not answered for 42 s; returning people are signed in from last known good."
    )
    assert database_checked("open", 0.3, mine=3)[1].startswith("The database answers, but no sign-ins;")
    assert database_checked("half_open", 0.3, mine=3)[:2] == (
        "degraded", "The database answers again; a few at a time are let through to it.",
    )  # fmt: skip
    assert database_checked("closed", 0.3) == ("healthy", "The database answers.", True)


def test_people_whom_another_process_remembers_are_signed_in_and_only_this_one_is_not_ready():
    status, detail, is_ready = database_checked("open", 42.0, mine=0, of_all=7)
    assert (status, is_ready) == ("degraded", False)
    assert "returning people are signed in" in detail
    assert database_checked("open", 42.0)[:1] == ("unhealthy",)


def test_a_process_that_starts_in_an_outage_is_ready_where_redis_knows_people():
    status, detail, is_ready = database_checked("open", 42.0, shared=True)
    assert (status, is_ready) == ("degraded", True)
    assert "returning people are signed in" in detail


def test_each_check_says_since_when_it_is_as_it_is():
    silent_s, now_s = [0.1], [1_764_072_000.0]
    vitals = Vitals(
        lambda: "closed", lambda: silent_s[0], lambda: "closed", lambda: MINE, lambda: 1, lambda: 300.0,
        Timeouts(ManualClock()), now_s=lambda: now_s[0],
    )  # fmt: skip
    health = Health(vitals)

    def since():
        return {name: check["since"] for name, check in health.report()["checks"].items()}

    assert set(since().values()) == {"2025-11-25T12:00:00Z"}
    assert len(since()) == 6
    silent_s[0], now_s[0] = 42.0, now_s[0] + 60
    health.look()
    now_s[0] += 60
    assert since() == dict.fromkeys(since(), "2025-11-25T12:00:00Z") | {"database": "2025-11-25T12:01:00Z"}
    silent_s[0] = 0.1
    assert since()["database"] == "2025-11-25T12:02:00Z"


def test_calls_that_nobody_waits_for_are_no_time_outs_of_the_service():
    counted = Timeouts(ManualClock())
    lines = Told(counted.count)
    for operation in ("sign_in", "probe", "changes_since", "jobs_state", "forget everything"):
        lines.hear(CallEnded("postgres", operation, CallOutcome.TIMED_OUT, 1.0, 1.0))
    assert counted.lately() == 1


@pytest.mark.parametrize(("count", "said"), [(1, "1 call was given up"), (2, "2 calls were given up")])
def test_calls_that_were_given_up_are_counted_in_words_that_fit(count, said):
    timeouts = Timeouts(ManualClock())
    for _ in range(count):
        timeouts.count()
    vitals = Vitals(
        lambda: "closed", lambda: 0.1, lambda: None, lambda: MINE, lambda: 1, lambda: 300.0, timeouts
    )  # fmt: skip
    assert Health(vitals).report()["checks"]["timeouts"]["detail"] == f"{said} in the last 5 s."


def test_what_nobody_waits_for_is_named_as_the_code_names_it():
    code = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "health.py")
    assert [name for name in UNATTENDED if f'"{name}"' not in code] == []


def told_together(database_silent_s, now):
    vitals = Vitals(
        lambda: "closed", lambda: database_silent_s, lambda: None, lambda: MINE, lambda: 1, lambda: 300.0,
        Timeouts(ManualClock()),
    )  # fmt: skip
    answer = told(Health(vitals).report(), situation(now))
    return answer["status"], answer["sentence"]


def test_status_and_sentence_of_health_are_never_at_odds():
    well = Snapshot(at_s=1e9, minute=Answers(cache=9), minute_slowest_s=0.01)
    assert told_together(0.1, well) == ("healthy", "Everybody is answered in time.")
    seen_sooner = "The database has not answered for 5.0 s; returning people are signed in from last known good."
    assert told_together(5.0, well) == ("degraded", seen_sooner)
    keys = replace(well, privy=Neighbour("privy", Answering.STALE, 1e9 - 60))
    assert told_together(0.1, keys) == ("degraded", "Privy's keys could not be refreshed since 01:45:40 UTC.")


def test_a_pool_that_gets_no_connection_is_not_well():
    check = pool_checked(PoolSeen(pid=1, max_size=10, waiting=3))
    assert check["detail"] == "No connection could be made; 3 wait."
    assert check["status"] == "degraded"


@pytest.mark.parametrize(("has_answered", "words"), [(True, "answers"), (False, "is asked for the first time")])
def test_a_database_that_never_answered_is_not_said_to_answer(has_answered, words):
    vitals = Vitals(
        lambda: Phase.CLOSED.value, lambda: 0.1, lambda: None, lambda: MINE, lambda: 1, lambda: 300.0,
        Timeouts(ManualClock()), has_answered=lambda: has_answered,
    )  # fmt: skip
    assert Health(vitals).report()["checks"]["database"]["detail"] == f"The database {words}."
