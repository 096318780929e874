"""Every error of the driver is one of "not known", and none carries a name, a host or a secret."""

import psycopg
import pytest
from psycopg import errors

from gatewayz_auth.adapters.postgres.failures import in_our_words
from gatewayz_auth.domain.errors import NeighbourUnavailable, NotKnown, Overloaded, QueryTimeoutError

SECRET = 'connection to "db.example.com" as "ada" with s3cret failed'


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.QueryCanceled(SECRET), QueryTimeoutError),
        (errors.LockNotAvailable(SECRET), QueryTimeoutError),
        (errors._WaitTimeout(SECRET), QueryTimeoutError),
        (errors.TooManyConnections(SECRET), NeighbourUnavailable),
        (errors.InvalidPassword(SECRET), NeighbourUnavailable),
        (errors.ReadOnlySqlTransaction(SECRET), NeighbourUnavailable),
        (errors.DiskFull(SECRET), NeighbourUnavailable),
        (errors.AdminShutdown(SECRET), NeighbourUnavailable),
        (errors.UndefinedFunction(SECRET), NotKnown),
        (errors.UniqueViolation(SECRET), NotKnown),
        (errors.DeadlockDetected(SECRET), NotKnown),
        (psycopg.OperationalError(SECRET), NeighbourUnavailable),
        (psycopg.InterfaceError(SECRET), NeighbourUnavailable),
        (ConnectionResetError(SECRET), NeighbourUnavailable),
        (Overloaded("as it was"), Overloaded),
    ],
)
def test_error_becomes_one_of_not_known_without_what_it_says(error, kind):
    told = in_our_words(error, "sign_in", 5.0)
    assert isinstance(told, NotKnown)
    assert type(told) is kind
    for word in ("db.example.com", "ada", "s3cret"):
        assert word not in str(told)


def test_time_out_names_the_limit_that_applied():
    assert str(in_our_words(errors.QueryCanceled(), "sign_in", 5.0)) == "timeout exceeded 5s"
    assert str(in_our_words(errors.QueryCanceled(), "sign_in", 0.15)) == "timeout exceeded 0.15s"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('FATAL:  password authentication failed for user "ada"', "does not accept the user or the password"),
        ("connection to server failed: Connection refused", "nothing listens there"),
        ("connection timeout expired", "did not answer in time"),
        ("FATAL:  sorry, too many clients already", "too many connections"),
        ('FATAL:  database "ada" does not exist', "no such database or user"),
        ("something nobody has ever seen", "the connection failed"),
    ],
)
def test_failure_to_connect_is_said_in_words_of_our_own(said, words):
    told = str(in_our_words(psycopg.OperationalError(said), "connect", 2.0))
    assert words in told
    assert "ada" not in told
