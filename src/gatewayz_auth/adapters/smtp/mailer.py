"""Hands mail over to a server on a connection that is kept, and walks away from one that does not answer."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

import aiosmtplib

from gatewayz_auth.adapters.smtp.message import composed, sender_of
from gatewayz_auth.adapters.smtp.replies import outcome_of
from gatewayz_auth.domain.errors import NotKnown, QueryTimeoutError
from gatewayz_auth.domain.mail import Deferred, Sent, Undeliverable
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from gatewayz_auth.adapters.smtp.message import Envelope
    from gatewayz_auth.adapters.smtp.server import SmtpServer
    from gatewayz_auth.domain.mail import Letter, Outcome, OwedMail
    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.clock import Clock

NEIGHBOUR = "smtp"
STEP_LIMIT_S = 15.0
"""The driver's own limit for each step: the backstop below our guard."""

IDLE_LIMIT_S = 30.0
"""A connection that was idle for longer is not used again: servers end them, some without a word."""

MAX_ON_ONE = 100
"""Mails on one connection; some servers begin to refuse after a hundred."""

CLOSE_LIMIT_S = 0.5
_FAULTS = (aiosmtplib.SMTPException, OSError, ValueError)


class SmtpMailer:
    """``service.mail.Mailer`` over SMTP; for one caller at a time, as ``service.mail.Post`` is."""

    refusal: str | None = None

    def __init__(
        self,
        server: SmtpServer,
        mail_from: str,
        clock: Clock,
        abandoned: Abandoned,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        """Connect to nobody yet; ``tls_context``: whom to trust, by default whom this machine trusts."""
        self._server = server
        self._sender = sender_of(mail_from)
        self._clock = clock
        self._abandoned = abandoned
        self._tls_context = tls_context or ssl.create_default_context()
        self._client: aiosmtplib.SMTP | None = None
        self._used_s = 0.0
        self._used = 0

    def __repr__(self) -> str:
        """Name the server and nothing else."""
        return f"SmtpMailer({self._server.host}:{self._server.port})"

    async def send(self, mail: OwedMail, letter: Letter, limit_s: float) -> Outcome:
        """What became of it, within ``limit_s`` seconds whatever the server does; never raises for what it does."""
        try:
            envelope = composed(mail.mail_id, letter, self._sender, mail.address or "", self._clock.utc_now_s())
        except ValueError:
            return Undeliverable("the address cannot be written to")
        try:
            outcome = await guarded(
                lambda: self._handed_over(envelope),
                limit_s=limit_s,
                operation="send mail",
                neighbour=NEIGHBOUR,
                clock=self._clock,
                abandoned=self._abandoned,
            )
        except NotKnown as error:
            why = "it did not answer in time" if isinstance(error, QueryTimeoutError) else error.code
            outcome = Deferred(why, is_of_server=True)
        except BaseException:
            self._drop()
            raise
        if isinstance(outcome, Deferred) and outcome.is_of_server:
            self._drop()
        return outcome

    async def close(self) -> None:
        """Say goodbye where that is quick, and end the connection."""
        client = self._client
        if client is not None:
            with contextlib.suppress(NotKnown, *_FAULTS):
                await guarded(
                    client.quit,
                    limit_s=CLOSE_LIMIT_S,
                    operation="quit",
                    neighbour=NEIGHBOUR,
                    clock=self._clock,
                    abandoned=self._abandoned,
                )
        self._drop()

    async def _handed_over(self, envelope: Envelope) -> Outcome:
        try:
            client = await self._connection()
            options = ["SMTPUTF8"] if envelope.is_utf8 else []
            await client.sendmail(envelope.sender, envelope.recipient, envelope.content, mail_options=options)
        except _FAULTS as error:
            return outcome_of(error)
        finally:
            self._used_s = self._clock.monotonic_s()
        self._used += 1
        return Sent()

    async def _connection(self) -> aiosmtplib.SMTP:
        """A connection that answers: the one that stands, or a new one."""
        client = self._client
        if client is not None:
            idle_s = self._clock.monotonic_s() - self._used_s
            if client.is_connected and idle_s <= IDLE_LIMIT_S and self._used < MAX_ON_ONE:
                with contextlib.suppress(*_FAULTS):
                    await client.noop()
                    return client
            self._drop()
        server = self._server
        self._client = client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._our_name(),
            timeout=STEP_LIMIT_S,
            use_tls=server.is_tls,
            start_tls=server.start_tls,
            tls_context=self._tls_context,
        )
        self._used = 0
        await client.connect()
        return client

    def _our_name(self) -> str:
        """What we are called when we greet; asked of the machine alone: a look-up could hold the loop."""
        name = socket.gethostname()
        return name if "." in name and name.isascii() else self._sender.domain

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
