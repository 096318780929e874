"""Whatever our own description allows or forbids, no answer is a 5xx and every answer is as described."""

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from tests.support.web_app import ADMIN_TOKEN, SimpleService, parts

from gatewayz_auth.web.app import create_app
from gatewayz_auth.web.body import BODY_LIMIT_BYTES

OPERATOR = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
)


async def figures():
    return b"up 1\n"


class AnyToken(SimpleService):
    """Every token proves whoever the body names, so that a body alone decides."""

    def prove(self, _request):
        return ()


faults = []
app = create_app(parts(AnyToken(), metrics=figures, fault=lambda *what: faults.append(what)))
schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=OPERATOR)


def is_too_large(response):
    """Whether it was refused for the length of its body alone, which no schema can tell."""
    if response.status_code != 413:
        return False
    assert len(response.request.body) > BODY_LIMIT_BYTES
    return True


@schema.parametrize()
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_5xx_and_every_answer_as_described(case):
    response = case.call(headers=OPERATOR)
    left_out = {negative_data_rejection} if is_too_large(response) else set()
    case.validate_response(response, checks=[check for check in CHECKS if check not in left_out])
    assert faults == []


@(schema.include(path="/api/auth").parametrize())
@settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_what_is_described_as_good_is_signed_in(case):
    if case.meta is None or case.meta.generation.mode.is_positive:
        response = case.call(headers=OPERATOR)
        if not is_too_large(response):
            case.validate_response(response, checks=(positive_data_acceptance,))
