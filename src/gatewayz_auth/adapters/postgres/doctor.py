"""Asks Postgres what a doctor wants to know, each question bounded by itself; what could not be asked is said."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from gatewayz_auth.adapters.postgres.connection import BoundedConnection
from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, in_our_words
from gatewayz_auth.adapters.postgres.pool import connection_options
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.adapters.reach import Reach, StepFailedError, trusting
from gatewayz_auth.domain.errors import NotKnown, QueryTimeoutError

if TYPE_CHECKING:
    from collections.abc import Mapping

NEIGHBOUR = "postgres"
TRIPS = 5
_DEFAULT_PORT = 5432
_CLOSE_S = 0.2

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is worth a finding; what a test wants to see at once it sets to 0."""

    query_s: float = 2.0
    idle_in_transaction_s: float = 5.0
    blocked_s: float = 0.5
    scanned_rows: int = 20_000
    scans: int = 200
    unused_bytes: int = 16 * 1024 * 1024
    dead_rows: int = 10_000
    dead_share: float = 0.3
    mean_ms: float = 50.0
    calls: int = 5

    def questions(self) -> dict[str, dict[str, Any]]:
        """Each question that is asked of the server, and its parameters."""
        return {
            "server": {},
            "schema_version": {},
            "connections": {},
            "locks": {},
            "idle_in_transaction": {"at_least_s": self.idle_in_transaction_s},
            "indexes": {},
            "table_scans": {"rows": self.scanned_rows, "scans": self.scans},
            "unused_indexes": {"bytes": self.unused_bytes},
            "bloat": {"rows": self.dead_rows, "share": self.dead_share},
            "replication": {},
            "statements_schema": {},
            "statements": {"mean_ms": self.mean_ms, "calls": self.calls},
            "doors": {},
            "backup": {},
        }


@dataclass(slots=True)
class Examined:
    """What was heard: ``rows`` by question, ``unheard`` (question → why) for the others.

    ``skew_s`` is how far the server's clock is ahead of ours.
    ``pooler``: None (none), ``transaction`` or ``session``.
    """

    reach: Reach
    problem: str = ""
    rows: dict[str, Rows] = field(default_factory=dict)
    unheard: dict[str, str] = field(default_factory=dict)
    skew_s: float | None = None
    pooler: str | None = None
    is_local: bool = False
    host: str = ""

    @property
    def trip_s(self) -> float | None:
        """The median of some round trips; None where they were not made."""
        return self.reach.trip_s

    def one(self, question: str) -> dict[str, Any]:
        """The first row of what ``question`` heard, empty where nothing was."""
        return next(iter(self.rows.get(question, [])), {})


async def examine(database_url: str, found: Examined, limits: Limits) -> None:
    """Fill ``found`` with all that can be heard of the database at ``database_url``; never raises for what it does.

    Each step and each question has its own limit; after a question that got no answer nothing more is asked. Whoever
    stops waiting keeps what has been heard so far.
    """
    try:
        await _ask_all(database_url, found, limits)
    except StepFailedError as error:
        found.problem = f"{error.step.name}: {error.step.problem}"
    except psycopg.Error:
        found.problem = "name: DATABASE_URL cannot be read"


async def _ask_all(database_url: str, found: Examined, limits: Limits) -> None:
    reach = found.reach
    options = await _way(database_url, found)
    connection = await reach.step("login", lambda: _connected(database_url, options))
    try:
        connection.wait_limit_s = limits.query_s
        await reach.step("first query", lambda: _ask(connection, "ping", {}))
        reach.trip_s = await _measured(connection, found)
        for question, parameters in limits.questions().items():
            if question == "statements" and not found.rows.get("statements_schema"):
                continue
            if not await _heard(connection, question, parameters, found, limits.query_s):
                return
        server = found.one("server")
        if server and connection.info.backend_pid != server["backend_pid"]:
            found.pooler = await _pooler_mode(database_url, options, connection, limits.query_s)
    finally:
        connection.pgconn.finish()


