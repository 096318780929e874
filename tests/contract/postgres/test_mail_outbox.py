"""The outbox in the real database: owed once, taken by one, given up by nobody's death."""

import asyncio

import psycopg
from psycopg.types.json import Jsonb
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.mail_outbox import PostgresOutbox
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.service.mail import Settled


async def sql(url, statement, *parameters):
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement, parameters)
        return await cursor.fetchall() if cursor.description else []


async def queue(url, user_id, once, **arguments):
    rows = await sql(
        url, "SELECT gatewayz_auth.queue_mail(%s, 'referral_rewarded', %s, %s)", user_id, Jsonb(arguments), once
    )
    return rows[0][0]


def outbox_over(pool):
    return PostgresOutbox(pool, GuardedCall(CLOCK, Abandoned()), CLOCK, 5.0)


async def somebody(accounts, email):
    return (await accounts.find_or_make(wanted(verified_email=email, claimed_email="claimed@example.com"), soon())
            ).account.user_id  # fmt: skip


def test_mail_is_owed_once_and_only_to_a_verified_address_of_somebody_who_is_let_in(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, _):
            ada, nobody = await somebody(accounts, "ada@example.com"), await somebody(accounts, None)
            assert await queue(database_url, ada, "a")
            assert not await queue(database_url, ada, "a")
            assert not await queue(database_url, nobody, "b")
            assert not await queue(database_url, 10**9, "c")
            await sql(database_url, "UPDATE users SET is_active = false WHERE id = %s", ada)
            assert not await queue(database_url, ada, "d")
            rows = await sql(database_url, "SELECT m::text FROM gatewayz_auth.mail_outbox AS m")
            assert len(rows) == 1
            assert "@" not in rows[0][0]
            await sql(database_url, "DELETE FROM users WHERE id = %s", ada)
            assert await sql(database_url, "SELECT count(*) FROM gatewayz_auth.mail_outbox") == [(0,)]

    asyncio.run(story())


def test_ten_takers_at_once_share_the_mails_and_none_is_taken_twice(database_url):
    async def story():
        async with postgres_accounts(database_url, max_size=10) as (accounts, pool):
            ada, outbox = await somebody(accounts, "ada@example.com"), outbox_over(pool)
            for number in range(40):
                await queue(database_url, ada, str(number), credits=number)
            taken = await asyncio.gather(*(outbox.take(7, 60.0, soon()) for _ in range(10)))
            ids = [mail.mail_id for mails in taken for mail in mails]
            rest = await outbox.take(40, 60.0, soon())
            ids += [mail.mail_id for mail in rest]
            assert len(ids) == len(set(ids)) == 40
            assert await outbox.take(7, 60.0, soon()) == ()
            (mail, *_) = rest or taken[0]
            assert (mail.address, mail.user_id, mail.attempts, mail.is_active) == ("ada@example.com", ada, 1, True)
            assert set(mail.arguments) == {"credits"}
            assert 0 <= mail.age_s < 30

    asyncio.run(story())


def test_a_mail_that_somebody_holds_keeps_nobody_from_the_others(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            ada = await somebody(accounts, "ada@example.com")
            for once in "abc":
                await queue(database_url, ada, once)
            async with await psycopg.AsyncConnection.connect(database_url) as holder:
                await holder.execute("SELECT FROM gatewayz_auth.mail_outbox WHERE once = 'a' FOR UPDATE")
                assert len(await outbox_over(pool).take(9, 60.0, soon())) == 2

    asyncio.run(story())


def test_what_a_dead_worker_took_is_taken_again_and_the_dead_one_writes_nothing_over_it(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            outbox = outbox_over(pool)
            await queue(database_url, await somebody(accounts, "ada@example.com"), "a")
            (first,) = await outbox.take(5, 0.0, soon())  # a lease that is over at once
            (second,) = await outbox.take(5, 60.0, soon())
            assert (second.mail_id, second.attempts) == (first.mail_id, 2)
            await outbox.settle([Settled(first.mail_id, first.attempts, "failed", "late")], soon())
            assert (await outbox.state()).waiting == 1
            await outbox.settle([Settled(second.mail_id, second.attempts, "sent")], soon())
            state = await outbox.state()
            assert (state.waiting, state.oldest_s, state.failed) == (0, None, 0)

    asyncio.run(story())


def test_what_became_of_a_mail_is_written_down_and_what_it_showed_is_forgotten_with_it(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            outbox, ada = outbox_over(pool), await somebody(accounts, "ada@example.com")
            for once in ("again", "failed", "back", "sent"):
                await queue(database_url, ada, once, credits=once)
            by_name = {mail.arguments["credits"]: mail.mail_id for mail in await outbox.take(9, 60.0, soon())}
            await outbox.settle(
                [
                    Settled(by_name["again"], 1, "waiting", "450 at recipient", 3600.0),
                    Settled(by_name["failed"], 1, "failed", "550 at recipient"),
                    Settled(by_name["back"], 1, "waiting", is_counted=False),
                    Settled(by_name["sent"], 1, "sent"),
                ],
                soon(),
            )
            rows = await sql(
                database_url,
                "SELECT once, status, attempts, reason, arguments, due_at > now() + interval '59 minutes', "
                "ended_at IS NULL FROM gatewayz_auth.mail_outbox ORDER BY once",
            )
            assert rows == [
                ("again", "waiting", 1, "450 at recipient", {"credits": "again"}, True, True),
                ("back", "waiting", 0, None, {"credits": "back"}, False, True),
                ("failed", "failed", 1, "550 at recipient", {}, False, False),
                ("sent", "sent", 1, None, {}, False, False),
            ]
            assert (await outbox.state()).failed == 1
            (mail,) = await outbox.take(9, 60.0, soon())
            assert mail.mail_id == by_name["back"]

    asyncio.run(story())


def test_an_address_that_was_taken_away_meanwhile_is_not_written_to(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            ada = await somebody(accounts, "ada@example.com")
            await queue(database_url, ada, "a")
            await sql(database_url, "UPDATE users SET email = NULL WHERE id = %s", ada)
            (mail,) = await outbox_over(pool).take(5, 60.0, soon())
            assert mail.address is None

    asyncio.run(story())


def test_mail_that_was_owed_while_its_owner_was_erased_is_given_up_and_does_not_wait_for_ever(database_url):
    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            ada, outbox = await somebody(accounts, "ada@example.com"), outbox_over(pool)
            async with await psycopg.AsyncConnection.connect(database_url) as owing:
                await owing.execute("SELECT gatewayz_auth.queue_mail(%s, 'referral_rewarded', '{}', 'a')", [ada])
                assert await sql(database_url, "SELECT gatewayz_auth.erase_user(%s)", ada) == [(True,)]
            (owed,) = await outbox.take(10, 60.0, soon())
            assert (owed.address, owed.is_active) == (None, False)
            await outbox.settle(
                [Settled(owed.mail_id, owed.attempts, "failed", "no verified address any more")], soon()
            )
            assert (await outbox.state()).oldest_s is None

    asyncio.run(story())
