"""The servers that come as wheels: real, private to this user, durable where it is promised."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from gatewayz_auth.adapters import child_process
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.domain.errors import StartupError
from gatewayz_auth.reliability.clock import SystemClock

CLOCK = SystemClock()


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def test_databases_of_one_server_know_nothing_of_each_other(postgres_server):
    one, other = postgres_server.empty_database(), postgres_server.empty_database()
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE here (id int)")
    with psycopg.connect(other) as connection:
        assert connection.execute("SELECT to_regclass('here')").fetchone() == (None,)
    for url in (one, other):
        postgres_server.drop(url)


def test_embedded_postgres_speaks_utf8_and_listens_on_no_network(postgres_server):
    with psycopg.connect(postgres_server.admin_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT lower('ÄÖ')").fetchone() == ("äö",)
    assert stat.S_IMODE(Path(postgres_server.socket_folder).stat().st_mode) == 0o700


def test_valkey_listens_on_no_network_and_forgets_the_oldest_first(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.config_get("port")["port"] == "0"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"


def test_both_are_gone_after_stop_and_a_second_stop_does_nothing(tmp_path):
    postgres, valkey = EmbeddedPostgres(tmp_path, CLOCK), EmbeddedValkey(tmp_path, CLOCK)
    with postgres, valkey:
        pids = postgres.pid, valkey.pid
    assert all(is_gone(pid) for pid in pids)
    postgres.stop()
    assert postgres.pid is None


_OWNER = """
import os, sys
from pathlib import Path
from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.reliability.clock import SystemClock
folder = Path(sys.argv[1])
postgres, valkey = EmbeddedPostgres(folder, SystemClock()), EmbeddedValkey(folder, SystemClock())
postgres.start(), valkey.start()
print(postgres.pid, valkey.pid, flush=True)
sys.stdin.read()
"""


def start_owner(folder):
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return owner, [int(pid) for pid in owner.stdout.readline().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: elsewhere the next start ends what was left behind")
def test_servers_end_when_their_owner_is_killed(tmp_path):
    owner, pids = start_owner(tmp_path)
    with owner:
        owner.kill()
        owner.wait()
        assert child_process.wait_until(lambda: all(is_gone(pid) for pid in pids), CLOCK, 4)


def test_commits_survive_a_kill_of_everything_and_what_was_left_running_is_ended(tmp_path):
    owner, (postgres_pid, _) = start_owner(tmp_path)
    server = EmbeddedPostgres(tmp_path, CLOCK)
    with owner:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(postgres_pid, signal.SIGSTOP)  # deaf to the signal that its owner's death sends
        owner.kill()
        owner.wait()
    assert not is_gone(postgres_pid)
    with server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert is_gone(postgres_pid)


def test_pid_file_that_names_a_stranger_is_no_obstacle(tmp_path):
    with EmbeddedPostgres(tmp_path, CLOCK):
        left = (tmp_path / "postgres" / "postmaster.pid").read_text()
    stranger = left.replace(left.split("\n")[0], str(os.getpid()), 1)
    (tmp_path / "postgres" / "postmaster.pid").write_text(stranger)
    (tmp_path / "run" / ".s.PGSQL.5432.lock").write_text(stranger)
    with EmbeddedPostgres(tmp_path, CLOCK) as server, psycopg.connect(server.url):
        pass


def test_data_of_another_version_is_refused_in_one_sentence_and_not_touched(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StartupError, match=r"made by Postgres 9\.6.*move that folder") as refused:
        EmbeddedPostgres(tmp_path, CLOCK).start()
    assert "\n" not in str(refused.value)
    assert [path.name for path in (tmp_path / "postgres").iterdir()] == ["PG_VERSION"]


def test_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "postgres").mkdir()
    with pytest.raises(StartupError, match="holds no Postgres data"):
        EmbeddedPostgres(tmp_path, CLOCK).start()


def test_half_made_data_is_made_anew(tmp_path):
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(tmp_path, CLOCK, durable=False) as server, psycopg.connect(server.url):
        pass
    assert not (tmp_path / "postgres.new").exists()


def test_a_folder_with_a_long_name_still_gets_sockets(tmp_path):
    deep = tmp_path / ("d" * 100)
    with EmbeddedValkey(deep, CLOCK) as server, redis.Redis.from_url(server.url) as client:
        assert client.ping()
    assert len(server.url) < 100
