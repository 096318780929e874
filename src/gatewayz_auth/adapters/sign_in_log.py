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

_PHASES = 3
_LINE = (
    '{"timestamp":"%s","level":"info","message":%s,"request_id":"%s","status":%d,"outcome":"%s","source":"%s",'
    '"code":"%s","reason":%s,"user_id":%s,"age_s":%d,"duration_ms":%.2f,%s}'
)
_CACHED = (
    '{"timestamp":"%s","level":"info","message":"Cache hit for Privy ID: %s","request_id":"%s","status":200,'
    '"outcome":"ok","source":"cache","code":"ok","reason":null,"user_id":%d,"age_s":%d,"duration_ms":%.2f,'
    '"parse_ms":%.2f,"verify_ms":%.2f,"cache_ms":%.2f}'
)
"""``_LINE`` of an answer from the cache: its Privy id is proven and so of plain letters alone."""


class SignInLog:
    """Writes what the sign-in says of itself; the line of an answer is put together where it is written."""

    def __init__(self, logs: Logs) -> None:
        """Write to ``logs``."""
        self._logs = logs
        self.follow()
        self._is_json = logs.is_json
        self._write_later = logs.writer.write_later
        self._log = structlog.get_logger()
        self._stamp_s = 0
        self._stamp = ""

    def follow(self) -> None:
        """Hear that the least severe line to be written may be another now."""
        self._is_info = self._logs.least <= INFO

    def answered(self, report: SignInReport, utc_now_s: float) -> None:
        """One line for one answer: who (by Privy id), from where, how old, and where the time went."""
        if not self._is_info:
            return
        if not self._is_json:
            self._log.info(_message(report), **_fields(report))
            return
        self._write_later(self._line, report, utc_now_s)

    def _line(self, report: SignInReport, utc_now_s: float) -> bytes:
        second = int(utc_now_s)
        if second != self._stamp_s:
            self._stamp_s = second
            self._stamp = dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        request_id, status, outcome, source, code, reason, duration_s, phases_s, user_id, age_s, privy_id = report
        if source == "cache" and len(phases_s) == _PHASES:  # what is usual: nothing in it needs JSON's escapes
            (_, parse_s), (_, verify_s), (_, cache_s) = phases_s
            return (
                _CACHED
                % (
                    self._stamp,
                    privy_id,
                    request_id,
                    user_id,
                    age_s,
                    duration_s * 1e3,
                    parse_s * 1e3,
                    verify_s * 1e3,
                    cache_s * 1e3,
                )
            ).encode()
        return (
            _LINE
            % (
                self._stamp,
                orjson.dumps(_message(report)).decode(),
                request_id,
                status,
                outcome,
                source,
                code,
                "null" if reason is None else orjson.dumps(reason).decode(),
                "null" if user_id is None else user_id,
                age_s,
                duration_s * 1e3,
                ",".join([f'"{name}_ms":{length_s * 1e3:.2f}' for name, length_s in phases_s]),
            )
        ).encode()

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