async def _way(database_url: str, found: Examined) -> dict[str, Any]:
    """Walk to the server's door; how to connect so that no name is looked up again."""
    given = psycopg.conninfo.conninfo_to_dict(database_url)
    options = connection_options(database_url)
    options["application_name"] = "gatewayz-auth doctor"
    host = str(given.get("host") or "/var/run/postgresql").split(",")[0]
    port = int(str(given.get("port") or _DEFAULT_PORT).split(",")[0])
    found.host = host
    if host.startswith("/"):
        found.is_local = True
        await found.reach.host(f"{host}/.s.PGSQL.{port}", port)
        return options
    wants_tls = given.get("sslmode", "prefer") != "disable"
    await found.reach.host(host, port, talk="postgres", tls=trusting() if wants_tls else None)
    found.is_local = found.reach.address in {"127.0.0.1", "::1"}
    options |= {"host": host, "hostaddr": found.reach.address, "port": port}
    return options


async def _connected(database_url: str, options: Mapping[str, Any]) -> BoundedConnection:
    try:
        return await BoundedConnection.connect(database_url, **options)
    except psycopg.errors.ConnectionTimeout:
        limit_s = float(options["connect_timeout"])
        raise QueryTimeoutError("no answer while connecting", operation="login", timeout_s=limit_s) from None
    except DRIVER_ERRORS as error:
        raise in_our_words(error, "login", 0.0) from None


async def _measured(connection: BoundedConnection, found: Examined) -> float | None:
    clock, times = found.reach.clock, []
    try:
        for _ in range(TRIPS):
            began_s = clock.monotonic_s()
            await found.reach.step("query", lambda: _ask(connection, "ping", {}))
            times.append(clock.monotonic_s() - began_s)
            found.reach.steps.pop()  # measured, not a step of the way
    except StepFailedError as error:
        found.unheard["latency"] = error.step.problem
        return None
    return statistics.median(times)


async def _heard(
    connection: BoundedConnection, question: str, parameters: Mapping[str, Any], found: Examined, limit_s: float
) -> bool:
    """Keep what ``question`` heard, or why it heard nothing; False where the connection is of no more use."""
    clock = found.reach.clock
    name = question if question == "schema_version" else f"doctor/{question}"
    schema = found.one("statements_schema").get("schema") if question == "statements" else None
    began_s, asked_s = clock.utc_now_s(), clock.monotonic_s()
    try:
        found.rows[question] = await _ask_within(connection, name, parameters, limit_s, schema)
    except NotKnown as error:
        found.unheard[question] = str(error)
        return not isinstance(error, QueryTimeoutError) and not connection.closed
    if question == "server":
        middle_s = began_s + (clock.monotonic_s() - asked_s) / 2
        server = found.one("server")
        found.skew_s = server["clock_s"] - middle_s
        found.reach.version, found.reach.uptime_s = str(server["version"]), server["uptime_s"]
    return True


async def _ask_within(
    connection: BoundedConnection, name: str, parameters: Mapping[str, Any], limit_s: float, schema: str | None
) -> Rows:
    """Ask in one round trip and one transaction that may write nothing, bounded at the server too."""
    try:
        async with connection.pipeline():
            await connection.execute(statement("limit_statement"), {"limit_ms": str(int(limit_s * 900))})
            await connection.execute(statement("doctor/read_only"))
            if schema is not None:
                await connection.execute(statement("doctor/look_in"), {"schema": schema})
            cursor = await connection.execute(statement(name), parameters)
        return await cursor.fetchall()
    except DRIVER_ERRORS as error:
        raise in_our_words(error, name, limit_s) from None


async def _ask(connection: BoundedConnection, name: str, parameters: Mapping[str, Any]) -> Rows:
    try:
        return await (await connection.execute(statement(name), parameters)).fetchall()
    except DRIVER_ERRORS as error:
        raise in_our_words(error, name, connection.wait_limit_s) from None


async def _pooler_mode(
    database_url: str, options: Mapping[str, Any], first: BoundedConnection, limit_s: float
) -> str | None:
    """``transaction`` where two clients were served by one server connection, else ``session``; None: not known."""
    second = None
    try:
        second = await _connected(database_url, options)
        second.wait_limit_s = limit_s
        pids = [(await _ask(each, "doctor/server", {}))[0]["backend_pid"] for each in (first, second)]
    except (NotKnown, *DRIVER_ERRORS):
        return None
    finally:
        if second is not None:
            second.pgconn.finish()
    return "transaction" if pids[0] == pids[1] else "session"
