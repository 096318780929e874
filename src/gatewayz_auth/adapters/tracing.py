"""Traces by OpenTelemetry; imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set.

Spans wait in a bounded queue and are sent by a thread of their own: an endpoint that is frozen or gone costs nobody
anything but the spans. Nothing of a person is in any: outcome, source and the request's id alone.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gatewayz_auth import __version__
from gatewayz_auth.adapters.threads import BoundedThreads
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.reliability.facts import CallEnded, CallOutcome
from gatewayz_auth.reliability.trace_context import TRACEPARENT, is_traceparent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping
    from typing import Any

    from opentelemetry.trace import Span

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.facts import Fact
    from gatewayz_auth.service.sign_in_report import SignInReport

    Message = MutableMapping[str, Any]
    App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

MAX_WAITING_SPANS = 4096
SEND_EVERY_MS = 1000
SEND_LIMIT_S = 2.0
_SIGN_IN = frozenset(("/api/auth", "/auth"))
_GOOD = frozenset((CallOutcome.OK, CallOutcome.CALLER_LEFT))
_FAULT = 500
_NS = 1_000_000_000


class Tracing:
    """Makes spans of requests, their phases, calls to neighbours and jobs, and sends them to ``endpoint``."""

    def __init__(self, endpoint: str, clock: Clock, service: str = "gatewayz-auth") -> None:
        """Start the sending thread; nothing is waited for."""
        self._clock = clock
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # two lines a second while the endpoint is away
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_LIMIT_S)
        self._processor = BatchSpanProcessor(
            exporter, max_queue_size=MAX_WAITING_SPANS, schedule_delay_millis=SEND_EVERY_MS
        )
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service, "service.version": __version__}),
            span_limits=SpanLimits(max_attributes=16),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("gatewayz_auth")
        self._propagator = TraceContextTextMapPropagator()
        self._closing = BoundedThreads("traces", 1)

    def around(self, app: App) -> App:
        """``app`` with a span around each sign-in; a ``traceparent`` of the caller's is carried on."""

        async def traced(
            scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
        ) -> None:
            if scope["type"] != "http" or scope["path"] not in _SIGN_IN:
                await app(scope, receive, send)
                return
            sent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
            with self._span(f"{scope['method']} /api/auth", sent, SpanKind.SERVER):
                await app(scope, receive, send)

        return traced

    @contextlib.contextmanager
    def job(self, task: str, traceparent: str | None) -> Iterator[None]:
        """A span around one job, in the trace of whoever owed it."""
        with self._span(f"job {task}", traceparent, SpanKind.CONSUMER):
            yield

    @contextlib.contextmanager
    def _span(self, name: str, traceparent: str | None, kind: SpanKind) -> Iterator[Span]:
        parent = otel_context.Context()
        if traceparent is not None and is_traceparent(traceparent):
            parent = self._propagator.extract({"traceparent": traceparent}, parent)
        span = self._tracer.start_span(name, parent, kind)
        attached = otel_context.attach(trace.set_span_in_context(span, parent))
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        token = TRACEPARENT.set(carrier.get("traceparent"))
        try:
            yield span
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            TRACEPARENT.reset(token)
            otel_context.detach(attached)
            span.end()

    def hear(self, fact: Fact) -> None:
        """A call to a neighbour has ended: its span, in the trace of whoever waited for it first."""
        if isinstance(fact, CallEnded) and trace.get_current_span().is_recording():
            end_s = self._clock.utc_now_s()
            span = self._child(f"{fact.neighbour} {fact.operation}", end_s - fact.waited_s, SpanKind.CLIENT)
            span.set_attribute("outcome", fact.outcome.value)
            if fact.outcome not in _GOOD:
                span.set_status(Status(StatusCode.ERROR, fact.outcome.value))
            span.end(int(end_s * _NS))

    def report(self, report: SignInReport) -> None:
        """A sign-in was answered: its phases as spans, and what became of it."""
        span = trace.get_current_span()
        if not span.is_recording():
            return
        span.set_attributes(
            {
                "http.response.status_code": report.status,
                "outcome": report.outcome,
                "source": report.source,
                "code": report.code,
                "request_id": report.request_id,
            }
        )
        if report.status >= _FAULT:
            span.set_status(Status(StatusCode.ERROR, report.code))
        at_s = self._clock.utc_now_s() - report.duration_s
        for name, length_s in report.phases_s:
            self._child(name, at_s).end(int((at_s + length_s) * _NS))
            at_s += length_s

    def _child(self, name: str, at_s: float, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        return self._tracer.start_span(name, kind=kind, start_time=int(at_s * _NS))

    def close(self, limit_s: float) -> None:
        """Send what waits, for ``limit_s`` seconds at most, whatever the endpoint does."""
        with contextlib.suppress(NotKnown):
            self._closing.run(self._provider.shutdown, limit_s, "send the last spans")
