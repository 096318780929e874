"""One sign-up is one trace, from its request over its statement to the job that it owes."""

import pytest
from tests.support.collector import Collector
from tests.support.serving import CLOCK, Serving

from gatewayz_auth.adapters.child_process import wait_until


@pytest.fixture(scope="module")
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory, collector):
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "RATE_LIMITS": "off"}
    serving = Serving(tmp_path_factory.mktemp("traced"), environ=environ).ready()
    yield serving
    serving.end()
    serving.process.stdout.close()


def test_a_sign_up_and_the_job_that_it_owes_are_one_trace(service, collector):
    issued = service.post("/dev/token", {"privy_user_id": "did:privy:newcomer"})
    service.post("/api/auth", {**issued, "referral_code": "ABCD2345"})

    def names_of_jobs_trace():
        by_trace = {}
        for _, span in collector.spans:
            by_trace.setdefault(span.trace_id, set()).add(span.name)
        return next((names for names in by_trace.values() if "job settle_referrals" in names), set())

    wanted = {"POST /api/auth", "parse", "verify", "database", "postgres sign_in", "redis read"}
    assert wait_until(lambda: wanted <= names_of_jobs_trace(), CLOCK, 20), [span.name for _, span in collector.spans]
    assert {service for service, _ in collector.spans} == {"gatewayz-auth", "gatewayz-auth-worker"}
    assert issued["token"].rsplit(".", 1)[1].encode() not in collector.raw
    assert b"newcomer" not in collector.raw
