"""The audit log cannot be edited, and who is erased stands nowhere any more but in the ledger, by number."""

import asyncio
import contextlib
import json

import psycopg
import pytest
from tests.support.accounts import CLOCK, postgres_accounts, soon
from tests.support.newcomers import wanted
from tests.support.shared_cache import cache_at

from gatewayz_auth.adapters.kept_logs import KeptLogs
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.directory import PostgresDirectory
from gatewayz_auth.adapters.postgres.records import TRACES_LIMIT_S, PostgresRecords
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.service.audit import without_names
from gatewayz_auth.service.audited_people import AuditedPeople
from gatewayz_auth.service.erasure import Erasure

ADA = "did:privy:ada"


@contextlib.asynccontextmanager
async def world(database_url):
    """Accounts, records and a directory on one database."""
    async with postgres_accounts(database_url) as (accounts, pool):
        call = GuardedCall(CLOCK, Abandoned())
        records = PostgresRecords(pool, call, CLOCK, 2.0)
        yield accounts, records, PostgresDirectory(pool, call, CLOCK, 2.0)


@pytest.fixture
def plain(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gatewayz_auth.audit SET who = 'nobody'",
        "DELETE FROM gatewayz_auth.audit",
        "TRUNCATE gatewayz_auth.audit",
    ],
)
def test_nobody_edits_the_audit_log(database_url, plain, statement):
    async def story():
        async with world(database_url) as (_, records, _directory):
            await records.add("grace (console)", "disable", "user 7", "asked to")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append only"):
                plain.execute(statement)
            (entry,) = await records.last(10)
            assert (entry.who, entry.what, entry.subject, entry.why) == (
                "grace (console)", "disable", "user 7", "asked to",
            )  # fmt: skip

    asyncio.run(story())


def test_who_is_erased_stands_nowhere_and_the_ledger_keeps_its_number(database_url, plain, tmp_path):
    log = tmp_path / "app.log"
    lines = [
        json.dumps({"message": f"Cache hit for Privy ID: {ADA}", "user_id": 1}),
        json.dumps({"message": f"Cache hit for Privy ID: {ADA}-the-second"}),
        json.dumps({"message": "Cache hit for username: ada"}),
        json.dumps({"message": "adapters of ada are not meant"}),
    ]
    log.write_text("\n".join(lines) + "\n")
    (tmp_path / "app.log.1").write_text(f"an older one: {ADA}\n")

    async def story():
        async with world(database_url) as (accounts, records, directory):
            asked = wanted(ADA, username="ada", display_name="Ada L.", verified_email="ada@example.com")
            user_id = (await accounts.find_or_make(asked, soon())).account.user_id
            await accounts.find_or_make(wanted(f"{ADA}0", username="ada0", verified_email="xada@example.com"), soon())
            bob = wanted("did:privy:bob", username="bob", referral_code="ADA1")
            await accounts.find_or_make(bob, soon())
            plain.execute("UPDATE users SET credits = credits + 1 WHERE id = %s", [user_id])
            before = plain.execute("SELECT sum(amount) FROM credit_entries WHERE user_id = %s", [user_id]).fetchone()
            erased = await Erasure(directory, records, None, KeptLogs(log), 0.0).erase(user_id)
            assert erased.left == {}
            assert erased.log_places == 3
            assert "found nothing" in erased.sentence
            assert await directory.by_user_id(user_id) is None
            after = plain.execute("SELECT sum(amount) FROM credit_entries WHERE user_id = %s", [user_id]).fetchone()
            assert after == before
            for table in ("users", "api_keys"):
                assert plain.execute(f"SELECT 1 FROM {table} WHERE {'id' if table == 'users' else 'user_id'} = %s",  # noqa: S608 - two names of our own
                                     [user_id]).fetchone() is None  # fmt: skip
            assert await directory.by_username("bob") is not None
            assert await Erasure(directory, records, None, KeptLogs(log), 0.0).erase(user_id) is None
            again = await accounts.find_or_make(wanted(ADA, username="ada"), soon())
            assert again.is_new
            assert again.account.user_id != user_id

    asyncio.run(story())
    kept = log.read_text().splitlines()
    assert [len(line) for line in kept] == [len(line) for line in lines], "masked in place, so that no line is lost"
    assert ADA not in kept[0]
    assert kept[1:2] + kept[3:] == lines[1:2] + lines[3:], "others and plain words are left alone"
    assert "ada" not in kept[2].partition("username")[2]
    assert ADA not in (tmp_path / "app.log.1").read_text()


def test_whose_the_keys_of_an_erased_person_were_is_forgotten_by_redis_too(database_url, plain, redis_url):
    cache = cache_at(redis_url)

    async def story():
        async with world(database_url) as (accounts, records, directory):
            user_id = (await accounts.find_or_make(wanted(ADA, username="ada"), soon())).account.user_id
            ((digest,),) = plain.execute("SELECT digest FROM api_keys WHERE user_id = %s", [user_id]).fetchall()
            assert await cache.put_key_owner(digest, ADA)
            await Erasure(directory, records, cache, KeptLogs(None), 0.0).erase(user_id)
            assert await cache.key_owner(digest) is None
            await cache.close()

    asyncio.run(story())


