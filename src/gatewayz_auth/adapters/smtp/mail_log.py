"""What the post says of itself: a line and two figures for each try, and never an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gatewayz_auth.domain.mail import Deferred, Sent, Undeliverable

if TYPE_CHECKING:
    from gatewayz_auth.adapters.figures.figures import Figures
    from gatewayz_auth.domain.mail import Outcome, OwedMail

TASK = "mail"


class MailLog:
    """``service.mail.MailObserver``."""

    def __init__(self, figures: Figures | None = None) -> None:
        """Write through structlog, as configured, and add up in ``figures``."""
        self._figures = figures
        self._log = structlog.get_logger()

    def tried(self, mail: OwedMail, outcome: Outcome, took_s: float) -> None:
        """Say what became of one try."""
        facts = {
            "mail_id": str(mail.mail_id),
            "user_id": mail.user_id,
            "kind": mail.kind,
            "attempts": mail.attempts,
            "took_s": round(took_s, 3),
        }
        if isinstance(outcome, Sent):
            self._count("done", took_s)
            self._log.info("Mail sent", **facts)
        elif isinstance(outcome, Deferred):
            self._count("retried", took_s)
            self._log.warning("Mail not sent, tried again later", reason=outcome.reason, **facts)
        else:
            self._count("failed", took_s)
            if not (isinstance(outcome, Undeliverable) and outcome.is_told):
                self._log.error("Mail given up", reason=getattr(outcome, "reason", None), **facts)

    def _count(self, result: str, took_s: float) -> None:
        if self._figures is not None:
            self._figures.count("job_total", TASK, result)
            self._figures.observe("job_duration_seconds", took_s, TASK)
