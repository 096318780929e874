"""The proxy that the promises are proven with does what it says: over sockets, with bounds on time."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time

import pytest
from tests.support.faulty_proxy import FaultyProxy
from tests.support.withheld import Stopwatch


class _Echo(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def echo():
    with _Server(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo):
    with FaultyProxy(echo) as proxy:
        yield proxy


@contextlib.contextmanager
def _client(proxy, timeout_s=5.0):
    with socket.create_connection(proxy.address, timeout=timeout_s) as client:
        yield client


def _ask(client, data=b"hello"):
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        chunk = client.recv(65536)
        if not chunk:
            break
        got += chunk
    return got


def _hears_nothing(client, for_s=0.1):
    client.settimeout(for_s)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(5.0)


def test_it_carries_everything_until_told_otherwise(proxy):
    with _client(proxy) as client:
        assert _ask(client, b"x" * 1_000_000) == b"x" * 1_000_000


def test_a_freeze_keeps_connections_open_and_a_thaw_lets_through_what_was_held(proxy):
    with _client(proxy) as client:
        assert _ask(client) == b"hello"
        proxy.freeze()
        client.sendall(b"later")
        _hears_nothing(client)
        with _client(proxy) as newcomer:  # the kernel still takes connections
            newcomer.sendall(b"new")
            _hears_nothing(newcomer)
            proxy.thaw()
            assert client.recv(5) == b"later"
            assert newcomer.recv(3) == b"new"


def test_after_a_thaw_old_connections_may_stay_dead_while_new_ones_work(proxy):
    with _client(proxy) as old:
        assert _ask(old) == b"hello"
        proxy.freeze()
        proxy.thaw(old_connections_stay_dead=True)
        with _client(proxy) as new:
            assert _ask(new) == b"hello"
        old.sendall(b"anybody?")
        _hears_nothing(old)


def test_a_freeze_in_an_answer_lets_its_beginning_through(proxy):
    with _client(proxy) as client:
        assert _ask(client) == b"hello"
        proxy.freeze_in_answer(after_bytes=3)
        client.sendall(b"answer")
        assert client.recv(10) == b"ans"
        _hears_nothing(client)
        proxy.thaw()
        assert client.recv(10) == b"wer"


def test_a_reset_ends_standing_connections_and_lets_new_ones_work(proxy):
    with _client(proxy) as client:
        assert _ask(client) == b"hello"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with _client(proxy) as client:
        assert _ask(client) == b"hello"


def test_refusing_ends_when_thawed_on_the_same_port(proxy):
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError), _client(proxy):
        pass
    proxy.thaw()
    with _client(proxy) as client:
        assert _ask(client) == b"hello"


def test_silence_is_for_new_connections_only(proxy):
    with _client(proxy) as old:
        assert _ask(old) == b"hello"
        proxy.say_nothing()
        with _client(proxy) as new:
            new.sendall(b"hello")
            _hears_nothing(new)
        assert _ask(old) == b"hello"


def test_dripping_takes_its_time_for_each_byte(proxy):
    with _client(proxy) as client:
        assert _ask(client) == b"hello"
        proxy.drip(0.02)
        began = time.monotonic()
        assert _ask(client) == b"hello"
        assert time.monotonic() - began >= 0.1


def test_a_delay_is_paid_once_a_round_trip(proxy):
    with _client(proxy) as client:
        assert _ask(client) == b"hello"
        proxy.delay(0.1)
        began, took = time.monotonic(), Stopwatch()
        assert _ask(client) == b"hello"
        assert time.monotonic() - began >= 0.1
        assert took.seconds < 0.19


def test_it_speaks_through_a_socket_file_too(echo, tmp_path):
    path = str(tmp_path / ".s.PGSQL.5432")
    with FaultyProxy(echo, listen=path) as proxy, socket.socket(socket.AF_UNIX) as client:
        assert (proxy.host, proxy.port) == (str(tmp_path), 5432)
        client.settimeout(5)
        client.connect(path)
        assert _ask(client) == b"hello"
        proxy.freeze()
        client.sendall(b"x")
        _hears_nothing(client)
