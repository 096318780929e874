"""Over the real service: forgeries change nothing and look all the same, and no key, token or address gets out."""

from __future__ import annotations

import http.client
import json
import re
import time
from pathlib import Path

import psycopg
import pytest
import redis
from tests.support.collector import Collector
from tests.support.forgeries import Signer, forgeries, identity_forgeries
from tests.support.serving import CLOCK, Serving, descendants, standing_still

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.reliability.clock import SystemClock

APP_ID = "gatewayz-auth-dev"
TABLES = (
    "public.users",
    "public.api_keys",
    "public.referrals",
    "public.credit_entries",
    "gatewayz_auth.identities",
    "gatewayz_auth.accounts",
)
TAGS = ("live", "test")
MARKED = {"type": "email", "address": "marked.address@example.com"}
ADMIN_TOKEN = "marked-token-of-the-operators-long-enough"
PHONE = {"type": "phone", "phone_number": "+15550107734"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    collector = Collector()
    environ = {
        "RATE_LIMITS": "off",
        "LOG_LEVEL": "DEBUG",
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    serving = Serving(folder, environ=environ).ready()
    serving.collector = collector
    yield serving
    serving.end()
    serving.process.stdout.close()
    collector.close()


@pytest.fixture(scope="module")
def state(service):
    return (Path(service.folder) / ".state").absolute()


def ask(service, body):
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    try:
        connection.request("POST", "/api/auth", json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("www-authenticate"), json.loads(answer.read())
    finally:
        connection.close()


def rows(state):
    """Everything in the tables, as text."""
    with psycopg.connect(EmbeddedPostgres(state, SystemClock()).url) as connection:
        return {
            table: connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1").fetchall()  # noqa: S608
            for table in TABLES
        } | {
            "identities": connection.execute("SELECT t::text FROM gatewayz_auth.identities AS t ORDER BY 1").fetchall()
        }


def test_every_forgery_is_the_same_401_and_changes_nothing_in_any_table(service, state):
    service.sign_in("did:privy:ada", [MARKED])
    before = rows(state)
    now_s = int(time.time())
    signer = Signer.of_dev_issuer(state)
    seen = set()
    count = 0
    for name, token in forgeries(signer, APP_ID, now_s):
        status, challenge, problem = ask(service, {"token": token, "user": {"id": "did:privy:ada"}})
        count += 1
        if status == 413:
            continue
        if status == 400:  # a lone surrogate is in no JSON text
            assert any("\ud800" <= letter <= "\udfff" for letter in token), name
            continue
        assert (status, challenge) == (401, 'Bearer error="invalid_token"'), name
        seen.add((problem["type"], problem["title"], problem["detail"]))
    good = service.post("/dev/token", {"privy_user_id": "did:privy:ada"})["token"]
    for name, token in identity_forgeries(signer, APP_ID, now_s):
        body = {"token": good, "identity_token": token, "user": {"id": "did:privy:ada"}}
        status, _, problem = ask(service, body)
        count += 1
        if status in {400, 413} or not token:
            continue
        assert status == 401, name
        seen.add((problem["type"], problem["title"], problem["detail"]))
    assert count >= 40
    assert len(seen) == 1, "a detail that says which check failed"
    assert rows(state) == before


def test_a_key_is_in_clear_in_no_table_no_redis_value_and_no_log(service, state):
    keys, tokens = [], []
    for number, tag in enumerate(("live", "test", "development")):
        person = f"did:privy:leak{number}"
        issued = service.post("/dev/token", {"privy_user_id": person, "linked_accounts": [MARKED, PHONE]})
        tokens += [issued["token"], issued["identity_token"]]
        for _ in range(3):
            answer = service.post("/api/auth", {**issued, "environment_tag": tag})
        assert answer["api_key"].startswith({"live": "gw_live_", "test": "gw_test_"}.get(tag, "gw_dev_"))
        keys.append(answer["api_key"])
        ask(service, {**issued, "token": issued["token"][:-4] + "AAAA"})
    secrets = [key[8:] for key in keys] + [token.rsplit(".", 1)[1] for token in tokens]
    cache = redis.Redis.from_url(EmbeddedValkey(state, SystemClock()).url)
    names = list(cache.scan_iter("*"))
    assert names
    assert all(name.startswith(b"auth:") for name in names)
    values = b"".join(cache.dump(name) or b"" for name in names)
    cache.close()
    written = "".join(path.read_text() for path in (Path(service.folder) / "logs").glob("*")) + service.output
    tables = json.dumps(rows(state))
    for secret in secrets:
        assert secret not in tables
        assert secret.encode() not in values
        assert secret not in written
    for personal in (MARKED["address"], PHONE["phone_number"]):
        assert personal not in written
        assert personal.encode() not in values
    assert not re.search(r"gw_(?:live|test|dev)_\w{10,}", written.replace(service.wait_for("curl"), ""))


def frozen(state):
    """The database stands still."""
    first = int(next(state.rglob("postmaster.pid")).read_text().split()[0])
    return standing_still([first, *descendants(first)])


def raw(service, method, path, body=b"", headers=()):
    """One request as it stands; what comes back is of no interest here."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=12)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_nothing_marked_stands_in_logs_metrics_traces_or_files_whatever_goes_wrong(service, state):
    marks = [f"marked{word}" for word in ("body", "bearer", "key", "field", "query", "cookie", "identity", "trace")]
    body, bearer, key, field, query, cookie, identity, trace = marks
    issued = service.post("/dev/token", {"privy_user_id": "did:privy:faults", "linked_accounts": [MARKED, PHONE]})
    answer = service.post("/api/auth", issued)
    newcomer = service.post("/dev/token", {"privy_user_id": "did:privy:faulty", "linked_accounts": [MARKED, PHONE]})
    json_type = ("content-type", "application/json")

    def push():
        raw(service, "POST", "/api/auth", f'{{"token": "{body}'.encode(), [json_type])
        raw(service, "POST", "/api/auth", json.dumps({"token": f"{body}.x.y", "user": {"id": field}}), [json_type])
        raw(service, "POST", "/api/auth", json.dumps({**issued, "identity_token": identity}), [json_type])
        raw(service, "POST", "/api/auth", json.dumps({**issued, "email": f"{field}@example.com"}), [json_type])
        raw(service, "POST", "/api/auth", json.dumps(newcomer), [json_type, ("traceparent", trace)])
        for path in (f"/nowhere/{query}", f"/api/auth?{query}=1", f"/admin/users?username={query}"):
            raw(service, "GET", path, headers=[("authorization", f"Bearer {bearer}"), ("cookie", f"a={cookie}")])
        for shown in (f"gw_live_{key}", answer["api_key"], f"gw_live_{'x' * 40}{key}"):
            raw(service, "GET", "/api/referral/code", headers=[("authorization", f"Bearer {shown}")])
        raw(
            service,
            "GET",
            "/admin/users?privy_id=did:privy:faults",
            headers=[("authorization", f"Bearer {ADMIN_TOKEN}")],
        )

    push()
    with frozen(state):
        push()
    push()
    spans = service.collector.spans
    assert wait_until(lambda: any(span.name == "POST /api/auth" for _, span in spans), CLOCK, 10)
    status, page = raw(service, "GET", "/metrics")
    assert status == 200
    files = [path for path in [*(state / "figures").rglob("*"), *state.glob("*.jsonl")] if path.is_file()]
    assert files
    written = b"".join(path.read_bytes() for path in [*files, *(Path(service.folder) / "logs").glob("*")])
    written += page + service.collector.raw + service.output.encode()
    assert b"did:privy:faults" in written, "nothing was searched"
    secrets = [answer["api_key"][8:], ADMIN_TOKEN, MARKED["address"], PHONE["phone_number"]]
    secrets += [token.rsplit(".", 1)[1] for token in (issued["token"], issued["identity_token"], newcomer["token"])]
    found = [mark for mark in (*marks, *secrets) if mark.encode() in written]
    assert not found


def test_the_answer_of_another_tag_is_never_given(service):
    issued = service.post("/dev/token", {"privy_user_id": "did:privy:tags"})
    for _ in range(3):
        given = {
            tag: service.post("/api/auth", {**issued, "environment_tag": tag})["api_key"] for tag in ("live", "test")
        }
        assert given["live"].startswith("gw_live_")
        assert given["test"].startswith("gw_test_")
