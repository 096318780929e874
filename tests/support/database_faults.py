"""What can be wrong with Postgres, at the proxy before it and within it: context managers over ``Faulted``."""

import contextlib
import functools
import threading
from pathlib import Path

import psycopg
from psycopg import sql
from tests.support.faults import reset_and_say_nothing
from tests.support.serving import CLOCK

from gatewayz_auth.adapters.child_process import wait_until

FORGET_CONNECTIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatewayz-auth'"
TAKES_EFFECT_WITHIN_S = 10.0


def at_the_proxy(begin):
    @contextlib.contextmanager
    def fault(service):
        begin(service.postgres)
        try:
            yield
        finally:
            service.postgres.thaw()

    return fault


@contextlib.contextmanager
def within(service, database="postgres"):
    """A connection of the administrator, past the proxy and outside the database in question."""
    url = service.database_url.replace(f"/{name_of(service)}?", f"/{database}?")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def name_of(service):
    return service.database_url.split("@/")[1].split("?")[0]


def sessions(connection, service, condition="true"):
    """How many sessions the service has in its database that fulfil ``condition``; another may run beside it."""
    ((count,),) = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'gatewayz-auth' "  # noqa: S608
        f"AND state IS NOT NULL AND {condition}",
        (name_of(service),),
    )
    return count


def alter(connection, service, what):
    connection.execute(sql.SQL("ALTER DATABASE {} {}").format(sql.Identifier(name_of(service)), sql.SQL(what)))


@contextlib.contextmanager
def users_locked(service):
    with psycopg.connect(service.database_url) as connection:
        connection.execute("LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextlib.contextmanager
def read_only(service):
    with within(service) as connection:
        alter(connection, service, "SET default_transaction_read_only = on")
        connection.execute(FORGET_CONNECTIONS)
        try:
            yield
        finally:
            alter(connection, service, "RESET default_transaction_read_only")
            connection.execute(FORGET_CONNECTIONS)


@contextlib.contextmanager
def no_connections(service):
    with within(service) as connection:
        alter(connection, service, "ALLOW_CONNECTIONS false")
        connection.execute(FORGET_CONNECTIONS)
        try:
            yield
        finally:
            alter(connection, service, "ALLOW_CONNECTIONS true")


@contextlib.contextmanager
def crowded(service):
    """Others hold most of the connections that the server has."""
    with within(service) as connection, contextlib.ExitStack() as others:
        used = connection.execute("SELECT count(*) FROM pg_stat_activity").fetchone()[0]
        most = int(connection.execute("SHOW max_connections").fetchone()[0])
        for _ in range(most - used - 10):
            others.enter_context(psycopg.connect(service.database_url, application_name="another"))
        yield


@contextlib.contextmanager
def too_many_connections(service):
    """Others hold every connection that the server has."""
    with within(service) as connection, contextlib.ExitStack() as others:

        def is_full():
            connection.execute(FORGET_CONNECTIONS)
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    others.enter_context(psycopg.connect(service.database_url, application_name="another"))
            return sessions(connection, service) == 0

        assert wait_until(is_full, CLOCK, TAKES_EFFECT_WITHIN_S), "there was room all the time"
        yield


@contextlib.contextmanager
def password_rotated(service):
    """The server wants a password, and the one that the service has is of before the rotation."""
    with within(service) as connection:
        path = Path(connection.execute("SHOW hba_file").fetchone()[0])
        before = path.read_text()

        def is_wanted():
            try:
                psycopg.connect(service.database_url, password="of-before").close()
            except psycopg.OperationalError:
                return True
            return False

        path.write_text(f'local "{name_of(service)}" all scram-sha-256\n{before}')
        try:
            connection.execute("SELECT pg_reload_conf()")
            assert wait_until(is_wanted, CLOCK, TAKES_EFFECT_WITHIN_S)
            connection.execute(FORGET_CONNECTIONS)
            yield
        finally:
            path.write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            assert wait_until(lambda: not is_wanted(), CLOCK, TAKES_EFFECT_WITHIN_S)


@contextlib.contextmanager
def writes_that(service, do, when="INSERT OR UPDATE"):
    """Every row that is written to ``users`` does ``do`` first."""
    with psycopg.connect(service.database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION public.fault() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {do} RETURN NEW; END $$"
        )
        connection.execute(
            f"CREATE TRIGGER a_fault BEFORE {when} ON public.users FOR EACH ROW EXECUTE FUNCTION public.fault()"
        )
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER a_fault ON public.users")
            connection.execute("DROP FUNCTION public.fault()")


@contextlib.contextmanager
def pool_drained(service):
    """Newcomers whose statements take their time hold every connection of the service."""
    with writes_that(service, "PERFORM pg_sleep(30);", "INSERT"), within(service) as connection:
        draining = threading.Thread(target=service.ask, args=(service.people("drain", 12),), daemon=True)
        draining.start()
        assert wait_until(
            lambda: sessions(connection, service, "wait_event = 'PgSleep'") >= 10, CLOCK, TAKES_EFFECT_WITHIN_S
        )
        try:
            yield
        finally:
            draining.join(TAKES_EFFECT_WITHIN_S)


PREPARED = {"too many connections": crowded}
"""What takes its time, and is done before anybody is asked."""

FAULTS = {
    "refused": at_the_proxy(lambda proxy: proxy.refuse()),
    "reset": at_the_proxy(lambda proxy: proxy.reset()),
    "frozen": at_the_proxy(lambda proxy: proxy.freeze()),
    "frozen in mid-answer": at_the_proxy(lambda proxy: proxy.freeze_in_answer()),
    "dripping": at_the_proxy(lambda proxy: proxy.drip(0.3)),
    "accepts and says nothing": at_the_proxy(reset_and_say_nothing),
    "slow by 5 s for all": at_the_proxy(lambda proxy: proxy.delay(5.0)),
    "slow by 20 s for a fifth": at_the_proxy(lambda proxy: proxy.delay(20.0, one_in=5)),
    "pool drained": pool_drained,
    "too many connections": too_many_connections,
    "`users` locked": users_locked,
    "read-only after a failover": read_only,
    "takes no connections": no_connections,
    "disk full": functools.partial(writes_that, do="RAISE disk_full;"),
    "wrong password after a rotation": password_rotated,
}
