"""Freshness follows from ages alone, and revocation beats them all."""

from __future__ import annotations

import math

import pytest

from gatewayz_auth.domain.freshness import MAX_CLOCK_SKEW_S, Freshness, freshness, shortened

TTL_S, MAX_AGE_S = 300.0, 86400.0


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (0.0, Freshness.FRESH),
        (299.999, Freshness.FRESH),
        (300.0, Freshness.LAST_KNOWN_GOOD),
        (86400.0, Freshness.LAST_KNOWN_GOOD),
        (86400.001, Freshness.EXPIRED),
        (math.inf, Freshness.EXPIRED),
        (math.nan, Freshness.EXPIRED),
    ],
)
def test_each_boundary_falls_on_the_side_that_is_documented(age_s, expected):
    assert freshness(age_s, TTL_S, MAX_AGE_S, revoked=False) is expected


@pytest.mark.parametrize("age_s", [0.0, 299.0, 300.0, 86400.0])
def test_revocation_beats_every_age(age_s):
    assert freshness(age_s, TTL_S, MAX_AGE_S, revoked=True) is Freshness.EXPIRED


@pytest.mark.parametrize("age_s", [0.0, 1.0, 1000.0])
def test_a_ttl_of_zero_turns_caching_off_last_known_good_included(age_s):
    assert freshness(age_s, 0.0, MAX_AGE_S, revoked=False) is Freshness.EXPIRED


@pytest.mark.parametrize("max_age_s", [0.0, 100.0])
def test_a_maximum_age_below_the_ttl_leaves_no_last_known_good_and_shortens_no_ttl(max_age_s):
    assert freshness(299.0, TTL_S, max_age_s, revoked=False) is Freshness.FRESH
    assert freshness(300.0, TTL_S, max_age_s, revoked=False) is Freshness.EXPIRED


def test_a_refresh_ahead_makes_the_end_of_the_ttl_stale_and_nothing_else():
    ages = {270.0: Freshness.FRESH, 280.0: Freshness.STALE, 299.0: Freshness.STALE, 300.0: Freshness.LAST_KNOWN_GOOD}
    for age_s, expected in ages.items():
        assert freshness(age_s, TTL_S, MAX_AGE_S, revoked=False, refresh_after_s=280.0) is expected
    assert freshness(310.0, TTL_S, MAX_AGE_S, revoked=False, refresh_after_s=500.0) is Freshness.LAST_KNOWN_GOOD


def test_a_clock_a_little_ahead_is_forgiven_and_an_age_that_cannot_be_is_not():
    assert freshness(-MAX_CLOCK_SKEW_S, TTL_S, MAX_AGE_S, revoked=False) is Freshness.FRESH
    assert freshness(-MAX_CLOCK_SKEW_S - 0.1, TTL_S, MAX_AGE_S, revoked=False) is Freshness.EXPIRED


def test_jitter_only_shortens_and_by_a_tenth_at_most():
    assert shortened(300.0, 0.0) == 300.0
    assert shortened(300.0, 0.5) == pytest.approx(285.0)
    for fraction in (1.0, 7.0, -3.0):
        assert 270.0 <= shortened(300.0, fraction) <= 300.0
