"""Sign-ups, duplicates, deletions, disabling, retries, reversals and cut-off work, in any order, against a model."""

import asyncio
import contextlib
import datetime as dt
import itertools
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.accounts import postgres_accounts, soon
from tests.support.newcomers import wanted
from tests.support.referring import Town, referral_store

from gatewayz_auth.domain.referrals import REFUSALS, Case, Party, ReferralRules, judge, mailbox, refusal

RULES = ReferralRules(max_uses=3, daily_cap=2)
TODAY = dt.date(2026, 11, 24)
EMAILS = (None, "ada@example.com", "ADA+x@example.com", "bob@example.com", "a.da@gmail.com", "ada@googlemail.com")
_numbers = itertools.count(1)


class _CutOffError(Exception):
    """The worker dies in the middle of its transaction."""


def _limit(reason):
    return "a limit" if reason in {"daily_cap", "exhausted"} else reason


class Referring(RuleBasedStateMachine):
    """The real tables beside a model that knows nothing of sets, workers or SQL."""

    town: Town
    accounts = store = runner = None  # made once for all examples

    @initialize(email=st.sampled_from(EMAILS))
    def begin(self, email):
        self.town.sql("TRUNCATE users, referrals, gatewayz_auth.mail_outbox CASCADE")
        self.people: dict[int, Party] = {}
        self.codes: dict[str, tuple[int, bool]] = {}
        self.cases: dict[int, Case] = {}
        self.states: dict[int, tuple[str, str | None]] = {}
        self.owners: dict[str, int] = {}
        self.somebody_gets_a_code(email, "ONE", guest=False)

    def _in(self, status):
        return sorted(one for one, state in self.states.items() if state[0] == status)

    def _sign_in(self, whom):
        return self.runner.run(self.accounts.find_or_make(whom, soon())).account.user_id

    def _join(self, email, **changes):
        name = f"did:privy:model{os.getpid()}x{next(_numbers)}"
        user_id = self._sign_in(wanted(name, verified_email=email and email.lower(), **changes))
        key = email and email.lower()
        owner = self.owners.setdefault(key, user_id) if key else None
        is_taken = owner is not None and owner != user_id
        party = Party(user_id, None if is_taken else key, is_guest=changes.get("is_guest", False))
        self.people[user_id] = party
        return party, owner if is_taken else None

    @rule(email=st.sampled_from(EMAILS), code=st.sampled_from(("ONE", "TWO")), guest=st.booleans())
    def somebody_gets_a_code(self, email, code, guest):
        if code in self.codes:
            return
        party, _ = self._join(email, is_guest=guest and email is None, is_proven=email is not None)
        statement = "INSERT INTO gatewayz_auth.referral_codes (code, user_id) VALUES (%s, %s)"
        self.town.sql(statement, code, party.user_id)
        self.codes[code] = (party.user_id, False)

    @rule(
        emails=st.lists(st.sampled_from(EMAILS), min_size=1, max_size=5),
        code=st.sampled_from(("ONE", "ONE", "TWO", "NOBODY")),
        guest=st.booleans(),
        days_ago=st.integers(0, 1),
        is_settled=st.booleans(),
    )
    def some_sign_up_with_a_code(self, emails, code, guest, days_ago, is_settled):
        for email in emails:
            party, owner = self._join(
                email, is_guest=guest and email is None, is_proven=email is not None, referral_code=f" {code.lower()}"
            )
            ((referral_id,),) = self.town.sql(
                "UPDATE referrals SET created_at = created_at - make_interval(days => %s) WHERE referred_user_id = %s "
                "RETURNING id",
                days_ago,
                party.user_id,
            )
            day = TODAY - dt.timedelta(days=days_ago)
            self.cases[referral_id] = Case(referral_id, code, party, day, None, email_owner_user_id=owner)
            self.states[referral_id] = ("pending", None)
        if is_settled:
            self.worker_does_a_set(20)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), code=st.sampled_from(("ONE", "TWO")))
    def somebody_known_signs_in_with_a_code(self, data, code):
        user_id = data.draw(st.sampled_from(sorted(self.people)))
        ((name,),) = self.town.sql("SELECT privy_user_id FROM users WHERE id = %s", user_id)
        assert self._sign_in(wanted(name, referral_code=code)) == user_id
        party = self.people[user_id]
        if party.is_active:  # they have proven who they are now: nobody's guest any more
            self.people[user_id] = Party(user_id, party.email)

    @rule(code=st.sampled_from(("ONE", "TWO")))
    def code_is_deleted(self, code):
        if code not in self.codes:
            return
        self.codes[code] = (self.codes[code][0], True)
        self.town.sql("UPDATE gatewayz_auth.referral_codes SET deleted_at = now() WHERE code = %s", code)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def somebody_is_disabled_or_enabled(self, data):
        user_id = data.draw(st.sampled_from(sorted(self.people)))
        party = self.people[user_id]
        self.people[user_id] = Party(user_id, party.email, not party.is_active, party.is_guest)
        self.town.sql("UPDATE users SET is_active = NOT is_active WHERE id = %s", user_id)

    def _as_of_now(self, case):
        owner, is_deleted = self.codes.get(case.code, (None, False))
        return Case(
            case.referral_id, case.code, self.people[case.referred.user_id], case.day,
            None if owner is None else self.people[owner], is_deleted, None, case.email_owner_user_id,
        )  # fmt: skip

    @rule(limit=st.sampled_from((2, 5, 20)))
    def worker_does_a_set(self, limit):
        due = self._in("pending")[:limit]
        rewarded = [
            (self.codes[self.cases[one].code][0], self.cases[one].code, self.cases[one].day)
            for one, state in self.states.items()
            if state[0] == "rewarded"
        ]
        expected = judge([self._as_of_now(self.cases[one]) for one in due], RULES, rewarded)
        self.town.sql("UPDATE referrals SET next_try_at = '2020-01-01'")

        seen = {one.referral_id: one.reason for one in self.runner.run(self.store.settle(limit, RULES))}
        # Whoever is past both limits is refused by either: a set is judged at once, not one after another.
        assert {one: _limit(reason) for one, reason in seen.items()} == {
            one: _limit(reason) for one, reason in expected.items()
        }
        for one, reason in seen.items():
            self.states[one] = ("rewarded", None) if reason is None else ("refused", reason)

    @rule(limit=st.integers(1, 5))
    def worker_dies_in_the_middle(self, limit):
        rules = (RULES.referrer_credits, RULES.referred_credits, RULES.max_uses, RULES.daily_cap)
        with contextlib.suppress(_CutOffError), self.town.connection.transaction():
            self.town.sql("SELECT gatewayz_auth.settle_referrals(%s, %s, %s, %s, %s)", limit, *rules)
            raise _CutOffError

    @precondition(lambda self: self._in("rewarded"))
    @rule(data=st.data())
    def reward_is_taken_back(self, data):
        one = data.draw(st.sampled_from(self._in("rewarded")))
        for _ in range(2):
            self.town.sql("SELECT gatewayz_auth.reverse_referral(%s, 'why')", one)
        self.states[one] = ("reversed", "why")

    @precondition(lambda self: self._in("pending"))
    @rule(data=st.data())
    def one_fails_and_is_tried_again(self, data):
        one = data.draw(st.sampled_from(self._in("pending")))
        self.town.sql("UPDATE referrals SET status = 'failed' WHERE id = %s", one)

        assert self.runner.run(self.store.retry(one, 1)) == 1

    @invariant()
    def the_books_are_right(self):
        if not hasattr(self, "states"):
            return
        rows = {row[0]: row[1:] for row in self.town.sql("SELECT id, status, reason FROM referrals")}
        assert rows == self.states
        assert self.town.out_of_balance() == self.town.paid_twice() == []
        paid = "SELECT count(*) FROM credit_entries WHERE kind = 'referrer_bonus'"
        ever = sum(state[0] in {"rewarded", "reversed"} for state in self.states.values())
        assert self.town.sql(paid) == [(ever,)]
        bonus = "SELECT coalesce(sum(amount), 0) FROM credit_entries WHERE kind LIKE 'refer%'"
        kept = sum(state[0] == "rewarded" for state in self.states.values())
        assert self.town.sql(bonus) == [(kept * (RULES.referrer_credits + RULES.referred_credits),)]


