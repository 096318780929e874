"""A collector that is frozen or gone costs whoever is traced nothing but the spans."""

import asyncio

import pytest
from tests.support.collector import Collector, FrozenCollector
from tests.support.serving import free_port

from gatewayz_auth.adapters.tracing import MAX_WAITING_SPANS, Tracing
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.facts import CallEnded, CallOutcome
from gatewayz_auth.reliability.trace_context import TRACEPARENT
from gatewayz_auth.service.sign_in_report import SignInReport

CLOCK = SystemClock()
CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REPORT = SignInReport(
    "id-1", 200, "ok", "database", "ok", None, 0.01, (("parse", 0.001), ("verify", 0.002)), 7, 0, "did:privy:marked"
)


def ask(tracing, *, traceparent=None, times=1):
    """Answer so many sign-ins under ``tracing``; the trace that each saw itself in."""
    seen = []

    async def app(scope, receive, send):
        seen.append(TRACEPARENT.get())
        tracing.hear(CallEnded("postgres", "sign_in", CallOutcome.OK, 0.004, 5.0))
        tracing.report(REPORT)

    async def all_of_them():
        headers = [(b"traceparent", traceparent.encode())] if traceparent else []
        for _ in range(times):
            await tracing.around(app)({"type": "http", "path": "/api/auth", "method": "POST", "headers": headers}, 0, 0)

    asyncio.run(all_of_them())
    assert TRACEPARENT.get() is None
    return seen


@pytest.mark.parametrize("kind", ["frozen", "gone"])
def test_a_collector_that_is_frozen_or_gone_costs_nobody_anything(kind):
    frozen = FrozenCollector()
    tracing = Tracing(frozen.url if kind == "frozen" else f"http://127.0.0.1:{free_port()}", CLOCK)
    times = MAX_WAITING_SPANS // 2  # each makes four spans: more than fit
    began_s = CLOCK.monotonic_s()
    ask(tracing, times=times)
    assert (CLOCK.monotonic_s() - began_s) / times < 0.005
    began_s = CLOCK.monotonic_s()
    tracing.close(0.3)
    assert CLOCK.monotonic_s() - began_s < 1.0
    frozen.close()


def test_a_trace_that_the_caller_began_is_carried_on_and_names_nobody():
    collector = Collector()
    tracing = Tracing(collector.url, CLOCK)
    (seen,) = ask(tracing, traceparent=CALLERS)
    tracing.close(5.0)
    collector.close()
    assert seen.split("-")[1] == CALLERS.split("-")[1]
    spans = {span.name: span for _, span in collector.spans}
    assert spans.keys() == {"POST /api/auth", "parse", "verify", "postgres sign_in"}
    request = spans["POST /api/auth"]
    assert {span.trace_id.hex() for span in spans.values()} == {CALLERS.split("-")[1]}
    assert request.parent_span_id.hex() == CALLERS.split("-")[2]
    assert {span.parent_span_id for name, span in spans.items() if span is not request} == {request.span_id}
    assert b"did:privy" not in collector.raw


@pytest.mark.parametrize(
    "nonsense", ["", "00-zz", "x" * 5000, CALLERS + "-more", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"]
)
def test_nonsense_that_a_caller_sends_begins_a_trace_of_our_own(nonsense):
    collector = Collector()
    tracing = Tracing(collector.url, CLOCK)
    (seen,) = ask(tracing, traceparent=nonsense)
    tracing.close(5.0)
    collector.close()
    assert seen is not None
    assert "0" * 32 not in seen


def test_a_job_stands_in_the_trace_of_whoever_owed_it():
    collector = Collector()
    tracing = Tracing(collector.url, CLOCK)
    with tracing.job("settle_referrals", CALLERS):
        pass
    tracing.close(5.0)
    collector.close()
    ((_, span),) = collector.spans
    assert (span.name, span.trace_id.hex()) == ("job settle_referrals", CALLERS.split("-")[1])
