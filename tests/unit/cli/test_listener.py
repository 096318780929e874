"""The port is ours from the first moment, and nobody waits at it before somebody serves."""

import socket

import pytest

from gatewayz_auth.cli import listener
from gatewayz_auth.domain.errors import StartupError


def takes_callers(address):
    with socket.socket() as caller:
        return caller.connect_ex(address) == 0


def test_a_second_program_hears_at_once_that_the_port_is_taken():
    with listener.take_port("127.0.0.1", 0) as taken, pytest.raises(StartupError, match="is taken by another program"):
        listener.take_port(*taken.getsockname())


def test_callers_are_refused_until_the_service_listens_and_then_taken():
    with listener.take_port("127.0.0.1", 0) as taken:
        listener.close_until_served(taken)
        assert not takes_callers(taken.getsockname())
        taken.listen()
        assert takes_callers(taken.getsockname())


def test_a_port_that_the_system_chose_stays_ours_while_callers_are_refused():
    with listener.take_port("127.0.0.1", 0) as taken:
        address = taken.getsockname()
        listener.close_until_served(taken)
        taken.listen()
        assert taken.getsockname() == address


def test_whose_port_was_taken_meanwhile_hears_which_it_was():
    with listener.take_port("127.0.0.1", 0) as taken:
        said = str(listener.taken_meanwhile(taken))
        assert said.startswith(f"Port {taken.getsockname()[1]} of 127.0.0.1 is taken by another program")
