"""Heads that are odd, endless or no HTTP at all: each is answered as the contract says, and none is waited for."""

import json
import time

import pytest
from tests.contract.http.test_connection import Reader, naming_service, question
from tests.support.web_app import PERSON, parts, serving

from gatewayz_auth.cli import http_connection

LIMIT_S = 0.3


@pytest.fixture(scope="module")
def port():
    with serving(parts(naming_service())) as listening:
        yield listening


def refusal(reader, status):
    line, headers, body = reader.answer()
    headers, problem = dict(headers), json.loads(body)
    assert line.startswith(b"HTTP/1.1 %d " % status)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"] == problem["request_id"]
    assert headers["cache-control"] == "no-store"
    assert problem["status"] == status
    return headers, problem


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_an_offer_of_another_protocol_is_passed_over_and_the_question_answered(port, protocol):
    """As curl --http2 and Java's client make it with every question."""
    with Reader(port) as reader:
        asked = question("connection: Upgrade, HTTP2-Settings", f"upgrade: {protocol}", "http2-settings: AAMAAABk")
        for piece in (asked[:-10], asked[-10:] + question(person="did:privy:grace")):
            reader.socket.sendall(piece)
            time.sleep(0.05)  # in two pieces: the body's end comes by itself
        assert [json.loads(reader.answer()[2])["name"] for _ in range(2)] == [PERSON, "did:privy:grace"]


def test_many_offers_in_one_go_are_passed_over_one_after_the_other(port):
    people = [f"did:privy:p{number}" for number in range(600)]
    with Reader(port) as reader:
        reader.socket.sendall(
            b"".join(question("connection: Upgrade", "upgrade: h2c", person=person) for person in people)
        )
        assert [json.loads(reader.answer()[2])["name"] for _ in people] == people


@pytest.mark.parametrize("method", ["FOO", "post", "M-SEARCHES"])
def test_a_method_that_nobody_knows_is_refused_by_the_path(port, method):
    with Reader(port) as reader:
        reader.socket.sendall(question().replace(b"POST", method.encode(), 1))
        headers, _ = refusal(reader, 405)
        assert headers["allow"] == "POST"


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"hello\r\n\r\n"])
def test_what_is_no_http_is_refused_with_a_problem(port, noise):
    with Reader(port) as reader:
        reader.socket.sendall(noise)
        _, problem = refusal(reader, 400)
        assert problem["type"] == "urn:gatewayz-auth:problem:not-http"
        assert reader.is_at_its_end()


def test_noise_behind_a_question_does_not_take_its_answer(port):
    with Reader(port) as reader:
        reader.socket.sendall(question() + question(person="did:privy:grace") + b"noise\r\n\r\n")
        assert [json.loads(reader.answer()[2])["name"] for _ in range(2)] == [PERSON, "did:privy:grace"]
        assert reader.is_at_its_end()


def send_without_end(reader):
    for _ in range(500):
        reader.socket.sendall(b"x: " + b"y" * 64_000 + b"\r\n")


def test_a_head_is_bounded_in_bytes(port):
    with Reader(port) as reader:
        reader.socket.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n")
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            send_without_end(reader)


def test_a_head_is_bounded_in_time(monkeypatch):
    monkeypatch.setattr(http_connection, "HEAD_LIMIT_S", LIMIT_S)
    with serving(parts(naming_service())) as port, Reader(port) as reader:
        begun = time.monotonic()
        reader.socket.sendall(question())
        reader.answer()
        reader.socket.sendall(b"POST /api/auth HTTP/1.1\r\nhost: x\r\n")
        refusal(reader, 408)
        assert reader.is_at_its_end()
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/api/auth/health", "/docs", "/openapi.json"])
def test_probes_and_pages_are_answered_to_a_head_too_without_a_body(port, path):
    """As balancers and uptime monitors ask."""
    with Reader(port) as reader:
        answers = []
        for method in (b"HEAD", b"GET"):
            reader.socket.sendall(method + b" " + path.encode() + b" HTTP/1.1\r\nhost: x\r\n\r\n")
            answers.append(reader.head())
        (status, headers), (as_get, get_headers) = answers
        assert status == as_get == b"HTTP/1.1 200 OK\r\n"
        assert dict(headers)["content-type"] == dict(get_headers)["content-type"]
        assert int(dict(headers)["content-length"]) > 0
