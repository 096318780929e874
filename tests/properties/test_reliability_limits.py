"""Rates and freshness for any times and ages."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayz_auth.domain.freshness import Freshness, freshness, shortened
from gatewayz_auth.reliability.backoff import Backoff, retry_after_s
from gatewayz_auth.reliability.rate_limit import Rate, RateLimiter

AGES = st.floats(allow_nan=True, allow_infinity=True)
LIFETIMES = st.floats(0, 1e9)
FRACTIONS = st.floats(0, 1, exclude_max=True)
ORDER = [Freshness.FRESH, Freshness.STALE, Freshness.LAST_KNOWN_GOOD, Freshness.EXPIRED]


@settings(print_blob=True)
@given(AGES, LIFETIMES, LIFETIMES, st.none() | LIFETIMES)
def test_no_answer_is_given_beyond_its_bound_and_none_that_was_revoked(age_s, ttl_s, max_age_s, refresh_after_s):
    judged = freshness(age_s, ttl_s, max_age_s, revoked=False, refresh_after_s=refresh_after_s)
    if judged in {Freshness.FRESH, Freshness.STALE}:
        assert age_s < ttl_s
    elif judged is Freshness.LAST_KNOWN_GOOD:
        assert age_s <= max_age_s
        assert ttl_s > 0
    assert freshness(age_s, ttl_s, max_age_s, revoked=True, refresh_after_s=refresh_after_s) is Freshness.EXPIRED


@settings(print_blob=True)
@given(st.floats(0, 1e9), st.floats(0, 1e9), LIFETIMES, LIFETIMES, st.none() | LIFETIMES)
def test_an_answer_never_becomes_fresher_with_age(age_s, older_s, ttl_s, max_age_s, refresh_after_s):
    young, old = sorted((age_s, older_s))
    judged = [
        ORDER.index(freshness(each, ttl_s, max_age_s, revoked=False, refresh_after_s=refresh_after_s))
        for each in (young, old)
    ]
    assert judged == sorted(judged)


@settings(print_blob=True)
@given(LIFETIMES, FRACTIONS)
def test_jitter_only_shortens(lifetime_s, fraction):
    assert 0 <= shortened(lifetime_s, fraction) <= lifetime_s


@settings(print_blob=True)
@given(st.lists(FRACTIONS, max_size=50), st.floats(0.001, 10), st.floats(0.001, 100))
def test_a_delay_never_leaves_its_bounds(fractions, base_s, cap_s):
    backoff, delay_s = Backoff(base_s, cap_s), 0.0
    for fraction in fractions:
        delay_s = backoff.next_s(delay_s, fraction)
        assert min(base_s, cap_s) <= delay_s <= cap_s
        assert 1 <= retry_after_s(delay_s, fraction) <= 2 * (delay_s + 1)


@settings(print_blob=True)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=200),
    st.integers(1, 20),
    st.integers(1, 20),
)
def test_in_any_span_of_time_no_more_than_the_rate_and_one_burst_are_admitted(gaps_ms, per_second, burst):
    limiter = RateLimiter(Rate(per_second, burst))
    now_s, admitted = 100.0, []
    for gap_ms in gaps_ms:
        now_s += gap_ms / 1000
        retry_in_s = limiter.retry_in_s("ada", now_s)
        if retry_in_s == 0.0:
            admitted.append(now_s)
        else:
            assert 0 < retry_in_s <= 1 / per_second + 1e-6
    for first, from_s in enumerate(admitted):
        for last in range(first, len(admitted)):
            span_s = admitted[last] - from_s
            assert last - first + 1 <= burst + span_s * per_second + 1e-6
