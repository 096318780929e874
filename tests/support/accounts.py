"""The world behind ``ports.Accounts``, memory and Postgres alike, with what a test may do to it from outside."""

import contextlib
import datetime as dt
from dataclasses import replace
from decimal import Decimal

import psycopg

from gatewayz_auth.adapters.memory.accounts import MemoryAccounts
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.pool import Pool
from gatewayz_auth.adapters.postgres.users import PostgresAccounts
from gatewayz_auth.domain.users import Account
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.deadline import Deadline

CLOCK = SystemClock()


def soon(budget_s=8.0):
    return Deadline.after(CLOCK.monotonic_s(), budget_s)


@contextlib.asynccontextmanager
async def postgres_accounts(url, max_size=4, lookup_limit_s=5.0):
    """``PostgresAccounts`` on a pool of its own, and that pool."""
    abandoned = Abandoned()
    pool = Pool(url, max_size=max_size, min_size=0, clock=CLOCK, tasks=abandoned.tasks)
    await pool.open()
    try:
        yield PostgresAccounts(pool, GuardedCall(CLOCK, abandoned), CLOCK, lookup_limit_s), pool
    finally:
        await pool.close()
        await abandoned.close(1.0)


class MemoryWorld:
    """The fake, and how a test reaches behind it."""

    def __init__(self):
        self.accounts = MemoryAccounts(CLOCK)

    async def sign_in(self, wanted):
        return await self.accounts.find_or_make(wanted, soon())

    async def add_legacy(self, username, email, *, is_active=True):
        user_id = max(self.accounts.accounts, default=0) + 1
        self.accounts.add(
            Account(
                user_id, "default", None, username, None, "other", email, None, None, None, Decimal(0), "basic",
                "inactive", None, None, bool(0), is_active, dt.datetime.fromtimestamp(CLOCK.utc_now_s(), dt.UTC),
            )
        )  # fmt: skip
        return user_id

    async def disable(self, user_id):
        self.accounts.disable(user_id)

    async def revoke_keys(self, user_id):
        self.accounts.revoke_keys(user_id)

    async def rename(self, user_id, username):
        self.accounts.add(replace(self.accounts.accounts[user_id], username=username))

    async def counts(self):
        return len(self.accounts.accounts), len(self.accounts.keys), len(self.accounts.referrals)

    async def ledger(self, user_id):
        return sum((v for (owner, _), v in self.accounts.ledger.items() if owner == user_id), Decimal(0))

    async def referrals(self):
        return [(r.referred_user_id, r.referral_code, r.status) for r in self.accounts.referrals]


class PostgresWorld:
    """The real thing, and how another program with plain SQL reaches behind it."""

    def __init__(self, url, accounts):
        self.url = url
        self.accounts = accounts

    async def sign_in(self, wanted):
        return await self.accounts.find_or_make(wanted, soon())

    async def sql(self, statement, *parameters):
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []

    async def add_legacy(self, username, email, *, is_active=True):
        rows = await self.sql(
            "INSERT INTO users (username, email, is_active) VALUES (%s, %s, %s) RETURNING id",
            username, email, is_active,
        )  # fmt: skip
        return rows[0][0]

    async def disable(self, user_id):
        await self.sql("UPDATE users SET is_active = false WHERE id = %s", user_id)

    async def revoke_keys(self, user_id):
        await self.sql("UPDATE api_keys SET revoked_at = now() WHERE user_id = %s", user_id)

    async def rename(self, user_id, username):
        await self.sql("UPDATE users SET username = %s WHERE id = %s", username, user_id)

    async def counts(self):
        return (
            await self.sql(
                "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL), "
                "(SELECT count(*) FROM referrals)"
            )
        )[0]

    async def ledger(self, user_id):
        rows = await self.sql("SELECT coalesce(sum(amount), 0) FROM credit_entries WHERE user_id = %s", user_id)
        return rows[0][0]

    async def referrals(self):
        return await self.sql("SELECT referred_user_id, referral_code, status FROM referrals ORDER BY id")
