"""Through a real PgBouncer in transaction mode: nothing needs a session, nothing leaks into another's."""

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from tests.support.accounts import postgres_accounts, soon
from tests.support.faulty_proxy import FaultyProxy
from tests.support.newcomers import wanted
from tests.support.requirements import needs_debian

from gatewayz_auth.adapters.postgres.migrate import NEWEST, migrate

_CONFIG = """
[databases]
{database} = host={host} port={server_port} dbname={database} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
server_reset_query =
ignore_startup_parameters = extra_float_digits
"""


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def through_pgbouncer(empty_database_url, tmp_path):
    """The URL of an empty database behind PgBouncer, five server connections for all."""
    program = needs_debian("pgbouncer")
    database = empty_database_url.split("@/")[1].split("?")[0]
    socket_folder = empty_database_url.split("host=")[1]
    # PgBouncer refuses to be root, and nobody else may enter the folder of the server's socket: a port leads there.
    with FaultyProxy(f"{socket_folder}/.s.PGSQL.5432") as way, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        port = _free_port()
        config = Path(folder) / "pgbouncer.ini"
        config.write_text(_CONFIG.format(database=database, host=way.host, server_port=way.port, port=port))
        command = [program, str(config)] if os.geteuid() else [program, "-u", "nobody", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"
        try:
            _wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url, process):
    give_up = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(url, autocommit=True, prepare_threshold=None).close()
        except psycopg.OperationalError:
            assert process.poll() is None, "PgBouncer has ended"
            assert time.monotonic() < give_up, "PgBouncer does not answer"
            time.sleep(0.05)
        else:
            return


def test_migrating_and_200_sign_ins_at_once_work_through_a_transaction_pooler(through_pgbouncer):
    async def story():
        assert (await migrate(through_pgbouncer, region="eu")).after == NEWEST
        assert (await migrate(through_pgbouncer, region="eu")).steps == ()
        async with postgres_accounts(through_pgbouncer, max_size=20) as (accounts, _):
            asked = [wanted(f"did:privy:p{number % 50}") for number in range(200)]
            found = await asyncio.gather(*(accounts.find_or_make(one, soon(30)) for one in asked))
            assert len({one.account.user_id for one in found}) == 50
            assert len({one.key.key_id for one in found}) == 50
            assert sum(one.is_new for one in found) == 50

    asyncio.run(story())


def test_limits_of_ours_do_not_leak_into_anybody_elses_session(through_pgbouncer):
    async def story():
        await migrate(through_pgbouncer)
        async with postgres_accounts(through_pgbouncer) as (accounts, _):
            for _ in range(20):
                await accounts.find_or_make(wanted(), soon())
        async with await psycopg.AsyncConnection.connect(
            through_pgbouncer, autocommit=True, prepare_threshold=None
        ) as other:
            for setting in ("statement_timeout", "lock_timeout", "plan_cache_mode", "gatewayz_auth.entry"):
                cursor = await other.execute("SELECT current_setting(%s, true)", [setting])
                assert (await cursor.fetchone())[0] in {None, "", "0", "auto"}, setting

    asyncio.run(story())
