"""What callers of the other routes may rely on."""

import asyncio
import json

import pytest
from fastapi import APIRouter, Depends
from tests.support.web_app import ADMIN_TOKEN, call, parts
from tests.support.withheld import Stopwatch

from gatewayz_auth.domain import errors
from gatewayz_auth.web.access import Listener, OpsRules, require_admin
from gatewayz_auth.web.app import create_app

STRANGER = ("203.0.113.9", 40000)
SHOWS_TOKEN = {"authorization": f"Bearer {ADMIN_TOKEN}"}
FORWARDED = {"x-forwarded-for": "198.51.100.7"}
LOOKS = ("/metrics", "/docs", "/openapi.json", "/docs/assets/swagger-ui.css", "/docs/assets/start.js")


async def figures():
    return b"up 1\n"


def app(**changes):
    return create_app(parts(**({"metrics": figures} | changes)))


def healthy(status="degraded"):
    async def health():
        return {"status": status, "checks": {"database": {"status": "unhealthy"}}}

    return health


def test_liveness_touches_nothing():
    async def hangs():
        await asyncio.Event().wait()

    response = call(app(health=hangs, is_ready=lambda: 1 / 0), "GET", "/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.parametrize(("is_ready", "status"), [(True, 200), (False, 503)])
def test_readiness_is_a_matter_of_status(is_ready, status):
    assert call(app(is_ready=lambda: is_ready), "GET", "/readyz").status_code == status


@pytest.mark.parametrize(("status", "code"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)])
def test_only_unhealthy_is_503(status, code):
    response = call(app(health=healthy(status)), "GET", "/api/auth/health")
    assert (response.status_code, response.json()["status"]) == (code, status)


def test_strangers_get_of_health_only_the_status():
    for caller, headers in ((STRANGER, {}), (("127.0.0.1", 1), FORWARDED)):
        response = call(app(health=healthy()), "GET", "/api/auth/health", client=caller, headers=headers)
        assert response.json() == {"status": "degraded"}
    response = call(app(health=healthy()), "GET", "/api/auth/health", client=STRANGER, headers=SHOWS_TOKEN)
    assert "checks" in response.json()


def test_health_answers_within_a_second_whatever_hangs():
    async def timed():
        took, sent = Stopwatch(), []

        async def hangs():
            await asyncio.Event().wait()

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/api/auth/health", "headers": [], "query_string": b""}
        await app(health=hangs)(scope | {"client": STRANGER, "scheme": "http", "root_path": ""}, receive, send)
        return sent, took.seconds

    sent, took_s = asyncio.run(timed())
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"]) == {"status": "unhealthy"}
    assert took_s < 1


@pytest.mark.parametrize("path", LOOKS)
def test_operators_pages_are_for_this_machine_and_for_whoever_shows_the_token(path):
    assert call(app(), "GET", path).status_code == 200
    assert call(app(), "GET", path, client=STRANGER, headers=SHOWS_TOKEN).status_code == 200
    for headers in ({}, {"authorization": "Bearer wrong"}, FORWARDED):
        refused = call(app(), "GET", path, client=STRANGER, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == "application/problem+json"
    assert call(app(), "GET", path, headers=FORWARDED).status_code == 401
    assert call(app(ops=OpsRules(None)), "GET", path, client=STRANGER).status_code == 403


@pytest.mark.parametrize("path", LOOKS)
def test_where_operators_have_a_listener_of_their_own_the_main_port_shows_nothing(path):
    public = app(ops=OpsRules(ADMIN_TOKEN, Listener.PUBLIC))
    operators = app(ops=OpsRules(ADMIN_TOKEN, Listener.OPERATORS))
    assert call(public, "GET", path, headers=SHOWS_TOKEN).status_code == 404
    assert call(operators, "GET", path, client=STRANGER).status_code == 200


def test_administrative_routes_want_the_token_even_from_this_machine():
    router = APIRouter(dependencies=[Depends(require_admin)])

    @router.get("/admin/something")
    async def something():
        return {}

    whole = app(extra_routers=(router,))
    assert call(whole, "GET", "/admin/something").status_code == 401
    assert call(whole, "GET", "/admin/something", headers=SHOWS_TOKEN).status_code == 200
    assert call(app(extra_routers=(router,), ops=OpsRules(None)), "GET", "/admin/something").status_code == 403


def test_metrics_are_prometheus_text():
    response = call(app(), "GET", "/metrics")
    assert response.text == "up 1\n"
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_the_docs_page_takes_nothing_from_elsewhere_and_runs_no_inline_script():
    page = call(app(), "GET", "/docs")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("https", "http").replace("http-equiv", "")
    assert "<script>" not in page.text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon.png"):
        assert f"docs/assets/{name}" in page.text
        assert call(app(), "GET", f"/docs/assets/{name}").status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "redoc.standalone.js", "..%2fcore.py", "%2e%2e/core.py"])
def test_no_other_file_of_the_package_is_served(name):
    assert call(app(), "GET", f"/docs/assets/{name}").status_code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", "/livez"), ("PUT", "/livez"), ("DELETE", "/api/auth/health")])
def test_a_wrong_method_is_405_with_the_methods_there_are(method, path):
    response = call(app(), method, path)
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/nothing", "/livez/", "/%00", "/%ff", "//", "/api/auth/../auth/x", "/" + "x" * 4000])
def test_an_unknown_path_is_a_problem_404(path):
    response = call(app(), "GET", path)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:gatewayz-auth:problem:not-found"
    assert response.json()["request_id"] == response.headers["x-request-id"]


def crashing(error):
    router = APIRouter()

    @router.get("/crash")
    async def crash(number: int = 0):
        raise error

    return router


def test_a_crash_anywhere_is_503_and_told_to_operators_alone():
    told = []
    whole = app(extra_routers=(crashing(ZeroDivisionError("secret")),), fault=lambda *what: told.append(what))
    response = call(whole, "GET", "/crash")
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert "secret" not in response.text
    assert told[0][1] == response.headers["x-request-id"]


def test_our_own_errors_and_bad_parameters_are_problems_on_every_route():
    whole = app(extra_routers=(crashing(errors.Overloaded("full")),))
    response = call(whole, "GET", "/crash")
    assert (response.status_code, response.json()["type"]) == (503, "urn:gatewayz-auth:problem:overloaded")
    assert "retry-after" in response.headers
    response = call(whole, "GET", "/crash?number=x")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/number"


def test_the_lifespan_starts_and_stops_what_it_is_given():
    told = []

    async def startup():
        told.append("up")

    async def shutdown():
        told.append("down")

    async def go():
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = []

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message["type"])

        await app(startup=startup, shutdown=shutdown)({"type": "lifespan", "state": {}}, receive, send)
        return sent

    assert asyncio.run(go()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert told == ["up", "down"]
