"""Delays grow, stay below their cap and do not march in step."""

from __future__ import annotations

import pytest
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.reliability.backoff import Backoff, retry_after_s


def test_delays_grow_from_the_base_to_the_cap_and_never_leave_them():
    backoff, entropy, delays = Backoff(base_s=0.1, cap_s=5.0), SeededEntropy(1), [0.0]
    for _ in range(200):
        delays.append(backoff.next_s(delays[-1], entropy.fraction()))
    assert delays[1] == 0.1
    assert all(0.1 <= delay <= 5.0 for delay in delays[1:])
    assert max(delays) == 5.0


def test_a_cap_below_the_base_wins():
    assert Backoff(base_s=1.0, cap_s=0.5).next_s(0.0, 0.9) == 0.5


def test_two_that_failed_together_come_back_apart():
    backoff = Backoff()
    assert backoff.next_s(1.0, 0.2) != backoff.next_s(1.0, 0.8)


@pytest.mark.parametrize(
    ("least_s", "seconds"), [(0.0, {1, 2}), (0.2, {1, 2}), (1.0, {1, 2}), (5.0, {5, 6, 7, 8, 9, 10})]
)
def test_retry_after_is_whole_seconds_one_or_more_and_spread_out(least_s, seconds):
    entropy = SeededEntropy(2)
    assert {retry_after_s(least_s, entropy.fraction()) for _ in range(1000)} == seconds
