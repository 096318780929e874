"""Whatever is sent to the referral routes, every answer is as described and none is a 5xx."""

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from tests.support.referral_side import routes
from tests.support.web_app import ADMIN_TOKEN, parts

from gatewayz_auth.web.app import create_app

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
)
app = create_app(parts(extra_routers=(routes(),)))
schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})


@(schema.include(path_regex="^/api/referral/").parametrize())
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_with_a_key_and_without_is_as_described(case):
    case.call_and_validate(headers={"Authorization": "Bearer good"}, checks=CHECKS)
    case.call_and_validate(headers={"Authorization": "Bearer junk"}, checks=CHECKS[:3] + CHECKS[4:])
