"""API keys found by digest, and referral codes, in the real database: one code a user, whoever races."""

import asyncio
import collections

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.adapters.postgres.api_keys import PostgresApiKeys
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.referral_codes import PostgresReferralCodes
from gatewayz_auth.domain import referral_codes
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.service.referral_codes import ReferralCodes

OLD, NEW = "o" * 40, "n" * 40


async def sql(url, statement, *parameters):
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement, parameters)
        return await cursor.fetchall() if cursor.description else []


def over(pool):
    call = GuardedCall(CLOCK, Abandoned())
    return PostgresApiKeys(pool, call, CLOCK, 5.0), PostgresReferralCodes(pool, call, CLOCK, 5.0)


def test_a_key_is_found_by_whichever_secret_digested_it_with_whether_it_may_be_used(database_url):
    async def story():
        old, both = Keyring((OLD,), SystemEntropy()), Keyring((NEW, OLD), SystemEntropy())
        async with postgres_accounts(database_url) as (accounts, pool):
            keys, _ = over(pool)
            made = await accounts.find_or_make(wanted("did:privy:ada", new_key=old.mint("test"),
                                                      environment_tag="test"), soon())  # fmt: skip
            api_key = old.open(made.key, made.account.user_id)
            digests = tuple(digest for _, digest in both.digests(api_key))
            found = await keys.find(digests, soon())
            assert found.holder.user_id == made.account.user_id
            assert (found.holder.environment_tag, found.holder.privy_user_id) == ("test", "did:privy:ada")
            assert (found.is_revoked, found.is_active) == (False, True)
            assert both.open(found.stored, made.account.user_id) == api_key
            assert await keys.find((b"\0" * 32,), soon()) is None
            await sql(database_url, "UPDATE users SET is_active = false")
            assert not (await keys.find(digests, soon())).is_active
            await sql(database_url, "UPDATE api_keys SET revoked_at = now()")
            assert (await keys.find(digests, soon())).is_revoked

    asyncio.run(story())


def test_a_look_up_by_digest_reads_no_table_from_end_to_end(database_url):
    from gatewayz_auth.adapters.postgres.statements import statement

    async def story():
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute("SET enable_seqscan = off")  # the tables are all but empty
            for name, parameters in (
                ("key_by_digest", {"digests": [b"\0" * 32]}),
                ("referral_stats", {"user_id": 1}),
                ("referral_code", {"user_id": 1, "drawn": "K7QX2MPB"}),
            ):
                cursor = await connection.execute(b"EXPLAIN " + statement(name), parameters)
                plan = "\n".join(row[0] for row in await cursor.fetchall())
                assert "Seq Scan" not in plan, plan

    asyncio.run(story())


def test_all_who_ask_at_once_for_their_first_code_get_the_same_one(database_url):
    async def story():
        async with postgres_accounts(database_url, max_size=8) as (accounts, pool):
            codes = ReferralCodes(over(pool)[1], SystemEntropy())
            people = [(await accounts.find_or_make(wanted(), soon())).account.user_id for _ in range(5)]
            asked = [user_id for user_id in people for _ in range(8)]
            given = await asyncio.gather(*(codes.code_of(user_id, soon()) for user_id in asked))
            by_user = collections.defaultdict(set)
            for user_id, code in zip(asked, given, strict=True):
                by_user[user_id].add(code)
            assert all(len(codes) == 1 for codes in by_user.values())
            assert len(set(given)) == 5
            assert all(code == referral_codes.compose(code) for code in given)
            rows = await sql(database_url, "SELECT count(*) FROM gatewayz_auth.referral_codes")
            assert rows == [(5,)]

    asyncio.run(story())


class SameAgain:
    """Entropy that draws what somebody has already, and then something else."""

    def __init__(self, *drawn):
        self.drawn = list(drawn)

    def token(self, _alphabet, _length):
        return self.drawn.pop(0)


def test_a_drawn_code_that_somebody_has_already_is_drawn_anew(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            first, second = [(await accounts.find_or_make(wanted(), soon())).account.user_id for _ in range(2)]
            codes = ReferralCodes(over(pool)[1], SameAgain("K7QX2MPB", "K7QX2MPB", "K7QX2MPC"))
            assert await codes.code_of(first, soon()) == "K7QX2MPB"
            assert await codes.code_of(second, soon()) == "K7QX2MPC"

    asyncio.run(story())


def test_whoever_is_gone_gets_no_code_and_a_deleted_code_is_followed_by_another(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            user_id = (await accounts.find_or_make(wanted(), soon())).account.user_id
            codes = ReferralCodes(over(pool)[1], SystemEntropy())
            with pytest.raises(NotKnown):
                await codes.code_of(user_id + 1000, soon())
            first = await codes.code_of(user_id, soon())
            await sql(database_url, "UPDATE gatewayz_auth.referral_codes SET deleted_at = now()")
            second = await codes.code_of(user_id, soon())
            assert second != first
            assert (await codes.stats_of(user_id, soon())).code == second
            await sql(database_url, "DELETE FROM users WHERE id = %s", user_id)
            assert await sql(database_url, "SELECT * FROM gatewayz_auth.referral_codes") == []

    asyncio.run(story())


def test_uses_are_told_by_status_from_the_moment_of_the_sign_up(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            user_id = (await accounts.find_or_make(wanted(), soon())).account.user_id
            codes = ReferralCodes(over(pool)[1], SystemEntropy())
            before = await codes.stats_of(user_id, soon())
            assert (before.code, sum(before.uses.values()), before.credits_earned) == (None, 0, 0)
            code = await codes.code_of(user_id, soon())
            written = f" {code[:4].lower()} {code[4:]} "
            for _ in range(4):
                await accounts.find_or_make(wanted(referral_code=written), soon())
            await accounts.find_or_make(wanted(referral_code="SOMEBODYELSES"), soon())
            assert (await codes.stats_of(user_id, soon())).uses["pending"] == 4
            await sql(
                database_url,
                "UPDATE referrals SET referrer_user_id = %s, status = (ARRAY['rewarded','refused','reversed'])[id] "
                "WHERE id <= 3",
                user_id,
            )
            await sql(database_url, "SELECT gatewayz_auth.add_credits(%s, 10, 'referrer', 'r1')", user_id)
            stats = await codes.stats_of(user_id, soon())
            assert stats.uses == {"pending": 1, "rewarded": 1, "refused": 1, "failed": 0, "reversed": 1}
            assert stats.credits_earned == 10

    asyncio.run(story())
