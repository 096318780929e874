"""Brings a database to the schema of this version: plain numbered SQL, one transaction each, one program at a time."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg

from gatewayz_auth.adapters.postgres.connection import BoundedConnection
from gatewayz_auth.adapters.postgres.failures import in_our_words
from gatewayz_auth.adapters.postgres.migration_watch import MigrationWatch
from gatewayz_auth.adapters.postgres.pool import connection_options
from gatewayz_auth.adapters.postgres.statements import statement
from gatewayz_auth.domain.errors import NeighbourUnavailable, StartupError
from gatewayz_auth.reliability.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOCK_LIMIT_S = 5
"""How long another program's migration, or a transaction on our tables, is waited for: sign-ins may queue up behind."""

ANSWER_LIMIT_S = 5.0
"""How long a database that does not answer at all is waited for."""

_LOCK_KEY = 0x6757_7A41_7574_6801  # "gWzAuth", 1
_FILE = re.compile(r"(\d{4})_(\w+)\.(up|down)\.sql")
_STATEMENT_LIMIT_S = 600.0
_CLOSE_LIMIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step: the SQL that takes it and the SQL that takes it back."""

    version: int
    name: str
    up: str
    down: str


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """Where the database stood (``before``, 0: empty), where it stands (``after``), and the steps taken, in order."""

    before: int
    after: int
    steps: tuple[str, ...]


def migrations() -> tuple[Migration, ...]:
    """All steps in order, numbered from 1 without a gap."""
    found: dict[int, dict[str, str]] = {}
    for entry in (resources.files(__package__ or "") / "migrations").iterdir():
        if match := _FILE.fullmatch(entry.name):
            step = found.setdefault(int(match[1]), {"name": match[2]})
            step[match[3]] = entry.read_text("utf-8")
    return tuple(Migration(version, s["name"], s["up"], s["down"]) for version, s in sorted(found.items()))


NEWEST = max(migration.version for migration in migrations())
"""The version of the schema that this code is written for."""


async def _version(connection: psycopg.AsyncConnection[Any]) -> int:
    cursor = await connection.execute(statement("has_schema_version"))
    row = await cursor.fetchone()
    if row is None or not row["is_there"]:
        return 0
    row = await (await connection.execute(statement("schema_version"))).fetchone()
    return 0 if row is None else int(row["version"])


async def _locked(connection: BoundedConnection, watch: MigrationWatch) -> None:
    """Bound all that follows in this transaction, and be the only one: works through a transaction pooler too."""
    connection.wait_limit_s = ANSWER_LIMIT_S
    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_LIMIT_S}s'")
    await connection.execute(f"SET LOCAL statement_timeout = '{int(_STATEMENT_LIMIT_S)}s'")
    await connection.execute("SET LOCAL client_min_messages = 'warning'")
    row = await (await connection.execute(statement("backend_pid"))).fetchone()
    if row is not None:
        await watch.begin(row["pid"])
    connection.wait_limit_s = LOCK_LIMIT_S + 1.0
    await connection.execute(statement("lock_migrations"), {"key": _LOCK_KEY})
    connection.wait_limit_s = ANSWER_LIMIT_S


async def _step(
    connection: BoundedConnection,
    target: int,
    steps: Mapping[int, Migration],
    watch: MigrationWatch,
    tell: Callable[[str], None],
) -> str | None:
    """Take one step towards ``target``; None where the database stands there already."""
    async with connection.transaction():
        await _locked(connection, watch)
        version = await _version(connection)
        if version > NEWEST:
            raise StartupError(
                f"The database has schema version {version} and this program knows only {NEWEST}: "
                "run the newer program, or its `gatewayz-auth migrate --to "
                f"{NEWEST}`."
            )
        if version == target:
            return None
        if version < target:
            migration = steps[version + 1]
            name, arrived, wanted = f"{migration.version:04d}_{migration.name}", version + 1, migration.up
        else:
            migration = steps[version]
            name, arrived, wanted = f"{migration.version:04d}_{migration.name} (back)", version - 1, migration.down
        tell(name)
        await _worked(connection, wanted)
        if await _version(connection) != arrived:  # else it would be taken again and again
            raise StartupError(f"{name} does not write its number into gatewayz_auth.schema_version: correct the file.")
        return name


async def _worked(connection: BoundedConnection, wanted: str | bytes, given: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - the driver's own
    """Carry out what may take its time; whether the server still lives is looked at beside it."""
    connection.wait_limit_s = LOCK_LIMIT_S + _STATEMENT_LIMIT_S
    return await connection.execute(wanted.encode() if isinstance(wanted, str) else wanted, given)


async def _finish(connection: BoundedConnection, region: str, watch: MigrationWatch) -> str | None:
    """See to the region's partition and that every door is closed, whatever was created since."""
    made = None
    async with connection.transaction():
        await _locked(connection, watch)
        row = await (await _worked(connection, statement("make_partition"), {"region": region})).fetchone()
        if row is not None and row["is_made"]:
            made = f"partition for region {region}"
        await _worked(connection, statement("close_doors"))
    return made


async def migrate(
    database_url: str,
    *,
    region: str = "default",
    to: int | None = None,
    tell: Callable[[str], None] = lambda _step: None,
) -> MigrationReport:
    """Bring the database to version ``to`` (None: the newest; 0: nothing of ours left), forwards or back.

    Idempotent, one transaction a step, one program at a time; old code may run meanwhile. ``StartupError`` where the
    database is newer than this program, ``to`` is no version, or it cannot be done; ``NotKnown`` where it is away.
    ``tell`` hears of each step before it is taken, and who is waited for. A lock is waited for ``LOCK_LIMIT_S``
    seconds, and a server that falls silent in the middle some seconds; a step itself may take long.
    """
    steps = {migration.version: migration for migration in migrations()}
    target = NEWEST if to is None else to
    if target != 0 and target not in steps:
        raise StartupError(f"There is no schema version {target}: 0 to {NEWEST} are known.")
    options = connection_options(database_url)
    watch = MigrationWatch(database_url, options, tell)
    tasks = OwnedTasks("migrate", 2)

    async def work() -> MigrationReport:
        taken: list[str] = []
        async with await BoundedConnection.connect(database_url, **options) as connection:
            connection.wait_limit_s = ANSWER_LIMIT_S
            before = await _version(connection)
            while (step := await _step(connection, target, steps, watch, tell)) is not None:
                taken.append(step)
            if target == NEWEST and (made := await _finish(connection, region, watch)):
                taken.append(made)
            return MigrationReport(before, target, tuple(taken))

    try:
        working, watching = tasks.spawn(work(), "work"), tasks.spawn(watch.until_silent(), "watch")
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            watching.result()
            raise NeighbourUnavailable("postgres", "it fell silent in the middle of a migration, which is taken back")
        return working.result()
    except psycopg.errors.LockNotAvailable:
        raise StartupError(watch.why_locked(LOCK_LIMIT_S)) from None
    except psycopg.OperationalError as error:
        raise in_our_words(error, "migrate", LOCK_LIMIT_S) from None
    except psycopg.Error as error:
        detail = error.diag.message_primary or type(error).__name__
        raise StartupError(f"The database could not be migrated: {detail} ({error.sqlstate}).") from None
    finally:
        await tasks.close(_CLOSE_LIMIT_S)
        watch.close()
