"""Reaches the mail server step by step and logs in; no mail is sent."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiosmtplib

from gatewayz_auth.adapters.reach import SILENCE_DO, Reach, StepFailedError, in_words, silence_at
from gatewayz_auth.adapters.smtp.server import SmtpServer
from gatewayz_auth.service.findings import warning

if TYPE_CHECKING:
    from gatewayz_auth.service.findings import Finding

NEIGHBOUR = "smtp"
LIMIT_S = 3.0
"""Longer than a step's limit, which tells better who was silent where."""


async def examine(url: str, reach: Reach, tls: ssl.SSLContext) -> list[Finding]:
    """The findings about the mail server at ``url``; never raises for what it does."""
    server = SmtpServer.parse(url)
    try:
        await reach.host(server.host, server.port, tls=tls if server.is_tls else None)
        await reach.step("login", lambda: _login(server, reach, tls))
    except StepFailedError as error:
        return [
            warning(
                "smtp-unreachable",
                silence_at(error.step, "The mail server")
                if error.step.is_silent
                else f"The mail server is not reached: {error.step.problem}",
                f"It stops at the step {error.step.name!r}. Sign-ins do not need it; referrers' mails wait and are "
                "tried for three days.",
                f"{SILENCE_DO} restart it, or ask whoever runs it; docs/runbook/mail-down.md"
                if error.step.is_silent
                else "Correct SMTP_URL, or let the machine out to it; docs/runbook/mail-down.md",
            )
        ]
    return []


async def _login(server: SmtpServer, reach: Reach, tls: ssl.SSLContext) -> None:
    asked = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        timeout=LIMIT_S,
        use_tls=server.is_tls,
        start_tls=server.start_tls,
        tls_context=tls,
        local_hostname="localhost",
    )
    try:
        await asked.connect()
        if asked.transport is not None and not server.is_tls:
            reach.note_certificate(asked.transport.get_extra_info("ssl_object"))
        await asked.noop()
    except aiosmtplib.SMTPAuthenticationError:
        raise OSError(0, "it does not accept the user or the password") from None
    except (aiosmtplib.SMTPException, OSError) as error:
        cause = error.__cause__
        words = in_words(cause) if isinstance(cause, (ssl.SSLError, OSError)) else _words(error)
        raise (TimeoutError if isinstance(error, TimeoutError) else OSError)(0, words) from None
    finally:
        asked.close()


def _words(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"it refuses ({error.code})"
    if isinstance(error, (aiosmtplib.SMTPTimeoutError, TimeoutError)):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLError):
        return in_words(error)
    return "it does not offer what SMTP_URL asks for" if "STARTTLS" in str(error) else "it ended the connection"
