"""What callers of ``POST /api/auth`` may rely on, whatever stands behind it."""

import asyncio
import re

import pytest
from tests.support.web_app import BODY, PERSON, SimpleService, an_answer, call, parts, saying
from tests.support.withheld import Withheld

from gatewayz_auth.domain import errors
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.web.app import create_app

PATHS = ("/api/auth", "/auth")


def post(web_parts=None, path="/api/auth", **more):
    return call(create_app(web_parts or parts()), "POST", path, **({"json": BODY} | more))


def assert_problem(response, status, kind=None):
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(told)
    assert told["status"] == status
    assert told["request_id"] == response.headers["x-request-id"]
    if kind is not None:
        assert told["type"] == f"urn:gatewayz-auth:problem:{kind}"
    return told


@pytest.mark.parametrize("path", PATHS)
def test_a_good_sign_in_is_answered_with_every_header(path):
    response = post(path=path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["privy_user_id"] == PERSON
    assert response.headers["x-auth-source"] == "database"
    assert response.headers["cache-control"] == "no-store"
    assert "age" not in response.headers
    number = r"\d+\.\d\d"
    timing = rf"parse;dur={number}, verify;dur={number}, database;dur={number}, total;dur={number}"
    assert re.fullmatch(timing, response.headers["server-timing"])


@pytest.mark.parametrize("source", [Source.CACHE, Source.LAST_KNOWN_GOOD])
def test_an_older_answer_says_where_it_came_from_and_its_age_in_whole_seconds(source):
    response = post(parts(saying(an_answer(source, 61.9))))
    assert response.headers["x-auth-source"] == source.value
    assert response.headers["age"] == "61"
    assert f"{source.value};dur=" in response.headers["server-timing"]


def test_a_fresh_answer_of_the_process_is_given_without_asking_further():
    service = SimpleService()
    service.fresh = lambda _request, _signed: an_answer(Source.CACHE, 1)
    assert post(parts(service)).headers["x-auth-source"] == "cache"
    assert service.calls == 0


def test_request_ids_are_ours_alone_and_differ():
    app = create_app(parts())
    ids = {
        call(app, "POST", "/api/auth", json=BODY, headers={"x-request-id": "theirs"}).headers["x-request-id"]
        for _ in range(5)
    }
    assert len(ids) == 5
    assert "theirs" not in ids


def test_the_token_may_come_in_the_header_of_authorization():
    body = {"user": BODY["user"]}
    assert post(json=body, headers={"authorization": "Bearer good"}).status_code == 200


def test_the_identity_token_may_come_in_a_header():
    service = SimpleService()
    post(parts(service), headers={"privy-id-token": "proof"})
    assert service.requests[0].identity_token == "proof"


@pytest.mark.parametrize("token", [None, "", "bad"])
def test_no_token_and_a_bad_one_are_401_and_look_the_same(token):
    response = post(json={**BODY, "token": token})
    told = assert_problem(response, 401, "token-not-accepted")
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert told["detail"] == "No token, or one that is not accepted."
    assert response.headers["content-length"] == str(len(response.content))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.SubjectMismatch(), "subject-mismatch"),
        (errors.AccountDisabled(), "account-disabled"),
        (errors.SignupsClosed(), "signups-closed"),
    ],
)
def test_each_refusal_of_a_known_caller_is_a_403_of_its_own(error, kind):
    assert_problem(post(parts(saying(error))), 403, kind)


def test_a_rate_limit_says_when_to_come_back():
    response = post(parts(saying(errors.RateLimited(17))))
    assert_problem(response, 429, "rate-limited")
    assert response.headers["retry-after"] == "17"


@pytest.mark.parametrize(
    "error",
    [
        errors.QueryTimeoutError("timeout exceeded 5s"),
        errors.NeighbourUnavailable("postgres", "refused"),
        errors.Overloaded("full"),
        errors.DeadlineExceeded("late"),
        errors.NotKnown("not known"),
    ],
)
def test_what_is_not_known_is_503_with_a_time_to_come_back(error):
    response = post(parts(saying(error)))
    assert_problem(response, 503)
    assert 1 <= int(response.headers["retry-after"]) <= 5


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("secret"), asyncio.CancelledError("secret"), errors.SettingsError(["secret"])]
)
def test_what_nobody_expected_is_503_and_told_to_operators_alone(error):
    told = []
    response = post(parts(saying(error), fault=lambda *what: told.append(what)))
    assert_problem(response, 503, "unexpected")
    assert "secret" not in response.text
    assert told == [(error, response.headers["x-request-id"])]


