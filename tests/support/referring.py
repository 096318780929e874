"""People who refer people, and what the ledger says of them afterwards."""

import contextlib

import psycopg
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.referrals import PostgresReferrals
from gatewayz_auth.domain.referrals import ReferralRules
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.service.referrals import Referrals

RULES = ReferralRules()


class Heard:
    """``service.referrals.ReferralObserver`` that remembers."""

    def __init__(self):
        self.verdicts = []
        self.errors = []

    def settled(self, verdict):
        self.verdicts.append(verdict)

    def not_settled(self, verdict, error):
        self.errors.append((verdict.referral_id, str(error)))

    def set_done(self, count, took_s):
        pass


@contextlib.asynccontextmanager
async def referral_store(url, limit_s=5.0):
    """``PostgresReferrals`` on a pool of its own."""
    abandoned = Abandoned()
    pool = Pool(url, max_size=4, min_size=0, clock=CLOCK, tasks=abandoned.tasks)
    await pool.open()
    try:
        yield PostgresReferrals(pool, GuardedCall(CLOCK, abandoned), CLOCK, limit_s)
    finally:
        await pool.close()
        await abandoned.close(1.0)


class Town:
    """A migrated database with people in it, and the hands to change them behind everybody's back."""

    def __init__(self, url):
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)

    def close(self):
        self.connection.close()

    def sql(self, statement, *parameters):
        cursor = self.connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []

    async def join(self, *newcomers):
        """Sign each of them up; their user ids."""
        async with postgres_accounts(self.url) as (accounts, _):
            return [(await accounts.find_or_make(one, soon())).account.user_id for one in newcomers]

    async def referrer(self, code="ABC123", **changes):
        (user_id,) = await self.join(wanted(**changes))
        self.sql("INSERT INTO gatewayz_auth.referral_codes (code, user_id) VALUES (%s, %s)", code, user_id)
        return user_id

    async def drain(self, rules=RULES, limit_s=5.0):
        """Work everything off; what was heard of it."""
        heard = Heard()
        async with referral_store(self.url, limit_s) as store:
            await Referrals(store, rules, heard, CLOCK).drain()
        return heard

    def outcome(self, user_id):
        """Status and reason of the referral of a newcomer."""
        return self.sql("SELECT status, reason FROM referrals WHERE referred_user_id = %s", user_id)[0]

    def credits(self, user_id):
        return self.sql("SELECT credits FROM users WHERE id = %s", user_id)[0][0]

    def out_of_balance(self):
        """People whose ledger does not sum to their credits: there must be none."""
        return self.sql(
            "SELECT u.id FROM users AS u LEFT JOIN credit_entries AS e ON e.user_id = u.id "
            "GROUP BY u.id, u.region, u.credits HAVING u.credits <> coalesce(sum(e.amount), 0)"
        )

    def paid_twice(self):
        """Referrals with more than one bonus for one side: there must be none."""
        return self.sql(
            "SELECT kind, reference FROM credit_entries WHERE kind IN ('referrer_bonus', 'referred_bonus') "
            "GROUP BY kind, reference HAVING count(*) > 1"
        )
