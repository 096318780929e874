"""Inline referrals keep the answer in time, and the watch tells how all of them stand without asking anybody."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest
from tests.support.manual_clock import ManualClock
from tests.support.newcomers import wanted
from tests.support.referring import Heard

from gatewayz_auth.domain.errors import QueryTimeoutError
from gatewayz_auth.domain.mail import OutboxState
from gatewayz_auth.domain.referrals import JobsState, ReferralRules, Status, Verdict
from gatewayz_auth.domain.sign_in import Found
from gatewayz_auth.domain.users import Account
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.jobs_watch import BEHIND_AFTER_S, MAIL_BEHIND_AFTER_S, UNKNOWN_AFTER_S, JobsWatch
from gatewayz_auth.service.jobs_words import jobs_in_words
from gatewayz_auth.service.referrals import INLINE_LIMIT_S, INLINE_MARGIN_S, InlineReferrals, Referrals
from gatewayz_auth.service.snapshot import Jobs

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
RULES = ReferralRules(referred_credits=Decimal(5))


def account():
    return Account(
        7, "default", "did:privy:ada", "ada", None, "email", None, None, None, None, Decimal(3), "basic", "trial",
        None, None, False, True, NOW,
    )  # fmt: skip


class OneAccount:
    def __init__(self, *, is_new=True):
        self.is_new = is_new

    async def find_or_make(self, _wanted, _deadline):
        return Found(account(), None, self.is_new)


class OneReferral:
    """A store whose one referral ends as told."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.limits_s = []
        self.clock = None

    async def settle_of(self, user_id, _rules, deadline):
        self.limits_s.append(deadline.left_s(self.clock.monotonic_s()))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return (Verdict(1, user_id, 2, "ABC123", self.outcome, None),)


def asked(outcome, *, budget_s=8.0, is_new=True, code="abc123"):
    clock, store = ManualClock(), OneReferral(outcome)
    store.clock = clock
    inline = InlineReferrals(OneAccount(is_new=is_new), Referrals(store, RULES, Heard(), clock), clock)
    deadline = Deadline.after(clock.monotonic_s(), budget_s)
    found = asyncio.run(inline.find_or_make(wanted(referral_code=code), deadline))
    return found.account.credits, store.limits_s


def test_newcomer_s_credits_in_the_answer_are_those_after_the_reward():
    assert asked(Status.REWARDED) == (Decimal(8), [INLINE_LIMIT_S])
    assert asked(Status.REFUSED)[0] == Decimal(3)


def test_answer_goes_out_without_it_where_the_database_does_not_say():
    assert asked(QueryTimeoutError("timeout exceeded 1s"))[0] == Decimal(3)


@pytest.mark.parametrize(("budget_s", "limits_s"), [(0.5, [0.5 - INLINE_MARGIN_S]), (INLINE_MARGIN_S, []), (0.1, [])])
def test_short_deadline_leaves_the_referral_less_time_or_none(budget_s, limits_s):
    assert asked(Status.REWARDED, budget_s=budget_s)[1] == pytest.approx(limits_s)


def test_known_people_and_people_without_a_code_wait_for_no_referral():
    assert asked(Status.REWARDED, is_new=False)[1] == []
    assert asked(Status.REWARDED, code="  ")[1] == []
    assert asked(Status.REWARDED, code=None)[1] == []


NO_MAIL = OutboxState(0, None, 0)


def watched(state, mode="background", later_s=0.0, mail=NO_MAIL):
    return watch_of(state, mode, later_s, mail).check()


def watch_of(state, mode="background", later_s=0.0, mail=NO_MAIL):
    clock = ManualClock()

    async def read():
        if state is None:
            raise QueryTimeoutError("timeout exceeded 1s")
        return state

    async def read_mail():
        return mail

    watch = JobsWatch(read, read_mail, mode, clock)
    asyncio.run(watch.once())
    clock.advance(later_s)
    return watch


def test_check_tells_age_failed_and_workers():
    check = watched(JobsState(12.34, 5, 2, 3)).as_dict(0.0)
    figures = {"oldest_pending_s": 12.3, "pending": 5, "failed": 2, "workers": 3}
    assert (check["status"], {name: check[name] for name in figures}) == ("healthy", figures)
    assert "2 failed" in check["detail"]


