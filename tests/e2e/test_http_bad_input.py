"""Bad input over a real socket: never a 5xx, never a hang, and the next caller is served."""

import json
import socket
import time

import httpx
import pytest
from tests.support.web_app import BODY, SimpleService, parts, serving

BODY_TIMEOUT_S = 0.4
HEAD = b"POST /api/auth HTTP/1.1\r\nHost: x\r\n"
GOOD = json.dumps(BODY).encode()


class Watched:
    """The service behind the socket, and what was told of it."""

    def __init__(self):
        self.service = SimpleService()
        self.faults = []
        self.reports = []


@pytest.fixture(scope="module")
def watched():
    return Watched()


@pytest.fixture(scope="module")
def port(watched):
    web_parts = parts(
        watched.service,
        body_timeout_s=BODY_TIMEOUT_S,
        fault=lambda *what: watched.faults.append(what),
        report=watched.reports.append,
    )
    with serving(web_parts) as listening:
        yield listening


@pytest.fixture(autouse=True)
def still_well(port, watched):
    yield
    assert httpx.post(f"http://127.0.0.1:{port}/api/auth", json=BODY).status_code == 200
    assert watched.faults == []


def talk(port, *pieces, limit_s=5):
    """Send ``pieces``, read to the end of the first answer; its status, headers and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as sock:
        for piece in pieces:
            sock.sendall(piece)
        return answer(sock)


def answer(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        assert piece, f"closed without an answer: {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    while len(body) < int(headers.get("content-length", 0)):
        piece = sock.recv(65536)
        assert piece, "closed within an answer"
        body += piece
    return int(lines[0].split()[1]), headers, body


def chunked(*chunks, last=True):
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + sent + (b"0\r\n\r\n" if last else b"")


BAD_BODIES = {
    "empty": b"",
    "nonsense": b"nonsense",
    "array": b"[]",
    "number": b"7",
    "null": b"null",
    "open object": b'{"token": "good", "user": {',
    "deep arrays": b'{"user":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep objects": b'{"user":' * 6_000 + b"1" + b"}" * 6_000,
    "deep within the limit": b'{"user":' * 900 + b"1" + b"}" * 900,
    "NaN": b'{"token":"good","user":{"id":"did:privy:ada","created_at":NaN}}',
    "infinity": b'{"token":"good","user":{"id":"did:privy:ada","created_at":-Infinity}}',
    "overflow": b'{"token":"good","user":{"id":"did:privy:ada","created_at":1e999}}',
    "lone surrogate": b'{"token":"good","user":{"id":"did:privy:ada"},"email":"\\ud800"}',
    "surrogate bytes": b'{"token":"good","user":{"id":"did:privy:ada"},"email":"\xed\xa0\x80"}',
    "latin-1": b'{"token":"good","user":{"id":"did:privy:ada"},"email":"\xe9"}',
    "raw NUL": b'{"token":"good","user":{"id":"did:privy:ada"},"email":"\x00"}',
    "NUL in the id": b'{"token":"good","user":{"id":"did:privy:a\\u0000da"}}',
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "two documents": GOOD + GOOD,
    "types": b'{"token":[],"user":{"id":{},"linked_accounts":{"a":1},"mfa_methods":3,"is_guest":"x"}}',
    "many wrong entries": b'{"token":"good","user":{"id":"did:privy:ada","linked_accounts":[%b1]}}' % (b"1," * 30_000),
    "long key": b'{"%b":1}' % (b"k" * 60_000),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_400_or_422_and_names_what_is_wrong(port, watched, name):
    calls = watched.service.calls
    response = httpx.post(
        f"http://127.0.0.1:{port}/api/auth", content=BAD_BODIES[name], headers={"content-type": "application/json"}
    )
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["errors"]
    assert all(set(error) == {"pointer", "detail"} for error in told["errors"])
    assert watched.service.calls == calls, "nothing is asked for a request that is not understood"


@pytest.mark.parametrize(
    "text",
    [
        '"email": "a\\u0000b\\u202e"',
        '"created": 123456789012345678901234567890',
        '"email": "\\ud83d\\ude00"',
        '"trial_credits": 1e308',
        '"user": null, "user": {"id": "did:privy:ada", "created_at": %s}' % ("9" * 300),
    ],
)  # fmt: skip
def test_strange_but_sound_bodies_are_understood(port, text):
    body = GOOD[:-1] + b", " + text.encode() + b"}"
    assert httpx.post(f"http://127.0.0.1:{port}/api/auth", content=body).status_code == 200


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_413(port):
    at_limit = GOOD + b" " * (65536 - len(GOOD))
    url = f"http://127.0.0.1:{port}/api/auth"
    assert httpx.post(url, content=at_limit).status_code == 200
    assert httpx.post(url, content=at_limit + b" ").status_code == 413


def test_a_declared_length_over_the_limit_is_413_before_the_body_comes(port):
    status, headers, _ = talk(port, HEAD + b"Content-Length: 65537\r\n\r\n")
    assert (status, headers["connection"]) == (413, "close")


def test_a_body_without_a_length_is_413_while_it_streams(port):
    status, _, body = talk(port, chunked(b"x" * 65536, b"x", last=False))
    assert status == 413
    assert json.loads(body)["type"] == "urn:gatewayz-auth:problem:body-too-large"


@pytest.mark.parametrize("size", [70_000, 1_000_000, 6_000_000])
@pytest.mark.parametrize("in_chunks", [True, False])
def test_a_caller_who_sends_everything_before_reading_still_gets_the_413(port, size, in_chunks):
    sent = chunked(*([b"x" * 10_000] * (size // 10_000))) if in_chunks else b"Content-Length: %d\r\n\r\n" % size
    whole = sent if in_chunks else HEAD + sent + b"x" * size
    status, headers, _ = talk(port, whole)
    assert (status, headers["connection"]) == (413, "close")


def test_a_good_body_in_many_chunks_is_understood(port):
    status, _, _ = talk(port, chunked(*(GOOD[at : at + 7] for at in range(0, len(GOOD), 7))))
    assert status == 200


@pytest.mark.parametrize(
    "start",
    [
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b"Content-Length: 100\r\n\r\n" + b"{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)
def test_a_body_that_does_not_arrive_is_408_in_time(port, start):
    started = time.monotonic()
    status, headers, body = talk(port, start)
    took_s = time.monotonic() - started
    assert (status, headers["connection"]) == (408, "close")
    assert json.loads(body)["type"] == "urn:gatewayz-auth:problem:body-too-slow"
    assert BODY_TIMEOUT_S * 0.9 <= took_s < BODY_TIMEOUT_S + 1


def test_a_body_that_drips_is_408_in_time(port):
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=0.02) as sock:
        sock.sendall(HEAD + b"Content-Length: 60000\r\n\r\n")
        status = None
        while status is None:
            assert time.monotonic() - started < BODY_TIMEOUT_S + 2
            sock.sendall(b" ")
            try:
                status, _, _ = answer(sock)
            except TimeoutError:
                continue
    assert status == 408


def test_expect_continue_is_heard(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(GOOD))
        assert sock.recv(1024).startswith(b"HTTP/1.1 100")
        sock.sendall(GOOD)
        assert answer(sock)[0] == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", "application/xml"],
)
def test_a_content_type_that_is_neither_json_nor_text_is_415(port, content_type):
    url = f"http://127.0.0.1:{port}/api/auth"
    assert httpx.post(url, content=GOOD, headers={"content-type": content_type}).status_code == 415


@pytest.mark.parametrize("content_type", ["application/json;charset=utf-8", "text/plain", "application/x+json", None])
def test_json_text_and_nothing_are_taken(port, content_type):
    headers = {} if content_type is None else {"content-type": content_type}
    assert httpx.post(f"http://127.0.0.1:{port}/auth", content=GOOD, headers=headers).status_code == 200


def test_a_compressed_body_is_415(port):
    response = httpx.post(f"http://127.0.0.1:{port}/api/auth", content=GOOD, headers={"content-encoding": "gzip"})
    assert response.status_code == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_a_wrong_method_is_405_with_allow(port, method):
    response = httpx.request(method, f"http://127.0.0.1:{port}/api/auth")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert (response.content == b"") is (method == "HEAD")


@pytest.mark.parametrize("path", ["/", "/api/auth/", "/nothing", "/%00", "/..%2f..%2fetc/passwd", "/api/auth%2f"])
def test_an_unknown_path_is_404(port, path):
    status, headers, _ = talk(port, b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "header", ["Authorization: Bearer \xff\xfe", "Privy-Id-Token: \xff", "Authorization: " + "Bearer " * 2000]
)
def test_strange_headers_do_no_harm(port, header):
    request = HEAD + header.encode("latin-1") + b"\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    assert talk(port, request)[0] in {200, 400, 401, 431}


@pytest.mark.parametrize(
    "start",
    [
        HEAD + b"Content-Length: 100\r\n\r\n{",
        chunked(b"{", last=False),
        HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD,
        chunked(b"x" * 70_000, last=False),
    ],
)
def test_a_caller_who_leaves_in_the_middle_makes_no_noise(port, start, capfd):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(start)
    assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_a_connection_is_kept_over_refusals(port):
    bad, good = HEAD + b"Content-Length: 2\r\n\r\n{}", HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        for request, status in ((bad, 422), (good, 200), (bad, 422), (good, 200)):
            sock.sendall(request)
            assert answer(sock)[0] == status
