"""A storm is cut short, what was cut is told once, and the next second begins anew."""

from gatewayz_auth.reliability.storm import MAX_KINDS, StormGate


def test_so_many_of_a_kind_are_let_through_and_the_rest_is_told_once():
    told = []
    gate = StormGate(10, told.append)
    assert sum(gate.admit("timed out") for _ in range(50)) == 10
    assert gate.admit("another")
    assert gate.settle() == {"timed out": 40}
    assert gate.settle() == {}
    assert gate.admit("timed out")
    assert told == [40]


def test_kinds_are_bounded_whatever_comes():
    gate = StormGate(10)
    for number in range(10 * MAX_KINDS):
        gate.admit(f"kind {number}")
    assert list(gate.settle()) == ["other"]