def test_check_tells_of_mail_that_waits_and_of_mail_that_failed():
    check = watched(JobsState(None, 0, 0, 1), mail=OutboxState(3, 12.34, 2)).as_dict(0.0)
    figures = {"oldest_unsent_mail_s": 12.3, "unsent_mail": 3, "failed_mail": 2}
    assert (check["status"], {name: check[name] for name in figures}) == ("healthy", figures)
    assert "2 mails could not be sent" in check["detail"]


def test_mail_that_lies_too_long_is_degraded_and_ages_between_two_readings():
    state = JobsState(None, 0, 0, 1)
    mail = OutboxState(1, MAIL_BEHIND_AFTER_S - 10, 0)
    assert watched(state, mail=mail).status == "healthy"
    assert watched(state, later_s=11, mail=mail).status == "degraded"


def test_work_that_lies_too_long_is_degraded_and_ages_between_two_readings():
    assert watched(JobsState(BEHIND_AFTER_S + 1, 1, 0, 0)).status == "degraded"
    state = JobsState(BEHIND_AFTER_S - 10, 1, 0, 1)
    assert watched(state).status == "healthy"
    assert watched(state, later_s=11).status == "degraded"


def test_in_nightly_mode_a_day_s_work_is_not_late():
    assert watched(JobsState(20 * 3600.0, 1000, 0, 0), "nightly").status == "healthy"
    assert watched(JobsState(27 * 3600.0, 1000, 0, 0), "nightly").status == "degraded"


def test_what_is_not_known_is_said_and_not_guessed():
    assert watched(None).status == "healthy"  # not asked for long
    assert watched(None, later_s=UNKNOWN_AFTER_S + 1).status == "degraded"
    assert watched(JobsState(None, 0, 0, 1), later_s=UNKNOWN_AFTER_S + 1).status == "degraded"


def test_what_was_known_last_is_told_with_since_when_and_never_as_if_it_were_so_now():
    watch = watch_of(JobsState(4.0, 3, 1, 1), later_s=40.0)
    assert watch.seen().state == "not_known"
    words = "not known for 40 s; 3 referrals were waiting then; 1 had failed"
    assert jobs_in_words(watch.seen()) == words
    assert watch.check().detail == f"How the background work stands is {words}."


def test_it_is_not_known_from_the_moment_that_the_database_is_known_to_say_nothing():
    watch = watch_of(JobsState(4.0, 3, 0, 1), later_s=3.0)
    assert (watch.seen().state, jobs_in_words(watch.seen())) == ("in_step", "3 referrals wait, the oldest for 7.0 s")
    assert jobs_in_words(watch.seen(is_away=True)) == "not known for 3.0 s; 3 referrals were waiting then"


def test_a_reading_that_failed_is_news_at_once_and_nothing_known_is_said_to_be_so():
    watch = watch_of(None, later_s=1.0)
    assert jobs_in_words(watch.seen()) == "not known for 1.0 s: it was never read"


@pytest.mark.parametrize(
    ("jobs", "state", "words"),
    [
        (Jobs(), "in_step", "no referral waits"),
        (Jobs(4.0, 1), "in_step", "1 referral waits for 4.0 s"),
        (Jobs(400.0, 1000), "behind", "1,000 or more referrals wait, the oldest for 7 min"),
        (Jobs(failed=2), "failed", "no referral waits; 2 failed"),
        (Jobs(mail_oldest_s=900.0, mail_waiting=2), "behind", "no referral waits; 2 mails wait, the oldest for 15 min"),
        (Jobs(mail_failed=1), "failed", "no referral waits; 1 mail failed"),
        (Jobs(not_known_for_s=8.0), "not_known", "not known for 8.0 s; none was waiting then"),
        (Jobs(pending=1, not_known_for_s=8.0), "not_known", "not known for 8.0 s; 1 referral was waiting then"),
    ],
)
def test_jobs_in_words(jobs, state, words):
    assert (jobs.state, jobs_in_words(jobs)) == (state, words)
