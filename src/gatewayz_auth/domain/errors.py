"""The closed tree of everything that can go wrong.

::

    GatewayzAuthError
    ├── Refused                      the caller's doing; the same call will be refused again
    │   ├── RequestNotUnderstood     not_json, or fields that are missing or wrong
    │   ├── TokenNotAccepted         the proof does not hold
    │   ├── SubjectMismatch          a good proof, of somebody else
    │   ├── ApiKeyNotAccepted        no API key, junk, one that was never made or that was revoked
    │   ├── AccountDisabled          known, and not let in
    │   ├── SignupsClosed            a newcomer where newcomers are not taken
    │   └── RateLimited              asked too often
    ├── NotKnown                     our doing; the answer exists, we could not learn it in time
    │   ├── QueryTimeoutError        a neighbour did not answer within the limit
    │   ├── NeighbourUnavailable     a neighbour refused, reset, or its circuit breaker is open
    │   ├── Overloaded               no room that would lead to an answer in time
    │   ├── DeadlineExceeded         the whole request's budget is used up
    │   └── KeyNotOpened             a stored API key that this keyring cannot vouch for
    └── OperatorError                what a person who runs this must put right
        ├── SettingsError            settings that are missing, wrong or contradictory
        └── StartupError             the service cannot start as it stands

Each class has a stable ``code``. ``web.problems`` maps codes to HTTP; nothing else does.
"Not found" is no error: only the database says it, as a value.
"""

from __future__ import annotations

from dataclasses import dataclass


class GatewayzAuthError(Exception):
    """Root of the tree; ``str(error)`` is for operators and never holds a secret or personal data."""

    code = "error"


class Refused(GatewayzAuthError):  # noqa: N818 - a verdict, not a malfunction
    """The caller's doing: the same call will be refused again."""

    code = "refused"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of a request: ``pointer`` is an RFC 6901 JSON pointer into the body, ``detail`` says what to send."""

    pointer: str
    detail: str


class RequestNotUnderstood(Refused):
    """The body is not JSON (``errors`` is empty), or names each field that is missing or wrong."""

    code = "request_not_understood"

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        """Keep ``detail`` and ``errors`` for the answer."""
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class TokenNotAccepted(Refused):
    """A token is missing or does not verify; ``reason`` is a bounded word for metrics and never reaches a caller."""

    code = "token_not_accepted"

    def __init__(self, reason: str) -> None:
        """Keep ``reason``, one of the words of ``adapters.privy.tokens.REASONS``."""
        super().__init__(f"token not accepted: {reason}")
        self.reason = reason


class SubjectMismatch(Refused):
    """The token is good and proves somebody other than ``user.id``."""

    code = "subject_mismatch"


class ApiKeyNotAccepted(Refused):
    """An API key is missing, is junk, was never made or was revoked; which of these is said to nobody."""

    code = "api_key_not_accepted"


class AccountDisabled(Refused):
    """The account exists and an operator has disabled it."""

    code = "account_disabled"


class SignupsClosed(Refused):
    """Nobody of this identity exists, and newcomers are not taken (setting ``SIGNUPS``)."""

    code = "signups_closed"


class RateLimited(Refused):
    """Asked too often; ``retry_after_s`` whole seconds from now it will be heard again."""

    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        """Keep ``retry_after_s``, whole seconds, one or more."""
        super().__init__("rate limited")
        self.retry_after_s = retry_after_s


class NotKnown(GatewayzAuthError):  # noqa: N818 - a state of knowledge
    """The answer could not be learnt in time; it is never guessed and never taken for "not found"."""

    code = "not_known"


class QueryTimeoutError(NotKnown):
    """A call was given up at its limit: ``operation`` ran against ``timeout_s`` seconds."""

    code = "query_timeout"

    def __init__(self, message: str, *, operation: str = "database operation", timeout_s: float = 0.0) -> None:
        """Keep ``operation`` and the limit that applied, in seconds."""
        super().__init__(message)
        self.operation = operation
        self.timeout_s = timeout_s


class NeighbourUnavailable(NotKnown):
    """``neighbour`` (``postgres``, ``redis``, ``privy``) refused, reset, or is not being asked at present."""

    code = "neighbour_unavailable"

    def __init__(self, neighbour: str, detail: str) -> None:
        """Keep which neighbour; ``detail`` holds no secret."""
        super().__init__(f"{neighbour}: {detail}")
        self.neighbour = neighbour


class Overloaded(NotKnown):
    """Waiting would not have led to an answer within the deadline, so the caller was told at once."""

    code = "overloaded"


class DeadlineExceeded(NotKnown):
    """The request's whole budget is used up."""

    code = "deadline_exceeded"


class KeyNotOpened(NotKnown):
    """The sealed copy of the API key ``key_id`` was altered, moved or is foreign; the key is not given out."""

    code = "key_not_opened"

    def __init__(self, key_id: object, why: str) -> None:
        """Name the row by its id alone; ``why`` holds no secret."""
        super().__init__(f"API key {key_id} does not open: {why}")
        self.key_id = key_id


class OperatorError(GatewayzAuthError):
    """What a person who runs this must put right; the message says what to do next."""

    code = "operator_error"


class SettingsError(OperatorError):
    """Settings that are missing, wrong or contradictory; the message names every one of them."""

    code = "settings"

    def __init__(self, faults: list[str]) -> None:
        """Join all ``faults`` into one message, a line each."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class StartupError(OperatorError):
    """The service cannot start as it stands: a taken port, a folder it may not write, a database it does not know."""

    code = "startup"