@contextlib.asynccontextmanager
async def _connected(url):
    async with postgres_accounts(url) as (accounts, _), referral_store(url) as store:
        yield accounts, store


def test_ledger_sums_to_the_balances_and_no_bonus_is_paid_twice_whatever_happens(database_url):
    town = Town(database_url)
    with contextlib.closing(town), asyncio.Runner() as runner:
        connected = _connected(database_url)
        Referring.town, Referring.runner = town, runner
        Referring.accounts, Referring.store = runner.run(connected.__aenter__())
        try:
            run_state_machine_as_test(
                Referring,
                settings=settings(
                    max_examples=20,
                    stateful_step_count=15,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
                ),
            )
        finally:
            runner.run(connected.__aexit__(None, None, None))


ADDRESSES = st.emails().map(str.lower)


@given(ADDRESSES)
def test_mailbox_is_the_same_in_code_and_is_its_own_mailbox(address):
    assert mailbox(mailbox(address)) == mailbox(address)


@given(st.integers(0, 5), st.integers(0, 5), st.lists(st.integers(0, 2), max_size=12))
def test_no_order_of_sign_ups_gets_round_a_cap(max_uses, daily_cap, days):
    rules = ReferralRules(max_uses=max_uses, daily_cap=daily_cap)
    owner = Party(1)
    cases = [
        Case(number, "ONE", Party(number + 10), TODAY + dt.timedelta(days=day), owner)
        for number, day in enumerate(days)
    ]
    verdicts = judge(list(reversed(cases)), rules)
    rewarded = [case for case in cases if verdicts[case.referral_id] is None]
    assert len(rewarded) <= max_uses
    assert all(sum(case.day == day for case in rewarded) <= daily_cap for day in {case.day for case in rewarded})
    assert len(rewarded) == min(max_uses, sum(min(daily_cap, days.count(day)) for day in set(days)))


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_whatever_is_refused_is_refused_for_a_reason_of_the_list(deleted, gone, active, guest, theirs, ours):
    them = Party(1, is_active=theirs, is_guest=guest, is_gone=gone)
    reason = refusal(Case(1, "ONE", Party(2, is_active=active, is_guest=ours), TODAY, them, deleted))
    assert reason is None or reason in REFUSALS
