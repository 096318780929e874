"""What is said of an erasure is what was done, also where Redis could not be told."""

import asyncio

import pytest
from tests.support.people import person

from gatewayz_auth.domain.errors import QueryTimeoutError
from gatewayz_auth.service.erasure import SILENT_REDIS, Erased, Erasure


class Database:
    """One person, erased at once; what processes are told keeps their name until it is forgotten."""

    def __init__(self):
        self.account = person("ada").account
        self.is_named_in_changes = True

    async def by_user_id(self, user_id):
        return self.account

    async def by_privy_id(self, privy_id):
        return None

    async def key_digests(self, user_id):
        return (b"d" * 32,)

    async def erase(self, user_id):
        return True

    async def forget_names_in_changes(self, user_id):
        self.is_named_in_changes = False

    async def traces(self, parts, words):
        return {"gatewayz_auth.changes.privy_user_id": 1} if self.is_named_in_changes else {}

    async def mask(self, parts, words):
        return 0


class Logs:
    async def mask(self, parts, words):
        return 0

    async def traces(self, parts, words):
        return {}


class Redis:
    """Answers or not; reads come back empty either way, as they do."""

    def __init__(self, answers):
        self.answers = list(answers)

    async def forget_keys(self, digests):
        return True

    async def forget(self, privy_id, username, *, also_last_known_good):
        return self.answers.pop(0)

    async def get(self, privy_id):
        return None

    async def get_by_username(self, username):
        return None


def erased_with(answers):
    database = Database()
    redis = None if answers is None else Redis(answers)
    return database, asyncio.run(Erasure(database, database, redis, Logs(), 0.0).erase(7))


@pytest.mark.parametrize("answers", [None, [True, True], [False, True]])
def test_whoever_is_nowhere_any_more_is_said_to_be_erased(answers):
    database, erased = erased_with(answers)
    assert erased.sentence.endswith("A search for the old names found nothing.")
    assert not database.is_named_in_changes


def test_a_redis_that_could_not_be_told_is_named_and_processes_that_start_later_still_learn_whom_to_forget():
    database, erased = erased_with([True, False])
    assert "every cache" not in erased.sentence
    assert "Redis (it did not answer" in erased.sentence
    assert database.is_named_in_changes


@pytest.mark.parametrize("silent", ["traces", "forget_names_in_changes", "by_privy_id"])
def test_whoever_is_erased_is_said_to_be_although_the_database_did_not_answer_what_came_after(silent):
    async def times_out(*_):
        raise QueryTimeoutError("timeout exceeded 60s", operation=silent, timeout_s=60.0)

    database = Database()
    setattr(database, silent, times_out)
    sentence = asyncio.run(Erasure(database, database, None, Logs(), 0.0).erase(7)).sentence
    assert sentence.startswith("User 7 is erased from every table")
    assert sentence.endswith(
        {
            "traces": "But the old names may still stand in tables that could not be searched (the database did not"
            " answer in time).",
            "forget_names_in_changes": "But the old names still stand in gatewayz_auth.changes.privy_user_id. They end"
            " there by themselves, soon after LAST_KNOWN_GOOD_MAX_AGE.",
            "by_privy_id": "A search for the old names found nothing.",
        }[silent]
    )


@pytest.mark.parametrize(
    ("left", "then"),
    [
        ({SILENT_REDIS: 1, "gatewayz_auth.changes.username": 1}, "They end there by themselves"),
        ({SILENT_REDIS: 1, "public.orders.email": 1}, "Look there by hand."),
    ],
)
def test_where_a_name_still_stands_is_told_with_what_becomes_of_it(left, then):
    sentence = Erased(7, 1, left).sentence
    assert all(place in sentence for place in left)
    assert then in sentence
