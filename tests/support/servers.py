"""Real servers for tests: a Postgres whose databases are copied from a migrated one, and a Valkey."""

import asyncio
import itertools
from pathlib import Path

import psycopg
from psycopg import sql

from gatewayz_auth.adapters.postgres.embedded import EmbeddedPostgres
from gatewayz_auth.adapters.redis.embedded import EmbeddedValkey
from gatewayz_auth.reliability.clock import SystemClock

_TEMPLATE = "gatewayz_auth_template"


class PostgresServer:
    """One server for a whole run; ``durable=False``: fast, and gone with the run."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._server = EmbeddedPostgres(folder, SystemClock(), durable=durable)
        self._numbers = itertools.count(1)
        self._has_template = False

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def admin_url(self) -> str:
        """Of the superuser, in the server's own database."""
        return self._url("postgres")

    @property
    def socket_folder(self) -> str:
        return self._server.url.split("host=")[1]

    @property
    def pid(self) -> int | None:
        return self._server.pid

    def empty_database(self) -> str:
        """The URL of a new database with nothing in it."""
        name = f"empty_{next(self._numbers)}"
        self._make(name, "template0")
        return self._url(name)

    def database(self) -> str:
        """The URL of a new, migrated database: a copy, about 20 ms."""
        if not self._has_template:
            self._make(_TEMPLATE, "template0")
            migrated(self._url(_TEMPLATE))
            self._has_template = True
        name = f"test_{next(self._numbers)}"
        self._make(name, _TEMPLATE)
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove a database of this server, whoever is still connected."""
        name = url.split("@/")[1].split("?", maxsplit=1)[0]
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _make(self, name: str, template: str) -> None:
        statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        self._run(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"


class ValkeyServer:
    """One server for a whole run."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedValkey(folder, SystemClock(), memory_mb=64)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def pid(self) -> int | None:
        return self._server.pid


def migrated(url: str) -> str:
    """Bring the database of ``url`` to the newest schema."""
    from gatewayz_auth.adapters.postgres.migrate import migrate

    asyncio.run(migrate(url))
    return url
