"""Who asks and does not read: waited for within bounds, then ended, and nothing of theirs stays."""

import contextlib
import socket
import threading

import pytest
from tests.contract.http.test_connection import ENOUGH_TO_FILL_A_SOCKET, LONG, naming_service, question
from tests.support.web_app import parts, serving

from gatewayz_auth.cli import bounded_connection
from gatewayz_auth.cli.http_connection import HttpConnection


@pytest.fixture
def ended(monkeypatch):
    """Counts connections that the server has let go of."""
    count, connection_lost = threading.Semaphore(0), HttpConnection.connection_lost

    def counted(self, exc):
        connection_lost(self, exc)
        count.release()

    monkeypatch.setattr(HttpConnection, "connection_lost", counted)
    return count


@contextlib.contextmanager
def asking_without_reading(port):
    """Asks more than every buffer on the way can hold the answers of."""
    with socket.create_connection(("127.0.0.1", port), 10) as caller:
        caller.settimeout(1)
        with contextlib.suppress(OSError):
            caller.sendall(question() * ENOUGH_TO_FILL_A_SOCKET)
        yield


def faults(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("bound", [("UNREAD_S", 0.3), ("MAX_QUEUED", 50)])
def test_whoever_asks_and_never_reads_is_ended_and_costs_no_line_in_the_log(monkeypatch, caplog, ended, bound):
    monkeypatch.setattr(bounded_connection, *bound)
    with serving(parts(naming_service(LONG))) as port, asking_without_reading(port):
        assert ended.acquire(timeout=5), "it is held for ever"
    assert faults(caplog) == []


def test_whoever_leaves_while_their_answers_wait_costs_no_line_in_the_log(caplog, ended):
    with serving(parts(naming_service(LONG))) as port:
        with asking_without_reading(port):
            assert not ended.acquire(timeout=0.3), "it is waited for"
        assert ended.acquire(timeout=5)
    assert faults(caplog) == []
