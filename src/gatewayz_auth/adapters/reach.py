"""Reaches a neighbour step by step (name, TCP, TLS, ...), each with its own limit and its time, and never hangs."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.domain.errors import NotKnown, QueryTimeoutError
from gatewayz_auth.reliability.query_timeout import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gatewayz_auth.reliability.abandoned import Abandoned
    from gatewayz_auth.reliability.clock import Clock

T = TypeVar("T")

STEP_LIMIT_S = 2.5
"""How long one step may take; then it has failed."""

_BEFORE_TALK = {"name", "socket", "tcp"}
_lookups = BoundedThreads("doctor-name-lookup", 8)
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class Step:
    """One step to a neighbour: ``problem`` is empty where it was taken.

    ``is_silent``: the connection stood, and nobody answered on it.
    """

    name: str
    took_s: float
    problem: str = ""
    is_silent: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"name": self.name, "took_ms": round(self.took_s * 1e3, 2), "problem": self.problem or None}


def silence_at(step: Step, whom: str) -> str:
    """The title of a finding about ``whom``, who took the connection and said nothing more."""
    return f"{whom} does not answer: connected, then silent at the step {step.name!r} ({step.problem})"


SILENCE_DO = "It takes connections and answers nothing:"
"""What to do about somebody silent begins with this; nobody who was not refused is told to look at a password."""


class StepFailedError(Exception):
    """A step could not be taken; ``step`` says which and why."""

    def __init__(self, step: Step) -> None:
        super().__init__(f"{step.name}: {step.problem}")
        self.step = step


@dataclass(slots=True)
class Reach:
    """The way to one neighbour, as far as it was gone: its steps, the address used, when its certificate ends.

    ``version``, ``uptime_s`` and ``trip_s`` (the median of some round trips) are what it told, where it was asked.
    """

    neighbour: str
    clock: Clock
    abandoned: Abandoned
    step_limit_s: float = STEP_LIMIT_S
    steps: list[Step] = field(default_factory=list)
    address: str = ""
    certificate_ends_s: float | None = None
    is_tls: bool = False
    version: str = ""
    uptime_s: float | None = None
    trip_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """What is known of the neighbour and of the way to it, for JSON."""
        return {
            "version": self.version or None,
            "uptime_s": None if self.uptime_s is None else round(self.uptime_s),
            "latency_ms": None if self.trip_s is None else round(self.trip_s * 1e3, 2),
            "steps": [step.as_dict() for step in list(self.steps)],
        }

    @property
    def stopped_at(self) -> Step | None:
        """The step that was not taken; None where all were."""
        return next((step for step in list(self.steps) if step.problem), None)

    async def step(self, name: str, work: Callable[[], Awaitable[T]], limit_s: float | None = None) -> T:
        """What ``work`` answers; ``StepFailedError`` where it fails or takes longer than the limit."""
        began_s = self.clock.monotonic_s()
        problem, is_silent = "", False
        try:
            result = await guarded(
                work,
                limit_s=limit_s or self.step_limit_s,
                operation=name,
                neighbour=self.neighbour,
                clock=self.clock,
                abandoned=self.abandoned,
            )
        except QueryTimeoutError as error:
            problem, is_silent = f"no answer in {error.timeout_s:g} s", name not in _BEFORE_TALK
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is this step's failure
            problem, is_silent = in_words(error), isinstance(error, TimeoutError) and name not in _BEFORE_TALK
        finally:
            taken = Step(name, self.clock.monotonic_s() - began_s, problem, is_silent)
            self.steps.append(taken)
        if problem:
            raise StepFailedError(taken)
        return result

    async def host(self, host: str, port: int, *, talk: str = "", tls: ssl.SSLContext | None = None) -> None:
        """Look ``host`` up, connect, and shake hands where ``tls``; ``talk`` is how TLS is begun (``postgres``).

        A ``host`` that begins with ``/`` is a socket file.
        """
        if host.startswith("/"):
            await self.step("socket", lambda: self._touch_socket(host))
            return
        self.address = await self.step("name", lambda: self._looked_up(host, port))
        address = self.address
        await self.step("tcp", lambda: self._touch(address, port))
        if tls is not None:
            await self.step("tls", lambda: self._shaken(address, port, talk, tls, host))

    async def _looked_up(self, host: str, port: int) -> str:
        looking = _lookups.submit(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        infos = await asyncio.wrap_future(looking)
        return str(infos[0][4][0])

    async def _touch(self, address: str, port: int) -> None:
        _, writer = await asyncio.open_connection(address, port)
        writer.transport.abort()

    async def _touch_socket(self, path: str) -> None:
        _, writer = await asyncio.open_unix_connection(path)
        writer.transport.abort()

    async def _shaken(self, address: str, port: int, talk: str, tls: ssl.SSLContext, host: str) -> None:
        """Shake hands without believing anything, so that the end of a certificate is read even where it is past."""
        reader, writer = await asyncio.open_connection(address, port)
        try:
            if talk == "postgres":
                writer.write(_SSL_REQUEST)
                if await reader.readexactly(1) != b"S":
                    return
            await writer.start_tls(trusting(), server_hostname=host)
            self.is_tls = True
            self.note_certificate(writer.get_extra_info("ssl_object"))
        finally:
            writer.transport.abort()
        if tls.verify_mode != ssl.CERT_NONE:
            _, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=host)
            writer.transport.abort()

    def note_certificate(self, tls: Any) -> None:  # noqa: ANN401 - an SSLObject or none
        """Keep when the certificate of the other side ends."""
        raw = None if tls is None else tls.getpeercert(binary_form=True)
        if raw:
            from cryptography import x509  # noqa: PLC0415 - a third of a second that a way without TLS need not wait for

            with contextlib.suppress(ValueError):
                ends = x509.load_der_x509_certificate(raw).not_valid_after_utc
                self.certificate_ends_s = ends.astimezone(dt.UTC).timestamp()


def trusting() -> ssl.SSLContext:
    """A context that shakes hands with whomever; nothing is ever sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def in_words(error: Exception) -> str:
    """What ``error`` says, in words that hold no address, name or password."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS could be agreed on ({(error.reason or 'unknown').replace('_', ' ').lower()})"
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words
    if isinstance(error, NotKnown):
        return str(error)
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((socket.gaierror,), "its host name was not found"),
    ((ConnectionRefusedError, FileNotFoundError), "nothing listens there"),
    ((ConnectionError, asyncio.IncompleteReadError), "it ended the connection"),
)
