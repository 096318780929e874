"""Health says what holds for the whole service, whichever of its processes is asked."""

from tests.support.manual_clock import ManualClock
from tests.unit.service.test_view import World

from gatewayz_auth.reliability.breaker_machine import Phase
from gatewayz_auth.service.health import LOOKS_BACK_S, Health, Timeouts, Vitals
from gatewayz_auth.service.history import Frame
from gatewayz_auth.service.snapshot import PoolNow


class Pool(PoolNow):
    max_size = 10


def checked(timeouts, of_all):
    vitals = Vitals(
        lambda: Phase.CLOSED.value, lambda: 0.1, lambda: None, Pool, lambda: 1, lambda: 300.0, timeouts, of_all
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
