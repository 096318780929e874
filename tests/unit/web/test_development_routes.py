"""Tokens for whoever asks, over HTTP: good ones, or problem details that name every fault. A page that runs alone."""

import asyncio
import re
from importlib import resources

import httpx
import pytest
from fastapi import FastAPI

from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.web import refusals
from gatewayz_auth.web.routes.development import development_routes


@pytest.fixture
def ask(tmp_path):
    """Asks an app with nothing but these routes; the issuer is the real one."""
    issuer = DevIssuer(tmp_path, SystemEntropy())
    app = FastAPI()
    app.state.parts = type("Parts", (), {"entropy": SystemEntropy()})
    refusals.install(app)
    app.include_router(development_routes(lambda who, accounts: issuer.issue(who, accounts, SystemClock().utc_now_s())))

    def send(method, path, content=None, content_type="application/json"):
        async def exchange():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
                return await client.request(method, path, content=content, headers={"content-type": content_type})

        return asyncio.run(exchange())

    return send


def _pointers(answer, status=422):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    return [error["pointer"] for error in answer.json().get("errors", [])]


def test_a_person_gets_both_tokens_and_the_user_to_send(ask):
    raw = b'{"privy_user_id": "did:privy:ada", "linked_accounts": [{"type": "email", "address": "ada@example.com"}]}'
    answer = ask("POST", "/dev/token", raw)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"token", "identity_token", "user"}
    assert answer.json()["user"]["id"] == "did:privy:ada"
    assert answer.json()["user"]["linked_accounts"][0]["address"] == "ada@example.com"


@pytest.mark.parametrize("rest", [b"", b',"linked_accounts":null', b',"linked_accounts":[]', b',"else":1'])
def test_nobody_needs_linked_accounts(ask, rest):
    assert ask("POST", "/dev/token", b'{"privy_user_id":"did:privy:ada"' + rest + b"}").status_code == 200


@pytest.mark.parametrize("raw", [b"", b"nope", b"\xff", b'{"privy_user_id": NaN}', b'"\\ud800"', b"[" * 60_000])
def test_what_is_not_json_is_400(ask, raw):
    assert _pointers(ask("POST", "/dev/token", raw), 400) == [""]


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b'"did:privy:ada"'])
def test_what_is_no_object_is_blamed_as_a_whole(ask, raw):
    assert _pointers(ask("POST", "/dev/token", raw)) == [""]


@pytest.mark.parametrize(
    "who", [b"null", b"7", b'""', b'"ada"', b'"did:privy:"', b'"did:privy:a b"', b'"did:privy:a\\n"']
)
def test_a_wrong_privy_id_is_named(ask, who):
    assert _pointers(ask("POST", "/dev/token", b'{"privy_user_id": ' + who + b"}")) == ["/privy_user_id"]


def test_every_fault_is_named_at_once(ask):
    raw = b'{"linked_accounts": [{"type": 3}, 4, {"type": "email"}, {"type": ""}]}'
    named = ["/privy_user_id", "/linked_accounts/0/type", "/linked_accounts/1", "/linked_accounts/3/type"]
    assert _pointers(ask("POST", "/dev/token", raw)) == named


def test_what_is_nested_past_reason_is_named(ask):
    deep = b'{"type":"email","x":' + b"[" * 500 + b"]" * 500 + b"}"
    raw = b'{"privy_user_id":"did:privy:ada","linked_accounts":[' + deep + b"]}"
    assert _pointers(ask("POST", "/dev/token", raw)) == ["/linked_accounts"]


def test_too_much_and_what_is_not_json_by_its_own_word_are_refused(ask):
    assert _pointers(ask("POST", "/dev/token", b" " * 70_000), 413) == []
    assert _pointers(ask("POST", "/dev/token", b"{}", "application/x-www-form-urlencoded"), 415) == []


@pytest.mark.parametrize("path", ["/", "/development/page.css", "/development/page.js"])
def test_the_page_may_load_and_call_nothing_but_its_own_service(ask, path):
    answer = ask("GET", path)
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert answer.status_code == 200
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_files_name_no_other_host_and_hold_nothing_inline():
    folder = resources.files("gatewayz_auth.web") / "static" / "development"
    for name in ("index.html", "page.css", "page.js"):
        text = (folder / name).read_text(encoding="utf-8")
        found = set(re.findall(r"https?://[\w.-]+", text))
        assert found <= {"http://www.w3.org"}, name  # the name space of the icon, which is never fetched
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<style|\sstyle=|\son\w+=|javascript:", page) is None
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
