"""What the doctor found and what preflight checked: a finding says what, why it matters, and what to do."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(enum.StrEnum):
    """How much a finding matters for sign-ins; the first is the worst."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"


class Result(enum.StrEnum):
    """How an item of the checklist came out; ``UNKNOWN``: nobody could tell."""

    PASS = "pass"  # noqa: S105 - a word of the contract
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """``detail`` says what was seen and why it matters for sign-ins, ``do`` what to do; none holds a secret or a name.

    ``id`` is stable, for programs.
    """

    id: str
    severity: Severity
    title: str
    detail: str
    do: str

    def as_dict(self) -> dict[str, str]:
        """The same for JSON."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Check:
    """One item of the checklist; ``do`` is empty where it passed."""

    id: str
    result: Result
    title: str
    detail: str
    do: str = ""

    def as_dict(self) -> dict[str, str]:
        """The same for JSON."""
        return {name: str(value) for name, value in asdict(self).items()}


def critical(finding_id: str, title: str, detail: str, do: str) -> Finding:
    """Sign-ins fail or are about to."""
    return Finding(finding_id, Severity.CRITICAL, title, detail, do)


def warning(finding_id: str, title: str, detail: str, do: str) -> Finding:
    """Sign-ins are slower or less sure than they should be."""
    return Finding(finding_id, Severity.WARNING, title, detail, do)


def notice(finding_id: str, title: str, detail: str, do: str) -> Finding:
    """Nothing is wrong with sign-ins; it is worth knowing."""
    return Finding(finding_id, Severity.NOTICE, title, detail, do)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; among equals in the order they came."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def passed(check_id: str, title: str, detail: str) -> Check:
    """It is as it must be."""
    return Check(check_id, Result.PASS, title, detail)


def failed(check_id: str, title: str, detail: str, do: str) -> Check:
    """It is not as it must be."""
    return Check(check_id, Result.FAIL, title, detail, do)


def unknown(check_id: str, title: str, detail: str, do: str) -> Check:
    """Nobody can tell from here."""
    return Check(check_id, Result.UNKNOWN, title, detail, do)
