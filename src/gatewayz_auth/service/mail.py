"""Sends what the outbox owes: at least once, never twice on purpose, and nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.letters import LetterError
from gatewayz_auth.domain.mail import Deferred, NotTried, Sent, Undeliverable, next_delay_s
from gatewayz_auth.reliability.deadline import Deadline
from gatewayz_auth.service.spare_time import SpareTime

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Mapping, Sequence

    from gatewayz_auth.domain.mail import Letter, Outcome, OwedMail
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy

BATCH = 16
"""Mails that are taken at once; where one is due, as few as this are late when a worker dies."""

BATCH_REFUSED = 50
"""The same where mail is off: there is nothing to be late with."""

LEASE_S = 60.0
"""How long what was taken is left alone by others; then whoever comes takes it, because its worker is dead."""

WORK_S = 45.0
"""The part of a lease in which something is sent: the rest is for writing down what became of it."""

SEND_LIMIT_S = 20.0
LEAST_S = 1.0
"""With less time than this a send is not begun."""

SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Settled:
    """What to write down of a mail that was taken at its try number ``attempts``.

    ``status`` is ``sent``, ``failed`` or ``waiting``, which is due again in ``due_in_s`` seconds; ``is_counted``:
    whether this try counts.
    """

    mail_id: uuid.UUID
    attempts: int
    status: str
    reason: str | None = None
    due_in_s: float = 0.0
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the mails of one turn; ``is_full``: there may be more that are due."""

    sent: int
    deferred: int
    failed: int
    is_full: bool


class Outbox(Protocol):
    """The rows; each call is one round trip and ends in time, in ``NotKnown`` at worst."""

    async def take(self, limit: int, lease_s: float, deadline: Deadline) -> tuple[OwedMail, ...]:
        """Mails that are due, the longest due first; nobody else is given them for ``lease_s`` seconds."""
        ...

    async def settle(self, settled: Sequence[Settled], deadline: Deadline) -> None:
        """Write down what became of them; one that somebody else has taken meanwhile is left as it is."""
        ...


class Mailer(Protocol):
    """Hands mail over to a server. Never raises for what a server does, ends within ``limit_s`` seconds."""

    @property
    def refusal(self) -> str | None:
        """Why it takes no mail at all, which it has said itself; None where it does."""
        ...

    async def send(self, mail: OwedMail, letter: Letter, limit_s: float) -> Outcome:
        """What became of it; ``mail`` has an address."""
        ...


class Letters(Protocol):
    """Where templates are kept; in memory after the first time."""

    def write(self, kind: str, language: str, values: Mapping[str, object]) -> Letter:
        """The letter of ``kind`` in the language, or the nearest that there is; ``LetterError``."""
        ...


class MailObserver(Protocol):
    """Hears what became of each try; never waits, never raises."""

    def tried(self, mail: OwedMail, outcome: Outcome, took_s: float) -> None:
        """``outcome`` after ``took_s`` seconds; a mail that is given up is ``Undeliverable``."""
        ...


class Post:
    """Works the outbox off, in turns; several processes share the work through the rows."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        outbox: Outbox,
        mailer: Mailer,
        letters: Letters,
        observer: MailObserver,
        clock: Clock,
        entropy: Entropy,
        is_stopping: Callable[[], bool] = lambda: False,
        spare: SpareTime | None = None,
    ) -> None:
        """Keep the parts; the database is asked in time that is ``spare`` (default: of its own)."""
        self._outbox = outbox
        self._mailer = mailer
        self._letters = letters
        self._observer = observer
        self._clock = clock
        self._entropy = entropy
        self._is_stopping = is_stopping
        self._spare = spare or SpareTime(clock)

    async def deliver_due(self, deadline: Deadline) -> Delivered:
        """Send what is due, one turn's worth, and write down what was sent as soon as it is.

        What can never be sent is written down with the next that was: to find that out once more does no harm. Ends by
        ``deadline``; what there was no time for is given back. ``NotKnown`` where the database does not answer: what
        was taken then is tried again when its lease is over, with the same Message-ID.
        """
        began_s = self._clock.monotonic_s()
        size = BATCH if self._mailer.refusal is None else BATCH_REFUSED
        owed, _ = await self._spare.use(lambda: self._outbox.take(size, LEASE_S, deadline))
        until = Deadline(min(began_s + WORK_S, deadline.at_s - SETTLE_S))
        counts = {"sent": 0, "waiting": 0, "failed": 0}
        known: list[Settled] = []
        for index, mail in enumerate(owed):
            outcome = await self._tried(mail, until)
            is_alone = self._is_alone(outcome)
            known += [self._settled(one, outcome) for one in ((mail,) if is_alone else owed[index:])]
            is_last = not is_alone or index == len(owed) - 1
            if is_last or not isinstance(outcome, Undeliverable):
                await self._write_down(known, deadline)
                for one in known:
                    counts[one.status] += 1
                known = []
            if is_last:
                break
        return Delivered(counts["sent"], counts["waiting"], counts["failed"], is_full=len(owed) == size)

    async def _write_down(self, known: list[Settled], deadline: Deadline) -> None:
        await self._spare.use(lambda: self._outbox.settle(known, deadline))

    @staticmethod
    def _is_alone(outcome: Outcome) -> bool:
        """Whether the mails behind this one may fare better."""
        return not isinstance(outcome, NotTried) and not (isinstance(outcome, Deferred) and outcome.is_of_server)

    async def _tried(self, mail: OwedMail, until: Deadline) -> Outcome:
        began_s = self._clock.monotonic_s()
        limit_s = until.limit_s(began_s, SEND_LIMIT_S)
        if limit_s < LEAST_S or self._is_stopping():
            return NotTried()
        outcome = await self._sent(mail, limit_s)
        if isinstance(outcome, Deferred) and next_delay_s(mail.attempts, mail.age_s, 0.0) is None:
            outcome = Undeliverable(f"given up after three days: {outcome.reason}")
        self._observer.tried(mail, outcome, self._clock.monotonic_s() - began_s)
        return outcome

    async def _sent(self, mail: OwedMail, limit_s: float) -> Outcome:
        if mail.address is None:
            return Undeliverable("no verified address any more")
        if not mail.is_active:
            return Undeliverable("the account is disabled")
        if self._mailer.refusal is not None:
            return Undeliverable(self._mailer.refusal, is_told=True)
        try:
            values = {"name": mail.name, **mail.arguments}
            letter = self._letters.write(mail.kind, str(mail.arguments.get("language", "")), values)
        except LetterError as error:
            return Undeliverable(f"no letter: {error}")
        try:
            return await self._mailer.send(mail, letter, limit_s)
        except Exception as error:  # noqa: BLE001 - a mail that breaks something of ours must not hold up the others
            return Deferred(f"a fault of ours ({type(error).__name__})", is_of_server=False)

    def _settled(self, mail: OwedMail, outcome: Outcome) -> Settled:
        if isinstance(outcome, Sent):
            return Settled(mail.mail_id, mail.attempts, "sent")
        if isinstance(outcome, NotTried):
            return Settled(mail.mail_id, mail.attempts, "waiting", is_counted=False)
        if isinstance(outcome, Undeliverable):
            return Settled(mail.mail_id, mail.attempts, "failed", outcome.reason)
        delay_s = next_delay_s(mail.attempts, mail.age_s, self._entropy.fraction())
        if delay_s is None:
            return Settled(mail.mail_id, mail.attempts, "failed", f"given up after three days: {outcome.reason}")
        return Settled(mail.mail_id, mail.attempts, "waiting", outcome.reason, delay_s)
