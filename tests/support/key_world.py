"""A database of API keys and the check in front of it, in virtual time."""

import asyncio

from tests.support.cache_world import Entropy, NoResealing, OpenGate
from tests.support.virtual_loop import VirtualClock

from gatewayz_auth.adapters.keyring import Keyring
from gatewayz_auth.domain.api_keys import owner_tag
from gatewayz_auth.domain.changes import Change
from gatewayz_auth.domain.errors import NeighbourUnavailable
from gatewayz_auth.domain.key_holder import FoundKey, KeyHolder
from gatewayz_auth.domain.sign_in import StoredKey
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.reliability.single_flight import SingleFlight
from gatewayz_auth.service.api_key_check import ApiKeyCheck
from gatewayz_auth.service.auth_cache import CachePolicy

RING = Keyring(("s" * 40,), SystemEntropy())


def _stored(new, user_id):
    return StoredKey(
        new.key_id, new.environment_tag, new.prefix, new.digest_key_id, new.sealed, owner_tag(new.owner_secret, user_id)
    )


class World:
    """A database of keys that answers, errs, or is silent for ``takes_s``; and the check in front of it."""

    def __init__(self, ttl_s=300.0, max_age_s=3600.0, shared=None):
        self.clock = VirtualClock()
        self.shared = shared
        self.rows = {}
        self.asked = 0
        self.error = None
        self.takes_s = 0.01
        self.tasks = OwnedTasks("test", 10)
        self.changes = 0
        policy = CachePolicy(ttl_s, max_age_s, 0.15, 5.0)
        self.check = ApiKeyCheck(
            lambda: policy, self, RING, SingleFlight("postgres", self.clock), OpenGate(), NoResealing(), self.tasks,
            self.clock, Entropy(), shared, shared,
        )  # fmt: skip

    def key(self, user_id=1, tag="live"):
        new = RING.mint(tag)
        stored = _stored(new, user_id)
        holder = KeyHolder(user_id, new.key_id, tag, f"did:privy:p{user_id}", "basic")
        self.rows[new.digest] = FoundKey(holder, stored, is_revoked=False, is_active=True)
        return RING.open(stored, user_id), new.digest

    def change(self, digest, **changes):
        found = self.rows[digest]
        fields = {"is_revoked": found.is_revoked, "is_active": found.is_active, **changes}
        self.rows[digest] = FoundKey(found.holder, found.stored, **fields)

    def tell(self, user_id, *, takes_away):
        self.changes += 1
        self.check.notice([Change(self.changes, user_id, None, None, takes_away)], self.changes)

    async def find(self, digests, deadline):
        self.asked += 1
        found = next((self.rows[digest] for digest in digests if digest in self.rows), None)
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return found

    async def ask(self, api_key, budget_s=8.0):
        return await self.check.check(api_key, Deadline.after(self.clock.monotonic_s(), budget_s))


AWAY = NeighbourUnavailable("postgres", "away")


class SharedByAll:
    """What outlives a process: whose keys are, and what people had at their last sign-in."""

    def __init__(self):
        self.owners = {}
        self.people = {}

    async def put_key_owner(self, digest, privy_id):
        self.owners[digest] = privy_id
        return True

    async def key_owner(self, digest):
        return self.owners.get(digest)

    async def known_to_all(self, privy_id):
        return self.people.get(privy_id)

    async def forget_keys(self, digests):
        for digest in digests:
            self.owners.pop(digest, None)
        return True

    def forget(self, privy_id, username):
        self.people.pop(privy_id, None)
