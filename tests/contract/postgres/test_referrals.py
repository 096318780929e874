"""What becomes of a referral: judged by the rules, paid once, whoever works at it and whatever changes meanwhile."""

import asyncio
from decimal import Decimal

import psycopg
import pytest
from tests.support.accounts import CLOCK
from tests.support.newcomers import wanted
from tests.support.referring import RULES, Heard, Town, referral_store

from gatewayz_auth.domain.referrals import REFUSALS, ReferralRules, Status
from gatewayz_auth.service.referrals import Referrals

REWARDED = ("rewarded", None)


@pytest.fixture
def town(database_url):
    made = Town(database_url)
    yield made
    made.close()


def run(story):
    return asyncio.run(story)


def test_both_sides_are_credited_and_the_referrer_is_owed_one_mail(town):
    async def story():
        referrer = await town.referrer(verified_email="ada@example.com")
        (newcomer,) = await town.join(wanted(referral_code=" abc 123 "))
        before = town.credits(referrer), town.credits(newcomer)
        await town.drain()
        assert town.outcome(newcomer) == REWARDED
        assert town.credits(referrer) == before[0] + RULES.referrer_credits
        assert town.credits(newcomer) == before[1] + RULES.referred_credits
        assert town.sql("SELECT referred_by_code FROM users WHERE id = %s", newcomer) == [("ABC123",)]
        mail = town.sql("SELECT user_id, kind, arguments FROM gatewayz_auth.mail_outbox")
        assert mail == [(referrer, "referral_rewarded", {"credits": str(RULES.referrer_credits)})]
        assert town.out_of_balance() == []

    run(story())


def test_code_is_refused_for_each_reason_and_the_row_keeps_it(town):
    async def story():
        await town.referrer("GOOD", verified_email="ada@example.com")
        await town.referrer("PLUS", verified_email="a.da+x@gmail.com")
        people = {
            "unknown_code": {"referral_code": "NOBODY"},
            "deleted_code": {"referral_code": "GONE"},
            "self_referral": {"referral_code": "GOOD", "verified_email": "ADA@example.com"},
            "referrer_disabled": {"referral_code": "OUT"},
            "referrer_guest": {"referral_code": "GUEST"},
            "guest": {"referral_code": "GOOD", "is_guest": True, "is_proven": False},
            "account_disabled": {"referral_code": "GOOD"},
            "account_gone": {"referral_code": "GOOD"},
            "referrer_gone": {"referral_code": "LEFT"},
        }
        await town.referrer("GONE")
        disabled = await town.referrer("OUT")
        await town.referrer("GUEST", is_guest=True)
        left = await town.referrer("LEFT")
        ids = dict(zip(people, await town.join(*(wanted(**who) for who in people.values())), strict=True))
        (same_mailbox,) = await town.join(wanted(referral_code="PLUS", verified_email="ada@googlemail.com"))
        town.sql("UPDATE gatewayz_auth.referral_codes SET deleted_at = now() WHERE code = 'GONE'")
        town.sql("UPDATE users SET is_active = false WHERE id IN (%s, %s)", disabled, ids["account_disabled"])
        town.sql("SELECT set_config('gatewayz_auth.erasing', %s, false)", str(ids["account_gone"]))
        town.sql("DELETE FROM users WHERE id = %s", ids["account_gone"])
        town.sql("SELECT set_config('gatewayz_auth.erasing', %s, false)", str(left))
        town.sql("DELETE FROM users WHERE id = %s", left)
        await town.drain()
        seen = {reason: town.outcome(user_id) for reason, user_id in ids.items()}
        assert seen == {reason: ("refused", reason) for reason in people}
        assert town.outcome(same_mailbox) == ("refused", "self_referral")
        assert set(people) | {"daily_cap", "exhausted"} == set(REFUSALS)
        assert town.sql("SELECT count(*) FROM credit_entries WHERE kind LIKE 'refer%'") == [(0,)]
        assert town.out_of_balance() == []

    run(story())


