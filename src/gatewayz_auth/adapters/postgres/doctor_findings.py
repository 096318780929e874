"""What was heard of Postgres, judged: pure functions from rows to findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres.doctor_load import of_load
from gatewayz_auth.adapters.postgres.migrate import NEWEST, migrations
from gatewayz_auth.adapters.reach import SILENCE_DO, silence_at
from gatewayz_auth.domain.tuning import FAR_LOOKUP_S, FAR_S
from gatewayz_auth.service.findings import critical, notice, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewayz_auth.adapters.postgres.doctor import Examined, Limits
    from gatewayz_auth.service.findings import Finding

OLDEST = 150000
SKEW_S, SKEW_BAD_S = 2.0, 30.0
RESTARTED_S = 600.0
_INDEX = re.compile(r"(?i)\b(CREATE(?: UNIQUE)? INDEX(?: IF NOT EXISTS)?|DROP INDEX(?: IF EXISTS)?) (?:[\w]+\.)?(\w+)")


def judge(found: Examined, limits: Limits) -> list[Finding]:
    """The findings about the database, in no order."""
    if found.problem:
        return [_not_reached(found)]
    return [*_of_server(found), *_of_link(found), *_of_schema(found), *of_load(found, limits), *_unheard(found)]


def _not_reached(found: Examined) -> Finding:
    step, _, why = found.problem.partition(": ")
    stopped = found.reach.stopped_at
    is_silent = stopped is not None and stopped.is_silent
    title = silence_at(stopped, "Postgres") if stopped and is_silent else f"Postgres is not reached: {why}"
    taken = ", ".join(f"{one.name} {one.took_s * 1e3:.0f} ms" for one in found.reach.steps if not one.problem)
    return critical(
        "postgres-unreachable",
        title,
        f"It stops at the step {step!r}{f' (before it: {taken})' if taken else ''}. Nobody new can sign up; people who "
        "are remembered are signed in from memory, Redis and last known good.",
        _SILENT if is_silent else _what_to_do(step, why),
    )


def _what_to_do(step: str, why: str) -> str:
    if step == "login":
        return next((what for sign, what in _REFUSED.items() if sign in why), _ELSE)
    return _WHAT_TO_DO.get(step, _ELSE)


_ELSE = "Look at the server's log; docs/runbook/database-away.md goes on from here."
_SILENT = (
    f"{SILENCE_DO} thaw or restart the server or its pooler, or fail over. docs/runbook/database-away.md goes on "
    "from here."
)
_REFUSED = {
    "user or the password": "Correct user and password in DATABASE_URL.",
    "database or user": "Correct database and user in DATABASE_URL.",
    "such database": "Correct the database in DATABASE_URL, or make it.",
    "let us in": "Correct user and password in DATABASE_URL, or let that user in (pg_hba.conf, GRANT CONNECT).",
    "let this user in": "Let this user in from here (pg_hba.conf), or correct DATABASE_URL.",
    "certificate": "Correct sslmode and sslrootcert in DATABASE_URL, or renew the server's certificate.",
    "out of connections": "End idle connections or raise the server's limit: docs/runbook/pool-near-its-end.md",
    "too many connections": "End idle connections or raise the server's limit: docs/runbook/pool-near-its-end.md",
    "starting up": "Wait until it has started; its log says how far it is.",
    "shutting down": "It was told to stop: start it again, or fail over.",
}
"""What to do about each word of a refused login (``failures``); the password is named where it was refused alone."""
_WHAT_TO_DO = {
    "name": "Correct the host in DATABASE_URL, or the name server of this machine.",
    "socket": "Start Postgres, or correct the folder after host= in DATABASE_URL.",
    "tcp": "Start Postgres, correct host and port in DATABASE_URL, or open the firewall between here and there.",
    "tls": "Look whether what listens there is Postgres, and whether something in between ends connections.",
}


def _of_server(found: Examined) -> Iterator[Finding]:
    server = found.one("server")
    if not server:
        return
    if server["version_num"] < OLDEST:
        yield critical(
            "postgres-old", f"Postgres {server['version']} is too old", "The schema needs 15 or newer; migrations and "
            "sign-ins fail on it.", "Upgrade the server to Postgres 15 or newer.",
        )  # fmt: skip
    if server["is_replica"]:
        yield critical(
            "postgres-replica", "The database is a replica", "It takes no writes: nobody can sign up, and no API key "
            f"is made. It is {server['replay_age_s'] or 0:.0f} s behind.",
            "Name the primary in DATABASE_URL, or promote this server: SELECT pg_promote()",
        )  # fmt: skip
    elif server["isolation"] != "read committed":
        yield critical(
            "postgres-isolation", f"Transactions are {server['isolation']} by default", "Two first sign-ins of one "
            "person that race fail instead of sharing one account: the one statement needs READ COMMITTED.",
            "ALTER ROLE CURRENT_USER RESET default_transaction_isolation",
        )  # fmt: skip
    if server["uptime_s"] < RESTARTED_S:
        yield notice(
            "postgres-restarted", f"Postgres was started {server['uptime_s'] / 60:.0f} min ago",
            "Its caches are cold, so the first look-ups are slower; it may have been restarted by a fault.",
            "If nobody restarted it on purpose, read its log from before that time.",
        )  # fmt: skip
    skew_s = found.skew_s
    if skew_s is not None and abs(skew_s) > SKEW_S + (found.trip_s or 0):
        make = critical if abs(skew_s) > SKEW_BAD_S else warning
        way = "ahead of" if skew_s > 0 else "behind"
        yield make(
            "clock-skew", f"The database's clock is {abs(skew_s):.0f} s {way} this machine's",
            "Whether a token has expired is judged by this machine's clock: one that is off refuses good tokens or "
            "takes expired ones; ages of answers are off by as much.",
            "Let both machines follow NTP (chronyc tracking, timedatectl).",
        )  # fmt: skip


def _of_link(found: Examined) -> Iterator[Finding]:
    low_s, high_s = FAR_LOOKUP_S
    if found.trip_s is not None and found.trip_s > FAR_S:
        yield warning(
            "postgres-far", f"A round trip to the database takes {found.trip_s * 1e3:.0f} ms",
            "A sign-in that is not remembered waits for one, and for more while connecting; above 100 ms the founding "
            "document's limits are too tight.",
            f"Move the service near the database, or set USER_LOOKUP_TIMEOUT to {low_s:g} to {high_s:g} s "
            "(docs/how-to/configure.md).",
        )  # fmt: skip
    if not found.is_local and not found.reach.is_tls:
        yield warning(
            "postgres-no-tls", "The connection to the database is not encrypted",
            "Whoever stands in between reads e-mail addresses and sealed keys, and may change them.",
            "Let the server offer TLS and add sslmode=verify-full (with sslrootcert=) to DATABASE_URL.",
        )  # fmt: skip
    if found.pooler == "session":
        yield notice(
            "pooler-session", "A pooler in session mode stands before the database",
            "Each of our connections keeps one of the server's for as long as it lives: processes times "
            "DATABASE_POOL_SIZE are taken, busy or not.",
            "Use the pooler's transaction mode (Supabase: port 6543); nothing of ours needs a session.",
        )  # fmt: skip


def _of_schema(found: Examined) -> Iterator[Finding]:
    if "schema_version" in found.unheard:
        yield critical(
            "schema-missing", "The database has no schema of ours", "Nobody can sign in from it.",
            "Run: gatewayz-auth migrate",
        )  # fmt: skip
        return
    version = found.one("schema_version").get("version")
    if version is not None and version < NEWEST:
        yield critical(
            "schema-old", f"The schema is at version {version} of {NEWEST}", "This version does not start on it.",
            "Run: gatewayz-auth migrate",
        )  # fmt: skip
    if version != NEWEST or "indexes" not in found.rows:
        return
    there = {row["name"]: row["is_valid"] for row in found.rows["indexes"]}
    for name, said in expected_indexes().items():
        if not there.get(name, False):
            what = "is not valid" if name in there else "is missing"
            yield critical(
                "index-missing", f"The index {name} {what}",
                "Look-ups that it answers read whole tables: sign-ins get slower with every account, until they time "
                "out.",
                f"DROP INDEX IF EXISTS {name}, then: {said}" if name in there else said,
            )  # fmt: skip


def expected_indexes() -> dict[str, str]:
    """The indexes that the migrations leave, by name, and the statement that makes each."""
    made: dict[str, str] = {}
    for migration in migrations():
        for match in _INDEX.finditer(migration.up):
            if match[1].upper().startswith("DROP"):
                made.pop(match[2], None)
            else:
                made[match[2]] = " ".join(migration.up[match.start() :].split(";")[0].split())
    return made


def _unheard(found: Examined) -> Iterator[Finding]:
    left = {name: why for name, why in found.unheard.items() if name not in {"schema_version", "statements", "doors"}}
    if left:
        name, why = next(iter(left.items()))
        yield warning(
            "postgres-unheard", f"{len(left)} of the doctor's questions got no answer",
            f"The first was {name!r}: {why}. What they would have shown is not known.",
            "Ask again; where it stays so, let the user see the server's figures: GRANT pg_monitor TO CURRENT_USER",
        )  # fmt: skip
