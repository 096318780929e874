"""Other programs with plain SQL: nobody gets round the registry, and nobody leaves it behind."""

import asyncio
import threading

import psycopg
import pytest
from tests.support.accounts import PostgresWorld, postgres_accounts
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.postgres.migrate import migrate


@pytest.fixture
def sql(database_url):
    asyncio.run(migrate(database_url, region="eu"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield lambda statement: _rows(connection, statement)


def _rows(connection, statement):
    cursor = connection.execute(statement)
    return cursor.fetchall() if cursor.description else []


def sign_in(url, *asked):
    async def story():
        async with postgres_accounts(url) as (accounts, _):
            world = PostgresWorld(url, accounts)
            return [await world.sign_in(one) for one in asked]

    return asyncio.run(story())


@pytest.mark.parametrize(
    "columns",
    [
        "privy_user_id, username) VALUES ('eu', 'did:privy:ada', 'other'",
        "email, username) VALUES ('eu', 'ADA@example.com', 'other'",
        "username) VALUES ('eu', 'ADA'",
        "username) VALUES ('eu', '\uff41\uff44\uff41'",
        "id, username) VALUES ('eu', 1, 'other'",
    ],
)
def test_direct_insert_into_another_region_cannot_take_what_somebody_has(sql, database_url, columns):
    sign_in(database_url, wanted("did:privy:ada", username="ada", verified_email="ada@example.com"))
    before = sql("SELECT * FROM gatewayz_auth.identities ORDER BY kind")
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(f"INSERT INTO users (region, {columns})")
    assert sql("SELECT * FROM gatewayz_auth.identities ORDER BY kind") == before


@pytest.mark.parametrize(
    "change", ["privy_user_id = 'did:privy:ada'", "email = 'Ada@Example.com'", "username = 'Ada'", "id = 1"]
)
def test_direct_update_cannot_take_what_somebody_has(sql, database_url, change):
    sign_in(database_url, wanted("did:privy:ada", username="ada", verified_email="ada@example.com"))
    sql("INSERT INTO users (region, username) VALUES ('eu', 'bob')")
    with pytest.raises(psycopg.errors.IntegrityError):
        sql(f"UPDATE users SET {change} WHERE username = 'bob'")  # noqa: S608 - the test's own words


def test_direct_inserts_of_one_email_in_two_regions_at_once_leave_one(sql, database_url):
    outcomes = []
    together = threading.Barrier(8)

    def insert(number):
        with psycopg.connect(database_url, autocommit=True) as connection:
            together.wait(10)
            try:
                region = ("eu", "default")[number % 2]
                connection.execute(
                    "INSERT INTO users (region, username, email) VALUES (%s, %s, 'ada@example.com')",
                    [region, f"ada{number}"],
                )
                outcomes.append("made")
            except psycopg.errors.UniqueViolation:
                outcomes.append("refused")

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["refused"] * 7
    assert sql("SELECT count(*) FROM users") == [(1,)]


def test_person_who_was_inserted_by_another_program_signs_in(sql, database_url):
    user_id = sql("INSERT INTO users (privy_user_id, username) VALUES ('did:privy:ada', 'Ada') RETURNING id")[0][0]
    (found,) = sign_in(database_url, wanted("did:privy:ada"))
    assert (found.account.user_id, found.is_new) == (user_id, False)
    assert found.key is not None


def test_names_that_were_given_up_are_free_and_new_ones_are_found(sql, database_url):
    first, *_ = sign_in(database_url, wanted("did:privy:ada", username="ada", verified_email="ada@example.com"))
    sql("UPDATE users SET privy_user_id = 'did:privy:new', username = 'lovelace', email = 'New@Example.com'")
    second, third = sign_in(
        database_url,
        wanted("did:privy:ada", username="ada", verified_email="ada@example.com"),
        wanted("did:privy:new", verified_email="new@example.com"),
    )
    assert second.is_new
    assert (second.account.username, second.account.email) == ("ada", "ada@example.com")
    assert third.account.user_id == first.account.user_id
    assert third.account.email == "new@example.com"


def test_deleted_person_leaves_nothing_and_may_come_again(sql, database_url):
    asked = {"username": "ada", "verified_email": "ada@example.com", "referral_code": "x"}
    first, *_ = sign_in(database_url, wanted("did:privy:ada", **asked))
    sql("DELETE FROM users")
    for table in ("gatewayz_auth.identities", "gatewayz_auth.accounts", "api_keys", "referrals", "credit_entries"):
        assert sql(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 - the test's own words
    again, *_ = sign_in(database_url, wanted("did:privy:ada", **asked))
    assert again.is_new
    assert again.account.username == "ada"
    assert again.account.user_id != first.account.user_id


@pytest.mark.parametrize("table", ["users", "users_default"])
def test_truncated_people_may_come_again(sql, database_url, table):
    sign_in(database_url, wanted("did:privy:ada", username="ada"))
    sql(f"TRUNCATE {table}")
    assert sql("SELECT count(*) FROM gatewayz_auth.identities") == [(0,)]
    again, *_ = sign_in(database_url, wanted("did:privy:ada", username="ada"))
    assert (again.is_new, again.account.username) == (True, "ada")


def test_person_who_moves_to_another_region_keeps_everything(sql, database_url):
    asked = {"username": "ada", "verified_email": "ada@example.com", "region": "default"}
    first, *_ = sign_in(database_url, wanted("did:privy:ada", **asked))
    sql("UPDATE users SET region = 'eu', username = 'lovelace'")
    again, newcomer = sign_in(database_url, wanted("did:privy:ada"), wanted("did:privy:bob", username="ada"))
    assert (again.account.user_id, again.account.region) == (first.account.user_id, "eu")
    assert again.key == first.key
    assert newcomer.account.username == "ada"
    assert sql("SELECT count(*) FROM users_eu") == [(1,)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql("INSERT INTO users (username, email) VALUES ('x', 'ada@example.com')")


def test_credits_are_the_sum_of_the_ledger_whoever_changes_them(sql, database_url):
    found, *_ = sign_in(database_url, wanted("did:privy:ada"))
    user_id = found.account.user_id
    assert sql(f"SELECT gatewayz_auth.add_credits({user_id}, 5, 'referral', '7')") == [(True,)]
    assert sql(f"SELECT gatewayz_auth.add_credits({user_id}, 5, 'referral', '7')") == [(False,)]
    assert sql("SELECT gatewayz_auth.add_credits(12345, 5, 'referral', '7')") == [(False,)]
    sql("UPDATE users SET credits = credits - 1.5")
    sql("UPDATE users SET credits = 10, region = 'eu'")
    sql("INSERT INTO users (username, credits) VALUES ('bob', 2)")
    assert sql(
        "SELECT u.credits, sum(e.amount) FROM users AS u JOIN credit_entries AS e ON e.user_id = u.id "
        "GROUP BY u.id, u.credits ORDER BY 1"
    ) == [(2, 2), (10, 10)]
    assert sql(f"SELECT kind, amount FROM credit_entries WHERE user_id = {user_id} ORDER BY id") == [  # noqa: S608 - the test's own words
        ("opening", 3),
        ("referral", 5),
        ("adjustment", -1.5),
        ("adjustment", 3.5),
    ]


def test_known_person_signs_in_where_the_server_takes_no_writes(sql, database_url):
    sign_in(database_url, wanted("did:privy:ada"))
    sql("UPDATE users SET last_sign_in_at = now() - interval '3 days'")
    name = sql("SELECT current_database()")[0][0]
    sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    (found,) = sign_in(database_url, wanted("did:privy:ada", verified_email="ada@example.com"))
    assert found.key is not None
    assert found.account.email is None


def test_hit_writes_nothing_but_the_day_of_the_sign_in(sql, database_url):
    sign_in(database_url, wanted("did:privy:ada"))
    before = sql("SELECT xmin, last_sign_in_at FROM users")
    sign_in(database_url, wanted("did:privy:ada"))
    assert sql("SELECT xmin, last_sign_in_at FROM users") == before
    sql("UPDATE users SET last_sign_in_at = now() - interval '25 hours'")
    sign_in(database_url, wanted("did:privy:ada"))
    assert sql("SELECT now() - last_sign_in_at < interval '1 minute' FROM users") == [(True,)]


def test_hit_never_waits_for_somebody_who_holds_the_row(sql, database_url):
    sign_in(database_url, wanted("did:privy:ada"))
    sql("UPDATE users SET last_sign_in_at = now() - interval '25 hours'")
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM users FOR UPDATE")
        (found,) = sign_in(database_url, wanted("did:privy:ada"))
        assert found.key is not None
        holder.rollback()