def test_caps_count_in_the_set_and_over_sets_and_the_oldest_sign_ups_come_first(town):
    async def story():
        rules = ReferralRules(max_uses=3, daily_cap=2)
        await town.referrer()
        first = await town.join(*(wanted(referral_code="ABC123") for _ in range(4)))
        earlier = "UPDATE referrals SET created_at = created_at - interval '{} days' WHERE referred_user_id = %s"
        town.sql(earlier.format(1), first[3])
        await town.drain(rules)
        expected = [REWARDED, REWARDED, ("refused", "daily_cap"), REWARDED]
        assert [town.outcome(user_id) for user_id in first] == expected
        (late,) = await town.join(wanted(referral_code="ABC123"))
        town.sql(earlier.format(3), late)
        await town.drain(rules)
        assert town.outcome(late) == ("refused", "exhausted")

    run(story())


def test_cap_holds_however_many_workers_judge_at_once(town):
    async def story():
        await town.referrer()
        people = await town.join(*(wanted(referral_code="ABC123") for _ in range(12)))
        rules = ReferralRules(max_uses=5)
        async with referral_store(town.url) as store:
            while any(town.outcome(user_id)[0] == "pending" for user_id in people):
                await asyncio.gather(*(store.settle(2, rules) for _ in range(4)))
        assert sum(town.outcome(user_id) == REWARDED for user_id in people) == 5
        assert town.paid_twice() == town.out_of_balance() == []

    run(story())


def test_several_workers_share_the_work_without_paying_twice(town):
    async def story():
        codes = [f"CODE{number}" for number in range(5)]
        for code in codes:
            await town.referrer(code)
        people = await town.join(*(wanted(referral_code=codes[number % 5]) for number in range(60)))
        async with referral_store(town.url) as store:
            workers = [Referrals(store, RULES, Heard(), CLOCK) for _ in range(4)]
            while any(town.outcome(user_id)[0] == "pending" for user_id in people):
                await asyncio.gather(*(worker.drain() for worker in workers))
        assert {town.outcome(user_id) for user_id in people} == {REWARDED}
        assert town.paid_twice() == town.out_of_balance() == []

    run(story())


def test_row_put_back_to_pending_by_hand_is_not_paid_again(town):
    async def story():
        referrer = await town.referrer()
        await town.join(wanted(referral_code="ABC123"))
        await town.drain()
        paid = town.credits(referrer)
        town.sql("UPDATE referrals SET status = 'pending'")
        await town.drain()
        assert town.credits(referrer) == paid
        assert town.out_of_balance() == []

    run(story())


def test_one_who_signs_up_twice_at_once_with_two_codes_has_one_referral(town):
    async def story():
        await town.referrer("ONE")
        await town.referrer("TWO")
        both = [wanted("did:privy:twice", referral_code=code) for code in ("ONE", "TWO")]
        ids = await asyncio.gather(*(town.join(one) for one in both))
        assert ids[0] == ids[1]
        await town.drain()
        assert town.outcome(ids[0][0]) == REWARDED
        assert town.sql("SELECT count(*) FROM credit_entries WHERE kind = 'referrer_bonus'") == [(1,)]

    run(story())


def test_person_whom_somebody_is_changing_comes_later_and_holds_nobody_up(town):
    async def story():
        await town.referrer()
        held, free = await town.join(*(wanted(referral_code="ABC123") for _ in range(2)))
        with psycopg.connect(town.url) as holder:
            holder.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [held])
            began_s = CLOCK.monotonic_s()
            await town.drain()
            assert CLOCK.monotonic_s() - began_s < 2
            assert town.outcome(free) == REWARDED
            assert town.outcome(held) == ("pending", None)
            holder.rollback()
        town.sql("UPDATE referrals SET next_try_at = now()")
        await town.drain()
        assert town.outcome(held) == REWARDED

    run(story())


_POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.users WHERE id = NEW.user_id AND username = 'poison') THEN {do}; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON credit_entries FOR EACH ROW
    WHEN (NEW.kind = 'referred_bonus') EXECUTE FUNCTION poison();
"""


@pytest.mark.parametrize(
    ("do", "limit_s", "words"),
    [("RAISE EXCEPTION 'no'", 5.0, "P0001"), ("PERFORM pg_sleep(10)", 0.5, "timeout")],
    ids=["that_raises", "that_never_ends"],
)
def test_poison_row_lets_others_pass_fails_in_the_end_and_can_be_retried(town, do, limit_s, words):
    async def story():
        await town.referrer()
        town.sql(_POISON.format(do=do))
        rules = ReferralRules(max_attempts=2, retry_after_s=0.0)
        ids = await town.join(
            wanted(referral_code="ABC123"),
            wanted(referral_code="ABC123", username="poison"),
            wanted(referral_code="ABC123"),
        )
        heard = await town.drain(rules, limit_s)
        assert [town.outcome(user_id)[0] for user_id in ids] == ["rewarded", "failed", "rewarded"]
        assert words in town.outcome(ids[1])[1]
        assert len(heard.errors) == 2
        assert [verdict.status for verdict in heard.verdicts].count(Status.FAILED) == 1
        town.sql("DROP TRIGGER poison ON credit_entries")
        async with referral_store(town.url) as store:
            assert await store.retry(None, 10) == 1
        await town.drain()
        assert town.outcome(ids[1]) == REWARDED
        assert town.paid_twice() == town.out_of_balance() == []

    run(story())


def test_reversal_takes_back_exactly_what_was_paid_and_only_once(town):
    async def story():
        referrer = await town.referrer()
        (newcomer,) = await town.join(wanted(referral_code="ABC123"))
        before = town.credits(referrer), town.credits(newcomer)
        await town.drain(ReferralRules(referrer_credits=Decimal("2.5"), referred_credits=Decimal(7)))
        (referral_id,) = town.sql("SELECT id FROM referrals")[0]
        async with referral_store(town.url) as store:
            first = await store.reverse(referral_id, "bought")
            again = await store.reverse(referral_id, "once more")
            assert (first.status, first.reason) == (again.status, again.reason) == (Status.REVERSED, "bought")
            assert await store.reverse(0, "nobody") is None
        assert (town.credits(referrer), town.credits(newcomer)) == before
        assert town.sql("SELECT referred_by_code FROM users WHERE id = %s", newcomer) == [(None,)]
        assert town.out_of_balance() == []

    run(story())


def test_what_was_not_rewarded_cannot_be_reversed(town):
    async def story():
        (newcomer,) = await town.join(wanted(referral_code="NOBODY"))
        await town.drain()
        (referral_id,) = town.sql("SELECT id FROM referrals")[0]
        async with referral_store(town.url) as store:
            assert (await store.reverse(referral_id, "why")).status is Status.REFUSED
        assert town.outcome(newcomer) == ("refused", "unknown_code")

    run(story())


def test_referrals_are_listed_newest_first_page_by_page(town):
    async def story():
        await town.join(*(wanted(referral_code=f"NO{number}") for number in range(5)))
        async with referral_store(town.url) as store:
            first = await store.listed(Status.PENDING, 3)
            rest = await store.listed(None, 3, first[-1].referral_id)
            assert [one.referral_code for one in (*first, *rest)] == ["NO4", "NO3", "NO2", "NO1", "NO0"]
            assert await store.listed(Status.FAILED, 3) == ()
            state = await store.state()
            counted = await store.by_status()
        assert (state.pending, state.failed, state.workers) == (5, 0, 0)
        assert counted.referrals == {"pending": 5}
        assert counted.queue == {"todo": 1}
        assert counted.worker_silent_s is None
        assert 0 <= state.oldest_pending_s < 60

    run(story())
