"""Whoever the database cannot be asked about is looked up in Redis once more before they are told 503."""

import asyncio
import copy
import uuid

import pytest
from tests.support.cache_world import (
    MAX_AGE_S,
    PEOPLE,
    TTL_S,
    Clock,
    Shared,
    World,
    cache_over,
    question_of,
    request_of,
)
from tests.support.people import person

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.sign_in import Source, StoredKey
from gatewayz_auth.reliability.deadline import Deadline

ADA = PEOPLE[0]


class LateOnce(Shared):
    """A Redis that does not answer in time when it is asked first."""

    asked = 0

    async def get(self, privy_id):
        self.asked += 1
        return None if self.asked == 1 else await super().get(privy_id)


async def asked(age_s, left_s):
    clock = Clock()
    world, shared = World(clock), LateOnce(clock)
    world.is_up = False
    kept = person("ada", as_of_s=clock.now_s - age_s, user_id=1)
    key = StoredKey(uuid.UUID(int=1), "live", "gw", "ring", b"k0", b"")
    shared.good[ADA] = type(kept)(kept.account, (key,), kept.as_of_s, kept.change_version)
    cache = cache_over(world, shared)
    deadline = Deadline.after(clock.now_s, left_s)
    answer = await cache.answer(request_of(ADA, "live"), lambda: question_of(ADA, "live"), deadline, proves=0)
    return answer, shared


def test_a_redis_that_was_late_once_does_not_cost_anybody_their_last_known_good():
    answer, shared = asyncio.run(asked(age_s=TTL_S + 1, left_s=8.0))
    assert answer.source is Source.LAST_KNOWN_GOOD
    assert answer.rendered.startswith(ADA.encode())
    assert shared.asked == 2


@pytest.mark.parametrize(("age_s", "left_s"), [(MAX_AGE_S + 1, 8.0), (TTL_S + 1, 0.1)], ids=["too_old", "too_late"])
def test_what_is_too_old_is_not_given_and_nobody_is_made_late_for_it(age_s, left_s):
    with pytest.raises(NotKnown):
        asyncio.run(asked(age_s, left_s))


def test_whoever_wants_a_key_is_not_given_what_was_remembered_meanwhile_for_somebody_who_wanted_none():
    clock = Clock()
    world = World(clock)

    async def story():
        cache = cache_over(world, None)
        deadline = Deadline.after(clock.now_s, 8.0)
        question = question_of(ADA, "live")
        first = await cache.answer(request_of(ADA, "live"), lambda: question, deadline, proves=0)
        assert first.source is Source.DATABASE
        clock.now_s += TTL_S + 1
        keyless = copy.copy(cache.process.get(ADA, "live"))
        keyless.has_key = False
        keyless.rendered = b"without a key"

        async def remembered_meanwhile(wanted, deadline):
            cache.process.put(ADA, "live", keyless)
            raise NotKnown("away")

        world.find_or_make = remembered_meanwhile
        deadline = Deadline.after(clock.now_s, 8.0)
        return await cache.answer(request_of(ADA, "live"), lambda: question, deadline, proves=0), first

    answer, first = asyncio.run(story())
    assert answer.source is Source.LAST_KNOWN_GOOD
    assert answer.rendered == first.rendered
