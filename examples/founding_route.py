"""The founding document's route in a program that uses the real Supabase client, synchronously, and our library names.

    python examples/founding_route.py

A stand-in of PostgREST on this machine plays Supabase, so nothing else is needed. With ``REDIS_URL`` and
``API_KEY_SECRET`` in the environment the second sign-in comes from the cache; without them every one asks the database.
In the end the stand-in falls silent, and the caller is released at the limit all the same.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from supabase import Client, create_client

from gatewayz_auth.auth_cache import cache_user_by_privy_id, get_cached_user_by_privy_id, invalidate_user_cache
from gatewayz_auth.connection_pool_monitor import log_pool_diagnostics, register_pool
from gatewayz_auth.query_timeout import (
    AUTH_QUERY_TIMEOUT,
    USER_LOOKUP_TIMEOUT,
    QueryTimeoutError,
    abandoned_calls,
    execute_with_timeout,
    safe_query_with_timeout,
)

ADA = "did:privy:ada"
TABLES: dict[str, list[dict[str, Any]]] = {
    "users": [{"id": 456, "privy_user_id": ADA, "username": "ada", "credits": 3}],
    "api_keys_new": [{"api_key": "gw_live_example", "is_primary": True, "user_id": 456}],
}


class StandIn(BaseHTTPRequestHandler):
    """As much of PostgREST as this program asks for: rows of a table where columns equal values."""

    protocol_version = "HTTP/1.1"  # keeps connections, as the real one does
    is_silent = threading.Event()
    goes_on = threading.Event()

    def do_GET(self) -> None:
        """Answer the rows, or nothing at all until the program ends."""
        if self.is_silent.is_set():
            self.goes_on.wait()
        url = urlsplit(self.path)
        wanted = {name: value[0][3:] for name, value in parse_qs(url.query).items() if value[0].startswith("eq.")}
        rows = TABLES[url.path.rpartition("/")[2]]
        found = [row for row in rows if all(str(row[name]) == value for name, value in wanted.items())]
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def get_user_by_privy_id(client: Client, privy_id: str) -> dict[str, Any] | None:
    """Ask the database, as the founding platform's ``users_module`` does."""
    rows = client.table("users").select("*").eq("privy_user_id", privy_id).execute().data
    return rows[0] if rows else None


def sign_in(client: Client, privy_id: str, lookup_timeout: float = USER_LOOKUP_TIMEOUT) -> dict[str, Any] | None:
    """Find the person and their keys: cache first, then the database with a limit."""
    existing_user = get_cached_user_by_privy_id(privy_id)
    if not existing_user:
        existing_user = safe_query_with_timeout(
            client,
            "users",
            lambda: get_user_by_privy_id(client, privy_id),
            timeout_seconds=lookup_timeout,
            operation_name="get user by privy_id",
            fallback_value=None,
        )
        if existing_user:
            cache_user_by_privy_id(privy_id, existing_user)
    if not existing_user:
        return None

    def fetch_api_keys() -> list[dict[str, Any]]:
        return (
            client.table("api_keys_new").select("api_key, is_primary").eq("user_id", existing_user["id"]).execute().data
        )

    all_keys_result = safe_query_with_timeout(
        client,
        "api_keys_new",
        fetch_api_keys,
        timeout_seconds=AUTH_QUERY_TIMEOUT,
        operation_name=f"fetch API keys for user {existing_user['id']}",
        fallback_value=None,
    )
    return {"user": existing_user, "keys": all_keys_result}


def main() -> None:
    """Sign in twice, change the person, sign in again, and once more while the database says nothing."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = create_client(f"http://127.0.0.1:{server.server_port}", "a-public-key")
    register_pool(client)

    for _ in range(2):
        found = sign_in(client, ADA)
        print("signed in:", f"{found['user']['username']} with {len(found['keys'])} key" if found else "nobody")
    log_pool_diagnostics()

    TABLES["users"][0]["credits"] = 5
    print("invalidated:", invalidate_user_cache(privy_id=ADA, username="ada"))
    found = sign_in(client, ADA)
    print("credits now:", found["user"]["credits"] if found else "not known")

    invalidate_user_cache(privy_id=ADA)
    StandIn.is_silent.set()
    started = time.perf_counter()
    print("found while the database says nothing:", sign_in(client, ADA, lookup_timeout=0.5))
    try:
        execute_with_timeout(lambda: get_user_by_privy_id(client, ADA), 0.5, "look-up before a sign-up")
    except QueryTimeoutError as error:
        print("not known, which is not the same as not found:", error)
    print(f"released after {time.perf_counter() - started:.1f} s, walked away from: {abandoned_calls().running}")
    StandIn.goes_on.set()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
