"""A drained pool tells why: in use by what and for how long, walked away from, broken, or never connected."""

from dataclasses import dataclass

import pytest

from gatewayz_auth.service.overview import PoolSeen, Running
from gatewayz_auth.service.pool_diagnosis import Cause, band_of, diagnose, diagnose_all


@dataclass
class Pool:
    max_size: int = 10
    active: int = 0
    idle: int = 0
    broken: int = 0
    waiting: int = 0


def calls(count, *, is_abandoned=False, operation="sign_in", for_s=2.0):
    return [Running("postgres", operation, for_s + number, is_abandoned) for number in range(count)]


@pytest.mark.parametrize(
    ("pool", "running", "cause", "words"),
    [
        (Pool(idle=10), [], Cause.NONE, "0 of 10 connections are in use."),
        (Pool(active=9, idle=1), calls(9), Cause.IN_USE, "sign_in 9, the longest for 10.0 s"),
        (Pool(active=10), calls(8, is_abandoned=True), Cause.ABANDONED, "8 of them were walked away from"),
        (Pool(active=1, broken=9), calls(1), Cause.BROKEN, "9 are broken"),
        (Pool(), [], Cause.NONE, "0 of 10"),
        (Pool(waiting=4), [], Cause.NOT_CONNECTED, "No connection could be made; 4 wait."),
        (Pool(active=10, waiting=3), calls(10), Cause.IN_USE, "; 5 wait."),
    ],
)
def test_the_cause_and_a_sentence_that_says_it(pool, running, cause, words):
    found = diagnose(pool, running, waiting=2 if pool.active and pool.waiting else 0)
    assert found.cause is cause
    assert words in found.sentence


def test_broken_connections_fill_a_band_as_much_as_used_ones():
    found = diagnose(Pool(active=5, broken=5), calls(5))
    assert (found.band, found.utilization) == ("CRITICAL", 1.0)


@pytest.mark.parametrize(
    ("active", "band"), [(0, "HEALTHY"), (49, "HEALTHY"), (50, "NORMAL"), (79, "NORMAL"), (80, "WARNING"),
                         (94, "WARNING"), (95, "CRITICAL"), (100, "CRITICAL")]
)  # fmt: skip
def test_the_bands_are_those_of_the_contract(active, band):
    assert band_of(active, 100) == band
    assert band_of(active, 0) == "UNKNOWN"


def test_the_slowest_operation_is_named():
    found = diagnose(Pool(active=2), [*calls(1), *calls(1, operation="changes_since", for_s=9.0)])
    assert (found.slowest, found.slowest_s) == ("changes_since", 9.0)


def test_of_several_processes_the_worst_is_told_and_all_are_summed():
    drained = PoolSeen(1, 10, active=10, waiting=4, running=calls(10, operation="look up by Privy id"))
    found = diagnose_all([PoolSeen(2, 10, idle=10), drained])
    assert (found.band, found.cause, found.utilization, found.waiting) == ("CRITICAL", Cause.IN_USE, 0.5, 4)
    assert found.sentence == (
        "In one of 2 processes 10 of 10 connections are in use; look up by Privy id 10, the longest for 11.0 s; 4 wait."
        " 10 of 20 in all."
    )
    assert (found.slowest, found.slowest_s, found.pid) == ("look up by Privy id", 11.0, 1)


def test_one_of_several_processes_that_gets_no_connection_is_told():
    found = diagnose_all([PoolSeen(1, 10, active=2, idle=8, running=calls(2)), PoolSeen(2, 10, waiting=3)])
    assert found.cause is Cause.NOT_CONNECTED
    assert found.sentence == "In one of 2 processes no connection could be made; 3 wait. 2 of 20 in all."


def test_processes_that_are_alike_are_told_as_one():
    found = diagnose_all([PoolSeen(pid, 10, active=2, idle=8, running=calls(2)) for pid in (1, 2, 3)])
    assert (found.band, found.sentence) == (
        "HEALTHY", "6 of 30 connections are in use; sign_in 6, the longest for 3.0 s.",
    )  # fmt: skip
