"""What operators have in force is told in a sentence, with the command that ends it or tells more."""

import pytest

from gatewayz_auth.service.rollout import Rollout
from gatewayz_auth.service.runtime_settings import Rollback, Runtime
from gatewayz_auth.service.steered_words import steered_in_words

NOON_S = 1_764_072_000.0


def rolled_back(*parts, at_s=NOON_S):
    return Rollback(parts, "ada", "why", at_s)


def said(rollout=None, rollback=None, here=None):
    return steered_in_words(Runtime(rollback=rollback, rollout=rollout), here, NOON_S + 60)


def test_nothing_in_force_is_not_a_word():
    assert said() == ()


def test_a_rollback_is_told_with_what_takes_it_back_until_it_is_undone():
    told = ("Rolled back since 12:00:00 UTC: cache, timeouts; gatewayz-auth rollback undo takes it back.",)
    assert said(rollback=rolled_back("cache", "timeouts")) == told
    assert said(here=rolled_back("cache", "timeouts")) == told
    assert said(rollback=rolled_back("cache"), here=rolled_back(at_s=NOON_S + 1)) == ()


@pytest.mark.parametrize(
    ("rollout", "told"),
    [
        (
            Rollout(since_s=NOON_S),
            "Rollout at stage 1 of 3 since 12:00:00 UTC: safety features are on for 10 % of people",
        ),
        (
            Rollout(since_s=0.0, stage=1).halted(NOON_S, "worse"),
            "Rollout halted since 12:00:00 UTC: safety features are on for 10 % of people",
        ),
        (
            Rollout(since_s=0.0).halted(NOON_S, "worse"),
            "Rollout halted since 12:00:00 UTC: safety features are on for nobody",
        ),
    ],
)
def test_a_rollout_is_told_with_its_stage_and_whom_it_covers(rollout, told):
    assert said(rollout) == (f"{told}; gatewayz-auth rollout show tells more.",)


def test_a_finished_rollout_is_no_news():
    assert said(Rollout().finished(NOON_S, "better")) == ()
