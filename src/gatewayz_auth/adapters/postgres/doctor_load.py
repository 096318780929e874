"""What the server is busy with, judged: locks, connections, open transactions, slow statements, indexes, bloat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.findings import critical, notice, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewayz_auth.adapters.postgres.doctor import Examined, Limits
    from gatewayz_auth.service.findings import Finding

NEARLY_ALL, MANY = 0.95, 0.8
LAG_S = 10.0
KEPT_BYTES = 1024**3
_MEGABYTE = 1024 * 1024
_NO_STATEMENTS = (
    "Add pg_stat_statements to shared_preload_libraries, restart the server, then: CREATE EXTENSION "
    "pg_stat_statements (Supabase: Database, Extensions; no restart)"
)


def of_load(found: Examined, limits: Limits) -> list[Finding]:
    """The findings about what the server does now and has done."""
    return [
        *_locks(found, limits),
        *_idle(found),
        *_connections(found),
        *_statements(found),
        *_tables(found),
        *_replication(found),
    ]


def line_of(query: str) -> str:
    """One statement on one line, cut short, its values taken out where any are left."""
    text = re.sub(r"'(?:[^']|'')*'", "'…'", " ".join(query.split()))
    text = re.sub(r"(?<![$\w.])\d+", "…", text)
    return text if len(text) <= 100 else text[:99] + "…"  # noqa: PLR2004 - a line of a terminal


def _locks(found: Examined, limits: Limits) -> Iterator[Finding]:
    for row in found.rows.get("locks", []):
        waits_s = row["waits_s"] or 0.0
        if waits_s < limits.blocked_s:
            continue
        yield critical(
            "lock-blocking",
            f"Process {row['blocking_pid']} blocks {row['waiting_pid']} on {row['relation']} for {waits_s:.0f} s",
            f"{row['blocking_user']} ({row['blocking_program']}, {row['blocking_state']} for "
            f"{row['blocking_state_s'] or 0:.0f} s) holds a lock that {row['waiting_user']} waits for"
            f"{' (' + row['mode'] + ')' if row['mode'] else ''}. Sign-ins that need it wait 2 s and then fail.",
            f"End it: SELECT pg_terminate_backend({row['blocking_pid']})",
        )


def _idle(found: Examined) -> Iterator[Finding]:
    for row in found.rows.get("idle_in_transaction", []):
        yield warning(
            "idle-in-transaction",
            f"Process {row['pid']} has a transaction open and does nothing for {row['idle_s']:.0f} s",
            f"{row['username']} ({row['program']}) keeps its locks and keeps dead rows from being cleaned up: what it "
            "has changed, sign-ins wait for.",
            f"SELECT pg_terminate_backend({row['pid']}); and for good: ALTER ROLE {row['username']} SET "
            "idle_in_transaction_session_timeout = '30s'",
        )


def _connections(found: Examined) -> Iterator[Finding]:
    rows: list[dict[str, Any]] = found.rows.get("connections", [])
    if not rows:
        return
    first = rows[0]
    by_user = ", ".join(f"{row['username']} {row['connections']}" for row in rows[:5])
    limits = [("the server", int(first["all_connections"]), first["server_limit"])]
    limits.append(("the database", int(first["database_connections"]), first["database_limit"]))
    limits += [(f"user {row['username']}", row["connections"], row["user_limit"]) for row in rows if row["is_ours"]]
    for whose, taken, limit in limits:
        if limit > 0 and taken >= MANY * limit:
            make = critical if taken >= NEARLY_ALL * limit else warning
            yield make(
                "connections-near-limit",
                f"{taken} of {limit} connections of {whose} are taken",
                f"By user: {by_user}. At the limit new connections are refused, and whoever is not remembered is not "
                "signed in.",
                "Lower DATABASE_POOL_SIZE or the number of processes, end idle programs, or put a pooler in "
                "transaction mode before the server.",
            )
    if "server" in found.rows and not found.one("server")["sees_all"]:
        yield notice(
            "figures-hidden",
            "This user does not see what others do at the server",
            "Locks, open transactions and replicas of other users are not shown to it, so they are not told here.",
            "GRANT pg_monitor TO CURRENT_USER (as an administrator, with the user's name)",
        )


def _statements(found: Examined) -> Iterator[Finding]:
    if found.rows.get("statements_schema") == [] or "statements" in found.unheard:
        why = "made but not loaded" if "statements" in found.unheard else "not there"
        yield notice(
            "statements-unknown",
            f"pg_stat_statements is {why}",
            "Which statements are slow, sign-ins' own among them, cannot be told.",
            _NO_STATEMENTS,
        )
    for row in found.rows.get("statements", []):
        yield warning(
            "statement-slow",
            f"A statement takes {row['mean_ms']:.0f} ms on average ({row['calls']} calls)",
            f"{line_of(row['query'])} - it takes the processor and the disk from look-ups of sign-ins.",
            "EXPLAIN (ANALYZE, BUFFERS) it; for the sign-in itself: gatewayz-auth doctor --explain 'sign in'",
        )


def _tables(found: Examined) -> Iterator[Finding]:
    for row in found.rows.get("table_scans", []):
        yield warning(
            "index-wanted",
            f"{row['relation']} is read from end to end ({row['seq_scan']} times)",
            f"It has about {row['n_live_tup']} rows; each such reading takes time from look-ups.",
            "Find who asks (pg_stat_statements) and give that question an index: CREATE INDEX CONCURRENTLY …",
        )
    for row in found.rows.get("unused_indexes", []):
        yield notice(
            "index-unused",
            f"The index {row['name']} ({row['bytes'] / _MEGABYTE:.0f} MB) is used by no query",
            f"Every change to {row['relation']} keeps it up to date all the same: sign-ups pay for it.",
            f"If replicas do not use it either: DROP INDEX CONCURRENTLY {row['name']}",
        )
    for row in found.rows.get("bloat", []):
        last = "never" if row["vacuumed_s"] is None else f"{row['vacuumed_s'] / 3600:.1f} hours ago"
        yield warning(
            "table-bloated",
            f"{row['relation']} has {row['dead_rows']} dead rows beside {row['live_rows']} live ones",
            f"Look-ups read over them. It was vacuumed last: {last}.",
            f"VACUUM (ANALYZE) {row['relation']}; and look for transactions that stay open",
        )


def _replication(found: Examined) -> Iterator[Finding]:
    for row in found.rows.get("replication", []):
        megabytes = row["bytes"] / _MEGABYTE
        if row["kind"] == "replica" and row["lag_s"] >= LAG_S:
            yield warning(
                "replica-behind",
                f"The replica {row['name']} is {row['lag_s']:.0f} s behind ({megabytes:.0f} MB)",
                "What it would take over with is that old: people of the last seconds would be lost in a failover.",
                "Look at its disk and at long queries on it: SELECT * FROM pg_stat_replication",
            )
        elif row["kind"] == "slot" and row["bytes"] >= KEPT_BYTES:
            yield warning(
                "slot-abandoned",
                f"The replication slot {row['name']} keeps {megabytes:.0f} MB of log for nobody",
                "The log grows until the disk is full; then the database takes no sign-ups and may stop.",
                f"If nobody is to come back for it: SELECT pg_drop_replication_slot('{row['name']}')",
            )
