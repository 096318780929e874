"""A caller's connection: whole answers go out in one step, and nobody can tell but by the time it takes."""

import json
import re
import socket
import threading
import time

import pytest
from tests.support.web_app import BODY, PERSON, SimpleService, an_answer, parts, serving

from gatewayz_auth.domain.sign_in import Answer, Source

PLAIN = "httptools"
ENOUGH_TO_FILL_A_SOCKET = 800
LONG = b"x" * 20_000


def question(*headers, person=PERSON, version="1.1"):
    body = json.dumps(BODY | {"user": BODY["user"] | {"id": person}}).encode()
    lines = [f"POST /api/auth HTTP/{version}", "host: x", "content-type: application/json",
             f"content-length: {len(body)}", *headers]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Reader:
    """Reads one answer after the other off a socket."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self.socket.close()

    def head(self):
        status = self._file.readline()
        headers = []
        while (line := self._file.readline()) not in {b"\r\n", b""}:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            headers.append((name, value))
        return status, headers

    def answer(self):
        status, headers = self.head()
        return status, headers, self._file.read(int(dict(headers)["content-length"]))

    def is_at_its_end(self):
        return self._file.read(1) == b""


def naming_service(filling=b""):
    """Answers each with their own name, fresh out of the process."""
    service = SimpleService()
    service.fresh = lambda request, _signed: Answer(
        b'{"filling":"%s","name":"%s"' % (filling, request.privy_user_id.encode()), 7, Source.CACHE, 61.9
    )
    return service


def without_what_differs(answer):
    status, headers, body = answer
    kept = [(name, value) for name, value in headers if name not in {"date", "x-request-id", "server-timing", "server"}]
    return status, kept, re.sub(rb'"timestamp":"[^"]+"', b"", body)


@pytest.mark.parametrize("source", list(Source))
def test_a_whole_answer_is_what_any_server_of_asgi_would_send(source):
    service = SimpleService()
    service.fresh = lambda _request, _signed: an_answer(source, 61.9)
    web_parts = parts(service, cors_origins=("https://app.example",))
    answers = []
    for http in (PLAIN, "gatewayz_auth.cli.http_connection:HttpConnection"):
        with serving(web_parts, http) as port, Reader(port) as reader:
            reader.socket.sendall(question("origin: https://app.example"))
            answers.append(reader.answer())
    plain, whole = answers
    assert without_what_differs(plain) == without_what_differs(whole)
    assert [name for name, _ in plain[1] if name != "server"] == [name for name, _ in whole[1] if name != "server"]
    assert ("access-control-allow-origin", "https://app.example") in whole[1]


def test_our_connections_send_whole_answers_in_one_step(monkeypatch):
    """Else the others here would compare the plain way with itself."""
    from gatewayz_auth.cli.http_connection import HttpConnection

    sent = []
    send_whole = HttpConnection.send_whole

    def counted(self, *answer):
        sent.append(send_whole(self, *answer))
        return sent[-1]

    monkeypatch.setattr(HttpConnection, "send_whole", counted)
    with serving(parts(naming_service())) as port, Reader(port) as reader:
        for _ in range(3):
            reader.socket.sendall(question())
            reader.answer()
    assert sent == [True] * 3


def test_questions_sent_in_one_go_are_answered_in_their_order():
    people = [f"did:privy:p{number}" for number in range(40)]
    with serving(parts(naming_service())) as port, Reader(port) as reader:
        reader.socket.sendall(b"".join(question(person=person) for person in people))
        answers = [json.loads(reader.answer()[2])["name"] for _ in people]
    assert answers == people


def test_a_caller_who_does_not_read_is_waited_for_and_gets_every_answer():
    people = [f"did:privy:p{number}" for number in range(ENOUGH_TO_FILL_A_SOCKET)]
    with serving(parts(naming_service(LONG))) as port, Reader(port) as reader:
        asking = threading.Thread(
            target=reader.socket.sendall, args=(b"".join(question(person=person) for person in people),)
        )
        asking.start()
        time.sleep(0.5)  # nobody reads meanwhile, and what has been answered fills every buffer on the way
        answers = [json.loads(reader.answer()[2])["name"] for _ in people]
        asking.join(10)
    assert answers == people


@pytest.mark.parametrize("how", [{"version": "1.0"}, {"headers": ("connection: close",)}])
def test_whoever_wants_one_answer_alone_gets_it_and_the_end(how):
    with serving(parts(naming_service())) as port, Reader(port) as reader:
        reader.socket.sendall(question(*how.get("headers", ()), version=how.get("version", "1.1")))
        status, headers, body = reader.answer()
        assert status.startswith(b"HTTP/1.1 200")
        assert dict(headers)["connection"] == "close"
        assert json.loads(body)["name"] == PERSON
        assert reader.is_at_its_end()


def test_a_connection_is_used_again_after_a_whole_answer_and_after_a_refusal():
    with serving(parts(naming_service())) as port, Reader(port) as reader:
        for ask, status in (
            (question(), b"200"),
            (question().replace(b'"good"', b'"evil"'), b"401"),
            (question(), b"200"),
        ):
            reader.socket.sendall(ask)
            assert reader.answer()[0].split()[1] == status


def test_an_idle_connection_is_ended_in_time_and_not_before():
    with serving(parts(naming_service()), keep_alive_s=2) as port, Reader(port) as reader, Reader(port) as silent:
        for _ in range(4):
            reader.socket.sendall(question())
            assert reader.answer()[0].split()[1] == b"200"
            time.sleep(0.7)  # longer than its limit in all, and never at a time
        asked_at_s = time.monotonic()
        reader.socket.sendall(question())
        assert reader.answer()[0].split()[1] == b"200"
        assert reader.is_at_its_end()
        assert 1.95 <= time.monotonic() - asked_at_s < 4
        assert silent.is_at_its_end()
