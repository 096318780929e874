"""The plan of the one statement as the database really carries it out: run, shown without values, rolled back."""

from __future__ import annotations

from typing import Any

import psycopg

from gatewayz_auth.adapters.postgres.connection import BoundedConnection
from gatewayz_auth.adapters.postgres.failures import DRIVER_ERRORS, in_our_words
from gatewayz_auth.adapters.postgres.pool import connection_options
from gatewayz_auth.adapters.postgres.statements import statement

NOBODY = "did:privy:asked-for-by-the-doctor"
_WATCH = (
    "LOAD 'auto_explain'",
    "SET LOCAL auto_explain.log_min_duration = 0",
    "SET LOCAL auto_explain.log_analyze = on",
    "SET LOCAL auto_explain.log_buffers = on",
    "SET LOCAL auto_explain.log_nested_statements = on",
    "SET LOCAL auto_explain.log_parameter_max_length = 0",
    "SET LOCAL auto_explain.log_level = notice",
    "SET LOCAL client_min_messages = notice",
)
_NOT_WATCHED = (
    "What is inside the function is not shown: this user may not LOAD 'auto_explain' (a superuser may, or "
    "session_preload_libraries).\n\n"
)
_CUT = 200


async def explain(database_url: str, limit_s: float) -> str:
    """The plan, of every statement inside where the server lets us see it; nothing of it stays, and it names nobody.

    ``NotKnown`` where the database does not answer within ``limit_s`` seconds.
    """
    try:
        async with await BoundedConnection.connect(database_url, **connection_options(database_url)) as connection:
            connection.wait_limit_s = limit_s / 2
            return await _explained(connection, limit_s)
    except DRIVER_ERRORS as error:
        raise in_our_words(error, "explain", limit_s) from None


async def _explained(connection: BoundedConnection, limit_s: float) -> str:
    told: list[str] = []
    async with connection.transaction(force_rollback=True):
        await connection.execute(statement("limit_statement"), {"limit_ms": str(int(limit_s * 400))})
        row = await (await connection.execute(statement("doctor/somebody"))).fetchone()
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        is_watched = await _watched(connection)
        told.clear()
        somebody = None if row is None else row["privy_user_id"]
        cursor = await connection.execute(
            b"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) " + statement("sign_in"), _parameters(somebody)
        )
        outside = "\n".join(str(one["QUERY PLAN"]) for one in await cursor.fetchall())
    who = "a person who is known" if somebody else "a newcomer (nobody is known yet)"
    inside = "\n\n".join(_shown(plan) for plan in told if "Query Text" in plan and "EXPLAIN" not in plan)
    head = f"The sign-in of {who}, carried out and rolled back.\n\n"
    return head + (f"{inside}\n\n" if is_watched and inside else _NOT_WATCHED) + outside


async def _watched(connection: BoundedConnection) -> bool:
    try:
        async with connection.transaction():
            for setting in _WATCH:
                await connection.execute(setting.encode())
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile):
        return False
    return True


def _shown(plan: str) -> str:
    """The plan with its question on one short line."""
    lines = plan.splitlines()
    first = next((n for n, line in enumerate(lines) if "(cost=" in line), len(lines))
    asked = " ".join(" ".join(lines[:first]).split())
    asked = asked.partition("Query Text: ")[2]
    cut = asked if len(asked) <= _CUT else asked[: _CUT - 1] + "…"
    return "\n".join([cut, *lines[first:]])


def _parameters(somebody: str | None) -> dict[str, Any]:
    nothing = dict.fromkeys(
        (
            "verified_email", "claimed_email", "verified_phone", "claimed_phone", "key_id", "key_prefix", "key_digest",
            "key_digest_key_id", "key_sealed", "key_owner_secret", "referral_code", "display_name",
        )
    )  # fmt: skip
    return {
        **nothing, "privy_user_id": somebody or NOBODY, "region": "default", "may_join": somebody is None,
        "username": "doctor", "auth_method": "other", "is_guest": False, "is_proven": False, "credits": 0,
        "full_credits": 0, "tier": "basic", "trial_days": 0, "environment_tag": "live",
    }  # fmt: skip