def test_the_search_finds_a_name_that_was_left_somewhere(database_url, plain):
    async def story():
        async with world(database_url) as (accounts, records, directory):
            user_id = (await accounts.find_or_make(wanted(ADA, username="ada"), soon())).account.user_id
            plain.execute("INSERT INTO gatewayz_auth.audit (who, what, subject, why) VALUES ('a', 'b', 'c', %s)", [ADA])
            erased = await Erasure(directory, records, None, KeptLogs(None), 0.0).erase(user_id)
            assert erased.left == {"gatewayz_auth.audit.why": 1}
            assert "gatewayz_auth.audit.why" in erased.sentence

    asyncio.run(story())


def test_somebody_who_signs_in_while_being_erased_is_said_to_be_a_newcomer(database_url):
    async def story():
        async with world(database_url) as (accounts, records, directory):
            user_id = (await accounts.find_or_make(wanted(ADA, username="ada"), soon())).account.user_id

            class Meanwhile(KeptLogs):
                async def mask(self, parts, usernames):
                    await accounts.find_or_make(wanted(ADA, username="ada"), soon())
                    return 0

            erased = await Erasure(directory, records, None, Meanwhile(None), 0.0).erase(user_id)
            assert erased.again is not None
            assert f"as user {erased.again}, a newcomer" in erased.sentence

    asyncio.run(story())


def test_what_programs_change_is_written_down_before_it_is_done_or_not_done(database_url, plain):
    async def story():
        async with world(database_url) as (accounts, records, directory):
            account = (await accounts.find_or_make(wanted(ADA, username="ada"), soon())).account
            people = AuditedPeople(directory, None, None, CLOCK, records)
            assert await people.disable(account.user_id)
            assert await people.invalidate(account.user_id)
            assert await people.enable(account.user_id)
            (key,) = await people.keys_of(account.user_id)
            assert await people.revoke_key(key.key_id)
            told = [(entry.who, entry.what, entry.subject) for entry in await records.last(10)]
            user = f"user {account.user_id}"
            assert told == [
                ("ADMIN_TOKEN (http)", "revoke key", f"key {key.key_id}"),
                ("ADMIN_TOKEN (http)", "enable", user),
                ("ADMIN_TOKEN (http)", "invalidate", user),
                ("ADMIN_TOKEN (http)", "disable", user),
            ]
            plain.execute("ALTER TABLE gatewayz_auth.audit RENAME TO elsewhere")
            with pytest.raises(NotKnown):
                await people.disable(account.user_id)
            assert (await directory.by_user_id(account.user_id)).is_active

    asyncio.run(story())


def test_people_are_listed_by_id_and_found_by_how_a_name_begins(database_url):
    async def story():
        async with world(database_url) as (accounts, records, _):
            for name in ("ada", "adam", "bob"):
                asked = wanted(f"did:privy:{name}", username=name, verified_email=f"{name}@example.com")
                await accounts.find_or_make(asked, soon())
            assert [one.username for one in await records.list_users(0, 2)] == ["ada", "adam"]
            assert [one.username for one in await records.list_users(2, 9)] == ["bob"]
            assert [one.username for one in await records.find_users("AD", 9)] == ["ada", "adam"]
            assert [one.username for one in await records.find_users("did:privy:b", 9)] == ["bob"]
            assert await records.find_users("%", 9) == ()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("asked by did:privy:ada himself", "asked by (left out) himself"),
        ("mail from ada@example.com", "mail from (left out)"),
        ("she rang from +49 170 1234567", "she rang from (left out)"),
        ("ticket 4711\nsecond line", "ticket 4711 second line"),
        ("x" * 900, "x" * 500),
    ],
)
def test_a_reason_that_names_a_person_is_kept_without_the_name(given, kept):
    assert without_names(given) == kept


def test_each_table_is_searched_within_a_minute_of_its_own_and_the_search_of_before_finds_the_same(database_url, plain):
    """All of them in one statement came too late where there are a hundred thousand people: each erasure failed."""
    limits = []

    class Noted(GuardedCall):
        async def __call__(self, work, *, own_limit_s, operation, **rest):
            limits.append((operation, own_limit_s))
            return await super().__call__(work, own_limit_s=own_limit_s, operation=operation, **rest)

    async def story():
        async with postgres_accounts(database_url) as (accounts, pool):
            asked = wanted(ADA, username="ada", display_name="Ada L.", verified_email="ada@example.com")
            await accounts.find_or_make(asked, soon())
            plain.execute("""UPDATE gatewayz_auth.runtime SET document = '{"who": "Ada L."}'""")
            plain.execute(
                "INSERT INTO gatewayz_auth.audit (who, what, subject) VALUES ('x', 'y', 'see ada@example.com.')"
            )
            records = PostgresRecords(pool, Noted(CLOCK, Abandoned()), CLOCK, 2.0)
            return await records.traces((ADA, "ada@example.com"), ("ada", "Ada L.", "o'hara 100%"))

    found = asyncio.run(story())
    searched = [limit_s for operation, limit_s in limits if operation == "find_traces"]
    assert len(searched) > 10
    assert set(searched) == {TRACES_LIMIT_S}
    assert {
        "gatewayz_auth.identities.subject": 3, "public.users_default.privy_user_id": 1,
        "public.users_default.username": 1, "public.users_default.display_name": 1, "public.users_default.email": 1,
        "gatewayz_auth.audit.subject": 1, "gatewayz_auth.runtime.document": 1,
    }.items() <= found.items()  # fmt: skip
    before = "SELECT * FROM gatewayz_auth.find_traces(%s::text[], %s::text[])"
    assert dict(plain.execute(before, [[ADA, "ada@example.com"], ["ada", "Ada L."]]).fetchall()) == found
    assert plain.execute(before, [[], []]).fetchall() == []