def test_a_service_that_never_answers_is_given_up_within_the_budget():
    async def never(_request, _deadline):
        await asyncio.Event().wait()

    reports, withheld = [], Withheld()
    response = post(parts(SimpleService(never), auth_query_timeout_s=0.3, report=reports.append))
    assert_problem(response, 503, "deadline-exceeded")
    assert 0.2 <= reports[0].duration_s <= 0.3 + withheld.seconds


def test_the_service_is_given_less_than_the_whole_budget():
    left = []

    async def says(_request, deadline):
        left.append(deadline.left_s(web_parts.clock.monotonic_s()))
        return an_answer()

    web_parts, withheld = parts(SimpleService(says)), Withheld()
    post(web_parts)
    assert 7.5 - withheld.seconds < left[0] <= 7.75


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_405_and_names_the_one(method, path):
    response = call(create_app(parts()), method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/auth/", "/auth/", "/api/auth/x", "/API/AUTH", "/", "/api"])
def test_a_path_beside_it_is_404(path):
    assert_problem(post(path=path), 404, "not-found")


class TestReports:
    def report(self, web_parts_of, **more):
        reports = []
        response = post(web_parts_of(reports.append), **more)
        assert len(reports) == 1
        assert reports[0].request_id == response.headers["x-request-id"]
        assert reports[0].status == response.status_code
        return reports[0]

    def test_a_good_sign_in_is_reported_with_its_source_and_phases(self):
        report = self.report(lambda report: parts(report=report))
        assert (report.outcome, report.source, report.code, report.user_id) == ("ok", "database", "ok", 7)
        assert [name for name, _ in report.phases_s] == ["parse", "verify", "database"]
        assert sum(length for _, length in report.phases_s) == pytest.approx(report.duration_s)

    def test_a_refused_token_is_reported_with_its_reason(self):
        report = self.report(lambda report: parts(report=report), json={**BODY, "token": "bad"})
        assert (report.outcome, report.source, report.reason) == ("refused", "none", "signature")
        assert [name for name, _ in report.phases_s] == ["parse", "verify"]

    @pytest.mark.parametrize(
        ("service", "more", "outcome"),
        [
            (saying(errors.RateLimited(1)), {}, "limited"),
            (saying(errors.Overloaded("x")), {}, "unknown"),
            (None, {"json": {}}, "invalid"),
            (None, {"content": b"x" * 70_000}, "invalid"),
        ],
    )
    def test_other_outcomes_are_reported_in_the_metrics_words(self, service, more, outcome):
        assert self.report(lambda report: parts(service, report=report), **more).outcome == outcome

    def test_a_report_holds_nothing_secret_and_of_the_person_only_ids(self):
        body = {**BODY, "email": "ada@example.com"}
        text = repr(self.report(lambda report: parts(report=report), json=body)).replace(PERSON, "")
        assert "ada@" not in text
        assert "'ada" not in text
        assert "gw_" not in text
        assert "good" not in text


class TestCors:
    ORIGIN = "https://app.example.com"

    def test_off_by_default(self):
        response = post(headers={"origin": self.ORIGIN})
        assert not [name for name in response.headers if name.startswith("access-control")]

    def test_a_known_origin_may_read_good_and_bad_answers(self):
        web_parts = parts(cors_origins=(self.ORIGIN,))
        for body in (BODY, {}):
            response = post(web_parts, json=body, headers={"origin": self.ORIGIN})
            assert response.headers["access-control-allow-origin"] == self.ORIGIN
            assert "X-Request-Id" in response.headers["access-control-expose-headers"]
            assert response.headers["vary"] == "Origin"

    def test_an_unknown_origin_may_not(self):
        response = post(parts(cors_origins=(self.ORIGIN,)), headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in response.headers
        assert response.headers["vary"] == "Origin"

    def test_any_origin_where_the_setting_says_so(self):
        response = post(parts(cors_origins=("*",)), headers={"origin": "https://any.example"})
        assert response.headers["access-control-allow-origin"] == "*"

    @pytest.mark.parametrize("path", [*PATHS, "/api/auth/health"])
    def test_a_browser_that_asks_first_is_answered(self, path):
        ask = {"origin": self.ORIGIN, "access-control-request-method": "POST"}
        response = call(create_app(parts(cors_origins=(self.ORIGIN,))), "OPTIONS", path, headers=ask)
        assert response.status_code == 204
        assert response.headers["access-control-allow-origin"] == self.ORIGIN
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "Privy-Id-Token" in response.headers["access-control-allow-headers"]

    def test_an_unknown_origin_that_asks_first_is_allowed_nothing(self):
        ask = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        response = call(create_app(parts(cors_origins=(self.ORIGIN,))), "OPTIONS", "/auth", headers=ask)
        assert not [name for name in response.headers if name.startswith("access-control")]
