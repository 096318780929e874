"""The founding document's checklist, judged from reports and settings: pure functions from facts to checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.documented import is_documented
from gatewayz_auth.domain.tuning import FAR_LOOKUP_S, FAR_S, MOST_BUDGET_S
from gatewayz_auth.service.findings import failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatewayz_auth.service.findings import Check

BACKUP_AGE_S = 86400.0
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_FEWEST_LETTERS = 10
_WHOLE_SUITE = ({"all"}, {"not alone", "alone"})


def timeouts(budget_s: float, lookup_s: float, trip_s: float | None) -> Check:
    """Whether the limits fit how far the database is."""
    title = "Timeouts fit the measured latency"
    if budget_s > MOST_BUDGET_S:
        return failed(
            "timeouts", title, f"AUTH_QUERY_TIMEOUT is {budget_s:g} s; callers give up at 30 s.",
            f"Set AUTH_QUERY_TIMEOUT to {MOST_BUDGET_S:g} or less: more does not help anybody.",
        )  # fmt: skip
    if trip_s is None:
        return unknown("timeouts", title, "The database was not reached, so nothing was measured.", _REACH)
    low_s, high_s = FAR_LOOKUP_S
    if trip_s > FAR_S and lookup_s < low_s:
        return failed(
            "timeouts", title, f"A round trip takes {trip_s * 1e3:.0f} ms; USER_LOOKUP_TIMEOUT is {lookup_s:g} s.",
            f"Set USER_LOOKUP_TIMEOUT to {low_s:g} to {high_s:g} s, or move the service near the database.",
        )  # fmt: skip
    return passed("timeouts", title, f"A round trip takes {trip_s * 1e3:.1f} ms.")


_REACH = "See to the database first: gatewayz-auth doctor"


def is_of(commit: str, reported: object) -> bool:
    """Whether a report of ``reported`` is of the build ``commit``; either may be cut short, neither unknown."""
    text = str(reported)
    if not (_COMMIT.fullmatch(text) and _COMMIT.fullmatch(commit)):
        return False
    return text.startswith(commit) or commit.startswith(text)


def tests(report: Mapping[str, Any] | None, commit: str) -> Check:
    """Whether the whole suite passed for this build."""
    title, do = "Tests passed for this build", "Run: make test"
    if report is None:
        return unknown("tests", title, "There is no reports/tests.json.", do)
    if not is_of(commit, report.get("commit")):
        return unknown("tests", title, f"The report is of another build than {commit}.", do)
    parts: Mapping[str, Mapping[str, Any]] = report.get("parts") or {}
    bad = sum(int(part.get("failed", 0)) + int(part.get("error", 0)) for part in parts.values())
    if bad or any(part.get("exit_code") for part in parts.values()):
        return failed("tests", title, f"{bad} failed.", "Look at what failed: make test")
    if not any(whole <= set(parts) for whole in _WHOLE_SUITE):
        return unknown("tests", title, "The suite was not run to its end.", do)
    if report.get("is_changed"):
        return unknown("tests", title, "Files had been changed since the commit.", f"Commit, then {do.lower()}")
    return passed("tests", title, f"{sum(int(part.get('passed', 0)) for part in parts.values())} passed.")


def load_test(reports: Iterable[Mapping[str, Any]], commit: str) -> Check:
    """Whether a load test was done for this build."""
    title, do = "A load test was done for this build", "Run: make load"
    found = [report for report in reports if is_of(commit, report.get("commit"))]
    if not found:
        return unknown("load-test", title, f"No reports/load*.json is of {commit}.", do)
    if any(str(report.get("verdict", "")).lower() in {"fail", "failed", "worse"} for report in found):
        return failed("load-test", title, "Its verdict is that this build is worse.", "Look at the report; then " + do)
    said = [report for report in found if report.get("verdict") != "unknown"]
    if not said:
        return unknown("load-test", title, str(found[-1].get("why") or "Its report says nothing."), do)
    if all(report.get("is_changed") for report in said):
        return unknown("load-test", title, "Files had been changed since the commit.", f"Commit, then {do.lower()}")
    return passed("load-test", title, f"{len(said)} report(s) of this build.")


def secrets(api_keys: Sequence[str], admin_token: str | None, development: Sequence[str]) -> Check:
    """Whether the secrets are long, not of development, and not one letter again and again."""
    title = "Secrets are long enough and not those of development"
    do = "Set them to the output of: openssl rand -base64 36"
    if not api_keys:
        return failed("secrets", title, "API_KEY_SECRET is not set.", do)
    named = [("API_KEY_SECRET", secret) for secret in api_keys]
    named += [("ADMIN_TOKEN", admin_token)] if admin_token else []
    for name, secret in named:
        if secret in development:
            return failed("secrets", title, f"{name} is the one that development made for itself.", do)
        if is_documented(secret):
            return failed("secrets", title, f"{name} is the example of the documentation, which everybody knows.", do)
        if len(set(secret)) < _FEWEST_LETTERS:
            return failed("secrets", title, f"{name} has fewer than {_FEWEST_LETTERS} different characters.", do)
    return passed("secrets", title, f"{len(named)} looked at.")


def doors(rows: Sequence[Mapping[str, Any]] | None) -> Check:
    """Whether row security is on everywhere and strangers may do nothing."""
    title = "Grants and row security are as they must be"
    if rows is None:
        return unknown("grants", title, "The database was not asked.", _REACH)
    if not rows:
        return passed("grants", title, "Row security is on, and strangers may do nothing.")
    said = "; ".join(
        f"{row['what']} has no row security" if row["kind"] == "row security" else str(row["what"]) for row in rows[:3]
    )
    more = f"; and {len(rows) - 3} more" if len(rows) > 3 else ""  # noqa: PLR2004 - three are told
    return failed("grants", title, f"{said}{more}.", "Run: gatewayz-auth migrate (it closes every door again)")


def schema(version: int | None, newest: int, irreversible: Sequence[str]) -> Check:
    """Whether the database is at this build's schema, and every step can be taken back."""
    title = "Migrations are done and can be taken back"
    if irreversible:
        return failed("migrations", title, f"{', '.join(irreversible)} cannot be taken back.", "Write its down file.")
    if version is None:
        return unknown("migrations", title, "The database was not asked, or has no schema.", "gatewayz-auth migrate")
    if version < newest:
        return failed("migrations", title, f"The schema is at {version} of {newest}.", "Run: gatewayz-auth migrate")
    return passed("migrations", title, f"The schema is at {version}; each step has its way back.")


def backup(row: Mapping[str, Any] | None, command_code: int | None) -> Check:
    """Whether there is a backup of late: by a named command, else by the server's archiver."""
    title = "There is a backup of the last day"
    do = "Name a command that ends with 0 where there is one: --backup-command"
    if command_code is not None:
        if command_code == 0:
            return passed("backup", title, "The named command says so.")
        return failed("backup", title, f"The named command ended with {command_code}.", "Make one, and look why.")
    if not row:
        return unknown("backup", title, "The database was not asked.", do)
    if not row["is_on"]:
        return unknown("backup", title, "The server does not archive its log, so it cannot tell.", do)
    archived_s, failed_s = row["archived_s"], row["failed_s"]
    if archived_s is None or archived_s > BACKUP_AGE_S or (failed_s is not None and failed_s < archived_s):
        when = "never" if archived_s is None else f"{archived_s / 3600:.1f} hours ago"
        return failed("backup", title, f"The log was archived last: {when}.", "Look at archive_command and its disk.")
    return passed("backup", title, f"The log was archived {archived_s / 60:.0f} minutes ago.")
