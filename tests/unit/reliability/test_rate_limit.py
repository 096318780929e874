"""Limits stop who asks too often, forget nobody's good standing, and stay bounded."""

from __future__ import annotations

import pytest

from gatewayz_auth.reliability.rate_limit import Rate, RateLimiter


def test_a_burst_is_admitted_and_the_next_one_hears_when_to_come_back():
    limiter = RateLimiter(Rate(per_second=2, burst=5))
    assert [limiter.retry_in_s("ada", 100.0) for _ in range(5)] == [0.0] * 5
    assert limiter.retry_in_s("ada", 100.0) == pytest.approx(0.5)
    assert limiter.retry_in_s("ada", 100.49) > 0
    assert limiter.retry_in_s("ada", 100.51) == 0.0


def test_over_time_no_more_than_the_rate_and_one_burst_are_admitted():
    limiter = RateLimiter(Rate(per_second=2, burst=5))
    admitted = sum(limiter.retry_in_s("ada", 100 + step / 100) == 0.0 for step in range(10_000))
    assert 200 <= admitted <= 205


def test_what_is_refused_does_not_count_so_that_hammering_locks_nobody_out():
    limiter = RateLimiter(Rate(per_second=2, burst=1))
    limiter.retry_in_s("ada", 100.0)
    for _ in range(1000):
        assert limiter.retry_in_s("ada", 100.1) == pytest.approx(0.4)
    assert limiter.retry_in_s("ada", 100.6) == 0.0


def test_one_key_is_not_anothers_fault():
    limiter = RateLimiter(Rate(per_second=1, burst=1))
    limiter.retry_in_s("eve", 100.0)
    assert limiter.retry_in_s("eve", 100.0) > 0
    assert limiter.retry_in_s("ada", 100.0) == 0.0


def test_asking_at_no_cost_does_not_count():
    limiter = RateLimiter(Rate(per_second=1, burst=1))
    assert [limiter.retry_in_s("ada", 100.0, cost=0) for _ in range(5)] == [0.0] * 5
    assert len(limiter) == 0


def test_the_table_is_bounded_and_forgets_whom_it_has_not_seen_for_longest():
    limiter = RateLimiter(Rate(per_second=1, burst=1), max_keys=100)
    for key in range(1000):
        limiter.retry_in_s(key, 100.0)
    assert len(limiter) == 100
    assert limiter.retry_in_s(999, 100.0) > 0
    assert limiter.retry_in_s(0, 100.0) == 0.0


def test_whoever_goes_on_asking_is_not_forgotten_for_all_the_others():
    limiter = RateLimiter(Rate(per_second=0.1, burst=5), max_keys=100)
    for _ in range(5):
        limiter.retry_in_s("eve", 100.0)
    admitted = 0
    for number in range(1000):
        limiter.retry_in_s(f"honest {number}", 100.0)
        admitted += limiter.retry_in_s("eve", 100.0) == 0.0
    assert (admitted, len(limiter)) == (0, 100)
