"""How many people a failure concerns is counted over all processes, each person once, and nobody is kept."""

import json

import pytest

from gatewayz_auth.service.concerned import SLOTS, STEP_S, STEPS, Concerned, laid_over, people_in

NOON_S = 1_764_072_000.0


def seen(people, at_s=NOON_S):
    concerned = Concerned()
    for person in people:
        concerned.add(f"did:privy:{person}", at_s)
    return concerned.as_json()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40, 300, 10_000])
def test_each_person_is_counted_once_however_often_and_in_however_many_processes(count):
    one, two = seen([*range(count), *range(count)]), seen(range(count // 2))
    assert people_in(laid_over([one, two], NOON_S)) == pytest.approx(count, rel=0.05, abs=0.5)


def test_more_people_than_can_be_told_apart_are_a_large_number_and_no_error():
    assert people_in(laid_over([seen(range(20 * SLOTS))], NOON_S)) > 5 * SLOTS


def test_whoever_was_answered_a_quarter_of_an_hour_later_is_counted_no_more():
    early = seen(range(5))
    assert people_in(laid_over([early], NOON_S + STEPS * STEP_S)) == 5
    assert people_in(laid_over([early], NOON_S + (STEPS + 1) * STEP_S)) == 0


def test_a_process_keeps_the_last_steps_alone_and_nobodys_name():
    concerned = Concerned()
    for step in range(100):
        concerned.add("did:privy:ada", NOON_S + step * STEP_S)
    assert len(concerned.as_json()) == STEPS + 1
    assert "ada" not in json.dumps(concerned.as_json())
