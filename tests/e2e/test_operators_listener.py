"""With OPS_LISTEN operators have a door of their own, and nothing of theirs is answered at the main one."""

import http.client
import json

import pytest
from tests.support.serving import CLOCK, Serving, free_port

from gatewayz_auth.adapters.child_process import wait_until

TOKEN = "the-token-of-the-operators-is-long-enough"


def ask(port, path, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    operators = free_port()
    environ = {"OPS_LISTEN": f"127.0.0.1:{operators}", "ADMIN_TOKEN": TOKEN}
    serving = Serving(tmp_path_factory.mktemp("served"), "--workers", "2", environ=environ).ready()
    serving.operators = operators
    yield serving
    serving.end()
    serving.process.stdout.close()


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json"])
def test_metrics_and_docs_are_shown_at_the_operators_door_alone(service, path):
    assert ask(service.operators, path)[0] == 200
    assert ask(service.port, path)[0] == 404
    assert ask(service.port, path, TOKEN)[0] == 404


def test_health_tells_details_at_the_operators_door_alone(service):
    assert json.loads(ask(service.operators, "/api/auth/health")[1])["checks"]
    assert json.loads(ask(service.port, "/api/auth/health")[1]).keys() == {"status"}


def test_administration_wants_the_token_at_the_operators_door_and_is_not_there_at_the_main_one(service):
    path = "/admin/users?privy_id=did:privy:nobody"
    assert ask(service.operators, path)[0] == 401
    assert ask(service.operators, path, TOKEN)[0] in {200, 404}
    assert ask(service.port, path, TOKEN)[0] == 404
    assert '"status":404' in ask(service.port, path, TOKEN)[1].replace(" ", "")


def test_figures_are_those_of_all_workers_whichever_answers(service):
    for number in range(12):
        service.sign_in(f"did:privy:person{number}")

    def counted():
        page = ask(service.operators, "/metrics")[1]
        lines = [line for line in page.splitlines() if "sign_in_duration_seconds_count" in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    assert wait_until(lambda: counted() == 12, CLOCK, 5)
    assert {counted() for _ in range(12)} == {12.0}


def test_a_port_that_both_would_share_is_refused_in_one_sentence(tmp_path):
    port = free_port()
    serving = Serving(tmp_path, port=port, environ={"OPS_LISTEN": f"127.0.0.1:{port}"})
    assert serving.outcome() == 1
    assert any("OPS_LISTEN needs a port of its own" in line for line in serving.lines)
    serving.process.stdout.close()
