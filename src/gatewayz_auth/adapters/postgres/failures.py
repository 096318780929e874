"""The driver's errors, in the words of the closed tree; what they print may name people and never gets out."""

from __future__ import annotations

import psycopg

from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown, QueryTimeoutError

NEIGHBOUR = "postgres"

DRIVER_ERRORS = (psycopg.Error, OSError)
"""What the driver and the socket below it raise."""

_TIMEOUTS = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors._WaitTimeout,  # noqa: SLF001 - what BoundedConnection raises at its limit
)

_WORDS = {
    "08": "the connection failed",
    "25": "it takes no writes",
    "28": "it does not let us in",
    "3D": "there is no such database",
    "40": "it gave the transaction up",
    "42": "its schema is not ours: run `gatewayz-auth migrate`",
    "53": "it is out of connections, memory or disk",
    "57": "it is shutting down",
    "58": "it has a fault of its own",
    "XX": "its data is damaged",
}

_OF_ONE_STATEMENT = {"22", "23", "40", "42", "54"}
"""What a statement may run into on its own: it is not known what it asked, and nothing is said of the neighbour."""

_CONNECT_WORDS = {
    "timeout expired": "it did not answer in time while connecting",
    "connection refused": "nothing listens there",
    "no such file": "nothing listens there",
    "password authentication failed": "it does not accept the user or the password",
    "no pg_hba.conf entry": "it does not let this user in from here",
    "too many": "it has too many connections",
    "remaining connection slots": "it has too many connections",
    "starting up": "it is starting up",
    "shutting down": "it is shutting down",
    "does not exist": "there is no such database or user",
    "resolve host": "its host name was not found",
    "translate host": "its host name was not found",
    "name or service": "its host name was not found",
    "certificate": "its certificate is not accepted",
}
"""What libpq says while connecting comes without a code, and may name hosts and people: only these words get out."""


def _without_code(error: Exception) -> str:
    said = str(error).lower()
    return next((words for sign, words in _CONNECT_WORDS.items() if sign in said), "the connection failed")


def in_our_words(error: Exception, operation: str, limit_s: float) -> NotKnown:
    """The error of the tree that ``error`` of psycopg or its pool amounts to; never "not found"."""
    if isinstance(error, NotKnown):
        return error
    if isinstance(error, _TIMEOUTS):
        return QueryTimeoutError(f"timeout exceeded {round(limit_s, 3):g}s", operation=operation, timeout_s=limit_s)
    sqlstate = error.sqlstate if isinstance(error, psycopg.Error) else None
    words = _without_code(error) if sqlstate is None else _WORDS.get(sqlstate[:2], "it refused")
    if sqlstate is not None and sqlstate[:2] in _OF_ONE_STATEMENT:
        return NotKnown(f"{NEIGHBOUR}: {words} ({sqlstate})")
    return NeighbourUnavailable(NEIGHBOUR, f"{words} ({sqlstate or type(error).__name__})")
