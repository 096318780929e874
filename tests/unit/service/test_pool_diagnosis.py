"""A drained pool tells why: in use by what and for how long, walked away from, broken, or never connected."""

from dataclasses import dataclass

import pytest

from gatewayz_auth.service.overview import Running
from gatewayz_auth.service.pool_diagnosis import Cause, band_of, diagnose


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
