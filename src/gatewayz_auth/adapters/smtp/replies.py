"""What a mail server's refusal means, in words that name nobody: its own often repeat the address."""

from __future__ import annotations

import re
import ssl

import aiosmtplib

from gatewayz_auth.domain.mail import Deferred, Undeliverable

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
_PERMANENT = 500
_CLOSING = 421
_WANTS_CREDENTIALS = frozenset((530, 534, 535, 538))
"""Said at any step: it is our configuration, which nobody's mail is to be lost for."""

_STEPS_OF_ONE_MAIL = {
    aiosmtplib.SMTPSenderRefused: "sender",
    aiosmtplib.SMTPRecipientRefused: "recipient",
    aiosmtplib.SMTPDataError: "message",
}


def _said(code: int, message: str, where: str) -> str:
    enhanced = _ENHANCED.match(message)
    return f"{code}{' ' + enhanced[0] if enhanced else ''} at {where}"


def _judged(code: int, message: str, where: str) -> Deferred | Undeliverable:
    reason = _said(code, message, where)
    if code in _WANTS_CREDENTIALS or code == _CLOSING:
        return Deferred(reason, is_of_server=True)
    if code >= _PERMANENT:
        return Undeliverable(reason)
    return Deferred(reason, is_of_server=False)


def outcome_of(error: Exception) -> Deferred | Undeliverable:
    """What ``error`` of a hand-over means: 5xx to this mail is for good, everything else is tried again."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        step = next((step for kind, step in _STEPS_OF_ONE_MAIL.items() if isinstance(error, kind)), None)
        if step is not None:
            return _judged(error.code, error.message, step)
        step = "credentials" if isinstance(error, aiosmtplib.SMTPAuthenticationError) else "greeting"
        return Deferred(_said(error.code, error.message, step), is_of_server=True)
    if isinstance(error, aiosmtplib.SMTPNotSupported) and "SMTPUTF8" in str(error):
        return Undeliverable("the server takes no address of such letters")
    return Deferred(_in_words(error), is_of_server=True)


def _in_words(error: Exception) -> str:
    cause = error.__cause__ or error.__context__ or error
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return "its certificate or its TLS is not accepted"
    if isinstance(error, aiosmtplib.SMTPServerDisconnected | ConnectionResetError | BrokenPipeError):
        return "it ended the connection"
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return "it did not answer in time"
    if isinstance(error, aiosmtplib.SMTPConnectError | OSError):
        return "it cannot be reached"
    if isinstance(error, aiosmtplib.SMTPNotSupported) or "STARTTLS" in str(error).upper():
        return "it offers no TLS or takes no credentials"
    return f"it is not understood ({type(error).__name__})"
