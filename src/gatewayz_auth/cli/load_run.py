"""Carries a load out: everybody comes when it was planned, however many wait already, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import json
import resource
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.load_lines import Lines, NoAnswer, post
from gatewayz_auth.domain.errors import OperatorError
from gatewayz_auth.reliability.owned_tasks import OwnedTasks, cancel_twice
from gatewayz_auth.service.load_seen import LIMITED, OK, Outcome, Seen, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatewayz_auth.adapters.load_lines import Reply
    from gatewayz_auth.cli.load_people import People, Person
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.load_plan import Arrival, Plan

MOST_WAITING = 8_000
"""Callers who wait at once; one more is counted as one who could not come."""

FILES_FOR_OTHERS = 64
WARM_AT_ONCE = 8
WARM_LIMIT_S = 15.0
WARM_TRIES = 5
YIELD_EACH = 16
PATH = "/api/auth"


def most_waiting() -> int:
    """How many callers may wait at once here: as many as connections can be opened, ``MOST_WAITING`` at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_WAITING + FILES_FOR_OTHERS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST_WAITING if soft == resource.RLIM_INFINITY else max(1, min(MOST_WAITING, soft - FILES_FOR_OTHERS))


class Load:
    """One load over ``lines``; ``tell`` hears how far it is."""

    def __init__(  # noqa: PLR0913 - what a load is made of
        self,
        lines: Lines,
        host: str,
        plan: Plan,
        people: People,
        clock: Clock,
        *,
        budget_s: float,
        tell: Callable[[str], None],
    ) -> None:
        """Do nothing yet; ``host`` is what the ``Host`` header says."""
        self._lines, self._host, self._plan, self._people = lines, host, plan, people
        self._clock, self._budget_s, self._tell = clock, budget_s, tell
        self._questions = OwnedTasks("questions", 2 * MOST_WAITING)
        self.seen = Seen(plan)

    async def warm_up(self) -> None:
        """Sign everybody in once who is to be returning; ``OperatorError`` where somebody cannot be signed in."""
        waiting = list(reversed(self._people.returning))
        tasks = OwnedTasks("warm-up", WARM_AT_ONCE)
        callers = [tasks.spawn(self._warm(waiting), str(number)) for number in range(WARM_AT_ONCE)]
        try:
            await asyncio.gather(*callers)
        finally:
            await tasks.close(1.0)

    async def _warm(self, waiting: list[Person]) -> None:
        total = len(self._people.returning)
        while waiting:
            person = waiting.pop()
            if len(waiting) % 100 == 0:
                self._tell(f"Signing people in whom the service is to know: {total - len(waiting):,} of {total:,}")
            for turn in range(WARM_TRIES):
                reply = await self._asked(person.body, WARM_LIMIT_S)
                if reply is not None and reply.status not in {LIMITED, 503}:
                    break
                await asyncio.sleep(0.2 * 2**turn)
            if reply is None or reply.status != OK:
                raise OperatorError(_refused(reply))

    async def _asked(self, body: bytes, limit_s: float) -> Reply | None:
        """The answer, or None after ``limit_s`` seconds or where the line broke."""
        work = self._questions.spawn(self._lines.ask(post(PATH, body, self._host)), "one")
        try:
            await asyncio.wait({work}, timeout=max(0.0, limit_s))
        except asyncio.CancelledError:
            cancel_twice(work)
            raise
        if not work.done():
            cancel_twice(work)
            return None
        try:
            return work.result()
        except (OSError, NoAnswer):
            return None

    async def run(self, arrivals: Sequence[Arrival]) -> Seen:
        """Let everybody come; what they saw when the last one has left, ``limit_s`` after the last came at most."""
        callers = OwnedTasks("callers", most_waiting())
        telling = OwnedTasks("progress", 1)
        began_s = self._clock.monotonic_s() + 0.05
        telling.spawn(self._progress(began_s, callers), "one")
        try:
            for number, arrival in enumerate(arrivals):
                wait_s = began_s + arrival.at_s - self._clock.monotonic_s()
                if wait_s > 0 or number % YIELD_EACH == 0:
                    await asyncio.sleep(max(0.0, wait_s))
                if callers.is_full:
                    self.seen.left_out()
                else:
                    callers.spawn(self._call(arrival, began_s), "one")
            await callers.join(self._plan.limit_s + 1.0)
        finally:
            await telling.close(1.0)
            await callers.close(1.0)
            await self._questions.close(1.0)
        return self.seen

    async def _call(self, arrival: Arrival, began_s: float) -> None:
        person = self._people.of(arrival)
        due_s = began_s + arrival.at_s
        now_s = self._clock.monotonic_s()
        self.seen.began(now_s - due_s)
        reply = await self._asked(person.body, due_s + self._plan.limit_s - now_s)
        waited_s = self._clock.monotonic_s() - due_s
        outcome = Outcome.NOTHING
        if reply is not None:
            source = reply.headers.get("x-auth-source", "")
            is_theirs = reply.status == OK and _is_theirs(reply, person)
            outcome = outcome_of(arrival.kind, reply.status, source, is_theirs=is_theirs)
        self.seen.ended(arrival.at_s, arrival.kind, outcome, waited_s, self._budget_s)

    async def _progress(self, began_s: float, callers: OwnedTasks) -> None:
        for turn in range(1, int(self._plan.seconds + self._plan.limit_s) + 2):
            await asyncio.sleep(max(0.0, began_s + turn - self._clock.monotonic_s()))
            self._tell(self.line(min(turn, self._plan.seconds), len(callers)))

    def line(self, at_s: float, waiting: int) -> str:
        """How far it is, and what callers saw until now."""
        seen = self.seen
        waits = [seen.wait_s(share) for share in (0.5, 0.95, 0.99)]
        told = "  ".join(
            f"{name} {'-' if wait_s is None else f'{wait_s * 1e3:.1f} ms'}"
            for name, wait_s in zip(("P50", "P95", "P99"), waits, strict=True)
        )
        came = f"{seen.came:,} came, {waiting} wait, {seen.failed} in vain"
        return f"{at_s:.0f} of {self._plan.seconds:.0f} s: {came}  {told}"


def _is_theirs(reply: Reply, person: Person) -> bool:
    try:
        said = json.loads(reply.body)
        return bool(said["privy_user_id"] == person.privy_id and said["api_key"])
    except (ValueError, KeyError, TypeError):
        return False


def _refused(reply: Reply | None) -> str:
    if reply is None:
        return "Nobody can be signed in: the service does not answer. Look: gatewayz-auth status"
    if reply.status == 401:  # noqa: PLR2004 - HTTP
        return (
            "The service does not accept the tokens (401): run this in the folder that `serve --dev` was started in, "
            "or give bodies that it accepts: --tokens FILE"
        )
    answered = f"the service answers {reply.status}"
    return f"Somebody who is to be known cannot be signed in: {answered}. Look why: gatewayz-auth doctor"
