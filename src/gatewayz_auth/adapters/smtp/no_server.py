"""Where there is no mail server: the log in development, and a refusal elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gatewayz_auth.domain.mail import Sent, Undeliverable

if TYPE_CHECKING:
    from gatewayz_auth.domain.mail import Letter, Outcome, OwedMail

WARNING = "No mail is sent: SMTP_URL and MAIL_FROM are not both set. What would be sent is marked as failed."


class LogMailer:
    """Writes mail to the log, for development; without the address, which stands in no log."""

    refusal: str | None = None

    def __init__(self) -> None:
        """Write through structlog, as configured."""
        self._log = structlog.get_logger()

    async def send(self, mail: OwedMail, letter: Letter, limit_s: float) -> Outcome:  # noqa: ARG002 - never waits
        """Write it."""
        self._log.info(
            "Mail, written here because there is no SMTP_URL",
            mail_id=str(mail.mail_id),
            user_id=mail.user_id,
            subject=letter.subject,
            text=letter.text,
        )
        return Sent()

    async def close(self) -> None:
        """Nothing to end."""


class NoMailer:
    """Refuses all mail, for a service that was told of no server; says so once, when it is made at the start."""

    refusal: str | None = "mail is off: SMTP_URL and MAIL_FROM are not both set"

    def __init__(self) -> None:
        """Warn."""
        structlog.get_logger().warning(WARNING)

    async def send(self, mail: OwedMail, letter: Letter, limit_s: float) -> Outcome:  # noqa: ARG002 - the port's
        """Refuse it."""
        return Undeliverable(str(self.refusal), is_told=True)

    async def close(self) -> None:
        """Nothing to end."""
