"""The queue's tables, and the job that a sign-up leaves in them: never in the sign-up's way."""

import asyncio
from importlib import resources

import psycopg
import pytest
from tests.support.accounts import CLOCK
from tests.support.newcomers import wanted
from tests.support.referring import Town

from gatewayz_auth.adapters.postgres.migrate import migrations
from gatewayz_auth.adapters.procrastinate.queue import QUEUE, SETTLE_REFERRALS

_WAITING = "SELECT queue_name, task_name, status::text FROM gatewayz_auth.procrastinate_jobs"


@pytest.fixture
def town(database_url):
    made = Town(database_url)
    yield made
    made.close()


def test_schema_that_we_ship_is_word_for_word_the_installed_library_s():
    shipped = next(step.up for step in migrations() if step.name == "jobs")
    installed = (resources.files("procrastinate") / "sql" / "schema.sql").read_text("utf-8")
    assert installed in shipped, "the library's schema has changed: a migration has to follow it"


def test_commits_do_not_queue_up_behind_notifications(town):
    triggers = town.sql(
        "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'gatewayz_auth.procrastinate_jobs'::regclass "
        "AND NOT tgisinternal AND tgname LIKE '%notify%'"
    )
    assert len(triggers) == 2
    assert {enabled for _, enabled in triggers} == {"D"}


def test_every_function_of_the_library_finds_its_tables_whoever_calls_it(town):
    without = town.sql(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'gatewayz_auth'::regnamespace "
        "AND proname LIKE 'procrastinate%' AND NOT coalesce(proconfig::text LIKE '%search_path=%', false)"
    )
    assert without == []


def test_sign_up_with_a_code_leaves_intent_and_job_and_many_leave_one_job(town):
    async def story():
        people = await town.join(*(wanted(referral_code="ABC123") for _ in range(5)))
        assert {town.outcome(user_id) for user_id in people} == {("pending", None)}
        assert town.sql(_WAITING) == [(QUEUE, SETTLE_REFERRALS, "todo")]

    asyncio.run(story())


def test_sign_up_without_a_code_leaves_neither(town):
    async def story():
        await town.join(wanted(), wanted(referral_code="   "))
        assert town.sql("SELECT count(*) FROM referrals") == [(0,)]
        assert town.sql(_WAITING) == []

    asyncio.run(story())


def test_job_that_is_being_retried_later_does_not_keep_a_new_one_away(town):
    async def story():
        await town.join(wanted(referral_code="ABC123"))
        town.sql("UPDATE gatewayz_auth.procrastinate_jobs SET scheduled_at = now() + interval '1 hour'")
        await town.join(wanted(referral_code="ABC123"))
        assert len(town.sql(_WAITING)) == 2

    asyncio.run(story())


def test_locked_table_of_jobs_holds_no_sign_up_up_and_the_row_is_there(town):
    async def story():
        with psycopg.connect(town.url) as holder:
            holder.execute("LOCK TABLE gatewayz_auth.procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
            began_s = CLOCK.monotonic_s()
            (newcomer,) = await town.join(wanted(referral_code="ABC123"))
            assert CLOCK.monotonic_s() - began_s < 2
            holder.rollback()
        assert town.outcome(newcomer) == ("pending", None)
        assert town.sql(_WAITING) == []
        await town.drain()
        assert town.outcome(newcomer) == ("refused", "unknown_code")

    asyncio.run(story())


def test_full_table_of_jobs_changes_nothing_in_the_answer(town):
    async def story():
        town.sql("ALTER TABLE gatewayz_auth.procrastinate_jobs ADD CONSTRAINT no_room CHECK (id < 0) NOT VALID")
        (newcomer,) = await town.join(wanted(referral_code="ABC123"))
        assert town.outcome(newcomer) == ("pending", None)

    asyncio.run(story())
