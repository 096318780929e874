"""Whatever the order of sign-ins, changes, lost messages, evictions, restarts, outages and expiries: no answer is older
than its bound, none is another's, and none outlives a disabling or a revocation by more than the bound."""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.cache_world import (
    MAX_AGE_S,
    NOTICE_S,
    PEOPLE,
    TTL_S,
    Clock,
    Shared,
    World,
    cache_over,
    question_of,
    request_of,
)

from gatewayz_auth.domain.errors import AccountDisabled, NotKnown
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline


class Sessions(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.world = World(self.clock)
        self.shared = Shared(self.clock)
        self.noticed = [0, 0]
        self.processes = [self.process(), self.process()]

    def process(self):
        return cache_over(self.world, self.shared)

    def settle(self):
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))

    def poll(self, index):
        """What each process does once a second: read what changed."""
        if not self.world.is_up:
            return

        async def notice():
            self.notice_now(index)

        self.loop.run_until_complete(notice())
        self.settle()

    def notice_now(self, index):
        changes = self.world.changes[self.noticed[index] :]
        self.noticed[index] = len(self.world.changes)
        self.processes[index].notice(changes, len(self.world.changes))

    @rule(privy_id=st.sampled_from(PEOPLE), tag=st.sampled_from(("live", "test")))
    def signs_in_everywhere(self, privy_id, tag):
        self.sign_in(0, privy_id, tag)
        self.sign_in(1, privy_id, tag)

    @rule(
        index=st.integers(0, 1),
        privy_id=st.sampled_from(PEOPLE),
        change=st.sampled_from(("update", "revoke", "disable_or_enable")),
        is_noticed=st.booleans(),
    )
    def a_change_overtakes_a_sign_in(self, index, privy_id, change, is_noticed):
        """The database was read before the change, and what it said arrives after the change was noticed."""
        if not self.world.is_up:
            return
        self.processes[index].process.forget(privy_id)
        self.shared.fresh.pop(privy_id, None)
        self.shared.good.pop(privy_id, None)
        gate = self.world.gate = asyncio.Event()
        deadline = Deadline.after(self.clock.now_s, 8.0)

        async def overtaken():
            asked = asyncio.ensure_future(
                self.processes[index].answer(
                    request_of(privy_id, "live"), lambda: question_of(privy_id, "live"), deadline, proves=0
                )
            )
            for _ in range(5):
                await asyncio.sleep(0)
            getattr(self, change)(privy_id)
            if is_noticed:
                self.notice_now(index)
            gate.set()
            await asyncio.gather(asked, return_exceptions=True)

        self.loop.run_until_complete(overtaken())
        self.world.gate = None
        self.settle()

    @rule(index=st.integers(0, 1), privy_id=st.sampled_from(PEOPLE), tag=st.sampled_from(("live", "live", "test")))
    def sign_in(self, index, privy_id, tag):
        cache = self.processes[index]
        request = request_of(privy_id, tag)

        async def ask():
            ready = cache.fresh(request, proves=0)
            if ready is not None:
                return ready
            deadline = Deadline.after(self.clock.now_s, 8.0)
            return await cache.answer(request, lambda: question_of(privy_id, tag), deadline, proves=0)

        try:
            answer = self.loop.run_until_complete(ask())
        except AccountDisabled:
            assert self.could_have_been(privy_id, lambda shape: not shape[2], NOTICE_S)
            answer = None
        except NotKnown:
            assert not self.world.is_up, "not known while the database answers"
            answer = None
        self.settle()
        if answer is None:
            return
        who, shown, key = answer.rendered.decode().split()
        person = self.world.people[privy_id]
        assert who == privy_id, "somebody else's answer"
        assert key.split(":")[0] == str(person.user_id), "somebody else's key"
        assert key.endswith(f":{tag}"), "a key of another tag"
        bound_s = {Source.DATABASE: 0.0, Source.CACHE: TTL_S, Source.LAST_KNOWN_GOOD: MAX_AGE_S}[answer.source]
        assert answer.age_s <= bound_s, "older than its bound"
        told = (int(shown[1:]), int(key.split(":")[1][1:]), True)
        assert self.could_have_been(privy_id, lambda shape: shape == told, answer.age_s + 0.001), "was never true then"
        if answer.source is Source.LAST_KNOWN_GOOD:
            assert not self.world.is_up, "last known good although the database answers"
        since = self.changes_since(privy_id, told)
        noticed = [change for change in since if change.change_id <= self.noticed[index]]
        assert not any(change.takes_away for change in noticed), "outlived a disabling or a revocation"
        assert not noticed or answer.source is Source.LAST_KNOWN_GOOD, "given as fresh after its change was noticed"

    def could_have_been(self, privy_id, fits, within_s):
        """Whether the truth had that shape at any instant of the last ``within_s`` seconds."""
        history = self.world.history[privy_id]
        for (_, shape), after in zip(history, [*history[1:], (float("inf"), None)], strict=True):
            if after[0] >= self.clock.now_s - within_s and fits(shape):
                return True
        return False

    def changes_since(self, privy_id, told):
        """The changes of the person since what was ``told`` was last true."""
        person_changes = [change for change in self.world.changes if change.privy_user_id == privy_id]
        shapes = [shape for _, shape in self.world.history[privy_id]]
        last = len(shapes) - 1 - shapes[::-1].index(told)
        return person_changes[last:]

    @rule(privy_id=st.sampled_from(PEOPLE))
    def update(self, privy_id):
        if self.world.is_up:
            self.world.people[privy_id].generation += 1
            self.world.changed(privy_id, takes_away=False)

    @rule(privy_id=st.sampled_from(PEOPLE))
    def revoke(self, privy_id):
        if self.world.is_up:
            self.world.people[privy_id].key_generation += 1
            self.world.changed(privy_id, takes_away=True)

    @rule(privy_id=st.sampled_from(PEOPLE))
    def disable_or_enable(self, privy_id):
        if self.world.is_up:
            person = self.world.people[privy_id]
            person.is_active = not person.is_active
            person.generation += 1
            self.world.changed(privy_id, takes_away=True)

    @rule(index=st.integers(0, 1))
    def message_arrives(self, index):
        self.poll(index)

    @rule(seconds=st.sampled_from((0.2, 0.7, 3.0, 60.0, 250.0, 310.0, 4000.0)))
    def time_passes(self, seconds):
        self.clock.now_s += seconds
        if seconds >= NOTICE_S / 2:
            self.poll(0)
            self.poll(1)

    @rule(index=st.integers(0, 1), kept=st.sampled_from((0, 3, 1000)))
    def restart(self, index, kept):
        """A new process reads the changes of late; what is older than those, it takes from nobody."""
        if self.world.is_up:
            known = len(self.world.changes)
            floor = max(0, known - kept)
            self.processes[index] = self.process()
            self.noticed[index] = known
            changes = self.world.changes[floor:]

            async def notice():
                taken = [change for change in changes if change.takes_away]
                self.processes[index].catch_up(taken, known, floor)

            self.loop.run_until_complete(notice())
            self.settle()

    @rule(index=st.integers(0, 1), kept=st.sampled_from((0, 3, 1000)))
    def a_gap(self, index, kept):
        """A process that may have missed changes is told what was taken away of late, and up to where that is known."""
        if self.world.is_up:
            known = len(self.world.changes)
            floor = max(0, known - kept)
            self.noticed[index] = known

            async def notice():
                taken = [change for change in self.world.changes[floor:] if change.takes_away]
                self.processes[index].catch_up(taken, known, floor)

            self.loop.run_until_complete(notice())
            self.settle()

    @rule(index=st.integers(0, 1), privy_id=st.sampled_from(PEOPLE))
    def evict(self, index, privy_id):
        self.processes[index].process.forget(privy_id)

    @rule()
    def database_goes_or_comes(self):
        self.world.is_up = not self.world.is_up
        if self.world.is_up:
            self.poll(0)
            self.poll(1)

    @rule(privy_id=st.sampled_from(PEOPLE))
    def an_outage_past_the_time_to_live(self, privy_id):
        self.world.is_up = False
        self.clock.now_s += 301.0
        self.signs_in_everywhere(privy_id, "live")

    @rule(privy_id=st.sampled_from(PEOPLE))
    def an_outage_past_every_age(self, privy_id):
        self.world.is_up = False
        self.clock.now_s += MAX_AGE_S + 1.0
        self.signs_in_everywhere(privy_id, "live")

    @rule()
    def redis_goes_or_comes(self):
        self.shared.is_up = not self.shared.is_up

    @rule()
    def redis_restarts_empty(self):
        self.shared.fresh.clear()
        self.shared.good.clear()

    @invariant()
    def bounded(self):
        for cache in getattr(self, "processes", ()):
            assert len(cache.process) <= len(PEOPLE) * 3

    def teardown(self):
        if hasattr(self, "loop"):
            self.settle()
            self.loop.close()


Sessions.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None, print_blob=True)
test_no_answer_is_wrong_or_too_old = Sessions.TestCase
