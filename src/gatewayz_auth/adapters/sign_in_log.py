"""The lines of a sign-in: the contract's words (section 6), one line for each answer."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

import orjson
import structlog

if TYPE_CHECKING:
    from gatewayz_auth.adapters.logs import Logs
    from gatewayz_auth.service.sign_in_report import SignInReport

INFO = logging.INFO


class SignInLog:
    """Writes what the sign-in says of itself; the line of an answer costs some three microseconds."""

    def __init__(self, logs: Logs) -> None:
        """Write to ``logs``."""
        self._logs = logs
        self._is_info = logs.level <= INFO
        self._log = structlog.get_logger()
        self._stamp_s = 0
        self._stamp = b""

    def answered(self, report: SignInReport, utc_now_s: float) -> None:
        """One line for one answer: who (by Privy id), from where, how old, and where the time went."""
        if not self._is_info:
            return
        if not self._logs.is_json:
            self._log.info(_message(report), **_fields(report))
            return
        second = int(utc_now_s)
        if second != self._stamp_s:
            self._stamp_s = second
            self._stamp = dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        phases = b",".join([b'"%b_ms":%.2f' % (name.encode(), s * 1e3) for name, s in report.phases_s])
        self._logs.writer.write(
            b'{"timestamp":"%b","level":"info","message":%b,"request_id":"%b","status":%d,"outcome":"%b","source":"%b",'
            b'"code":"%b","reason":%b,"user_id":%b,"age_s":%d,"duration_ms":%.2f,%b}'
            % (
                self._stamp,
                orjson.dumps(_message(report)),
                report.request_id.encode(),
                report.status,
                report.outcome.encode(),
                report.source.encode(),
                report.code.encode(),
                b"null" if report.reason is None else orjson.dumps(report.reason),
                b"null" if report.user_id is None else b"%d" % report.user_id,
                report.age_s,
                report.duration_s * 1e3,
                phases,
            )
        )

    def cache_asked(self, tier: str, result: str) -> None:
        """Say nothing: counted, not written."""

    def username_found(self, username: str) -> None:
        """Say that a look-up by username was answered from what is remembered."""
        self._log.info(f"Cache hit for username: {username}")

    def database_asked(self) -> None:
        """Say that nothing fresh was remembered."""
        if self._is_info:
            self._log.info("Cache miss for Privy ID, querying database...")

    def lookup_timed_out(self, limit_s: float) -> None:
        """Say which limit passed."""
        self._log.warning(f"Privy ID lookup timed out: timeout exceeded {round(limit_s, 3):g}s")


def _message(report: SignInReport) -> str:
    if report.source == "cache":
        return f"Cache hit for Privy ID: {report.privy_user_id}"
    if report.source == "last-known-good":
        return f"Last known good for Privy ID: {report.privy_user_id}"
    if report.outcome == "ok":
        return f"Signed in Privy ID: {report.privy_user_id}"
    return f"Sign-in not answered with a key: {report.code}"


def _fields(report: SignInReport) -> dict[str, object]:
    return {
        "request_id": report.request_id,
        "status": report.status,
        "outcome": report.outcome,
        "source": report.source,
        "reason": report.reason,
        "duration_ms": round(report.duration_s * 1e3, 2),
    }
