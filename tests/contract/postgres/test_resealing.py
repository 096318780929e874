"""After a rotation a key is still opened, and moves under the newest secret when its owner signs in."""

import asyncio

import pytest
from tests.support.accounts import postgres_accounts, soon
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.adapters.postgres.calls import GuardedCall
from gatewayz_auth.adapters.postgres.directory import PostgresDirectory
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.service.resealing import Resealing

OLD, NEW = "o" * 40, "n" * 40


def test_a_key_moves_under_the_newest_secret_and_the_old_one_can_go(database_url):
    async def steps():
        clock, entropy = SystemClock(), SystemEntropy()
        old, both, new = (Keyring(ring, entropy) for ring in ((OLD,), (NEW, OLD), (NEW,)))
        async with postgres_accounts(database_url) as (accounts, pool):
            key = old.mint("live")
            made = await accounts.find_or_make(wanted("did:privy:ada", new_key=key), soon())
            api_key = old.open(made.key, made.account.user_id)
            assert both.open(made.key, made.account.user_id) == api_key
            tasks = OwnedTasks("test", 4)
            directory = PostgresDirectory(pool, GuardedCall(clock, Abandoned()), clock, 2.0)
            Resealing(both, directory, tasks).consider(made.key, made.account.user_id)
            while len(tasks):
                await asyncio.sleep(0.01)
            found = await accounts.find_or_make(wanted("did:privy:ada", new_key=both.mint("live")), soon())
            assert new.open(found.key, made.account.user_id) == api_key
            with pytest.raises(NotKnown):
                old.open(found.key, made.account.user_id)
            assert not both.needs_resealing(found.key)

    asyncio.run(steps())
