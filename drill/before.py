"""The sign-in of before: the founding document's blocking queries, one after another, in an ``async`` route.

What the document says and what is here: "3-12+ synchronous blocking database queries that accumulated latency", for
somebody known 3 to 4, for a newcomer 6 to 12; user look-ups by Privy id and then by username; API keys read from
``api_keys_new``; duplicate e-mail and username checks; referrals "looked up in main auth flow"; an update; no time-outs
(``.execute()`` waits for ever); no cache. Each ``_execute`` below is one such query, and of each range the least is
taken: 3 for somebody known, 6 for a newcomer, 9 with a referral code.

What the document does not say, and how it is decided in favour of before: the token is proven (by the service's own
code, before any query); the columns that are asked for have indexes (the document wishes for them); a query goes to
Postgres directly, without PostgREST and HTTP between; one connection a worker, never lost, made again if it is.
What is left out: the mail to the referrer, the client's retries, the gateway that answers 504.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import FastAPI, HTTPException
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict

from gatewayz_auth.adapters.privy.dev_issuer import APP_ID
from gatewayz_auth.adapters.privy.tokens import PrivyTokens
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy

if TYPE_CHECKING:
    from typing import LiteralString

DATABASE_URL, VERIFICATION_KEY = "BEFORE_DATABASE_URL", "BEFORE_VERIFICATION_KEY"
REFERRER = "did:privy:referrer"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_TABLES = """
CREATE SCHEMA before;
CREATE TABLE before.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, privy_user_id text, username text, email text,
    credits numeric NOT NULL DEFAULT 3, referral_code text, referred_by bigint, last_login timestamptz);
CREATE INDEX ON before.users (privy_user_id);
CREATE INDEX ON before.users (username);
CREATE INDEX ON before.users (email);
CREATE INDEX ON before.users (referral_code);
CREATE TABLE before.api_keys_new (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint NOT NULL, api_key text NOT NULL,
    is_primary boolean NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON before.api_keys_new (user_id);
CREATE TABLE before.referrals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, referrer_id bigint NOT NULL, user_id bigint NOT NULL,
    code text NOT NULL);
"""


def make_tables(database_url: str, known: list[str]) -> None:
    """Make the tables of before in a schema of their own, with the people whose Privy ids are ``known``."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TABLES)
        connection.execute(
            "INSERT INTO before.users (privy_user_id, username, email, referral_code) "
            "SELECT who, 'user_' || nr, nr || '@example.com', CASE WHEN who = %s THEN 'DRILL' END "
            "FROM unnest(%s::text[]) WITH ORDINALITY AS known (who, nr)",
            (REFERRER, [REFERRER, *known]),
        )
        connection.execute(
            "INSERT INTO before.api_keys_new (user_id, api_key, is_primary) "
            "SELECT id, 'gw_live_' || md5(id::text), true FROM before.users"
        )


class Queries:
    """The queries of before on one connection, each a round trip that waits for as long as it takes."""

    def __init__(self, database_url: str) -> None:
        """Keep the address; the first query connects."""
        self._url = database_url
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._entropy = SystemEntropy()
        self.asked = 0
        """Queries so far."""

    def _execute(self, query: LiteralString, *values: object) -> list[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=None, row_factory=dict_row)
        self.asked += 1
        cursor = self._connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def sign_in(self, who: str, referral_code: str | None = None) -> dict[str, Any]:
        """Find or make the account of ``who``, query by query."""
        found = self._execute("SELECT * FROM before.users WHERE privy_user_id = %s", who)
        if found:
            return self._known(found[0])
        username = f"user_{who.removeprefix('did:privy:')}"
        email = f"{username}@example.com"
        if found := self._execute("SELECT * FROM before.users WHERE username = %s", username):
            return self._known(found[0])
        if self._execute("SELECT id FROM before.users WHERE email = %s", email):
            raise HTTPException(400, "email already registered")
        if self._execute("SELECT id FROM before.users WHERE username = %s", username):
            username = f"{username}_1"
        made = self._execute(
            "INSERT INTO before.users (privy_user_id, username, email, last_login) VALUES (%s, %s, %s, now()) "
            "RETURNING *", who, username, email,
        )[0]  # fmt: skip
        key = self._execute(
            "INSERT INTO before.api_keys_new (user_id, api_key, is_primary) VALUES (%s, %s, true) RETURNING api_key",
            made["id"], f"gw_live_{self._entropy.token(_LETTERS, 32)}",
        )[0]  # fmt: skip
        if referral_code:
            self._referral(referral_code, made["id"])
        return self._answer(made, key["api_key"], is_new=True)

    def _known(self, user: dict[str, Any]) -> dict[str, Any]:
        keys = self._execute(
            "SELECT api_key, is_primary, created_at FROM before.api_keys_new WHERE user_id = %s", user["id"]
        )
        self._execute("UPDATE before.users SET last_login = now() WHERE id = %s", user["id"])
        return self._answer(user, keys[0]["api_key"] if keys else None, is_new=False)

    def _referral(self, code: str, user_id: int) -> None:
        referrer = self._execute("SELECT id FROM before.users WHERE referral_code = %s", code)
        if referrer:
            self._execute("UPDATE before.users SET referred_by = %s WHERE id = %s", referrer[0]["id"], user_id)
            self._execute(
                "INSERT INTO before.referrals (referrer_id, user_id, code) VALUES (%s, %s, %s)",
                referrer[0]["id"], user_id, code,
            )  # fmt: skip

    @staticmethod
    def _answer(user: dict[str, Any], api_key: str | None, *, is_new: bool) -> dict[str, Any]:
        return {
            "success": True,
            "user_id": user["id"],
            "privy_user_id": user["privy_user_id"],
            "api_key": api_key,
            "is_new_user": is_new,
            "credits": float(user["credits"]),
        }


class _OneKey:
    """The keys that tokens are proven by: one, given in advance."""

    def __init__(self, pem: str) -> None:
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, EllipticCurvePublicKey):
            raise TypeError("tokens are signed by an elliptic curve key")
        self._keys = (key,)

    def candidates(self, kid: str | None) -> tuple[EllipticCurvePublicKey, ...]:
        del kid
        return self._keys

    def missed(self, kid: str | None) -> None:
        """Know of no other key."""


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str


class _SignIn(BaseModel):
    model_config = ConfigDict(extra="ignore")
    token: str
    user: _User
    referral_code: str | None = None


def application() -> FastAPI:
    """What uvicorn serves, by the environment."""
    queries = Queries(os.environ[DATABASE_URL])
    tokens = PrivyTokens(_OneKey(os.environ[VERIFICATION_KEY]), APP_ID)
    utc_now_s = SystemClock().utc_now_s
    app = FastAPI()

    @app.post("/api/auth")
    async def privy_auth(request: _SignIn) -> dict[str, Any]:
        try:
            proof = tokens.access(request.token, utc_now_s())
        except TokenNotAccepted:
            raise HTTPException(401) from None
        if proof.subject != request.user.id:
            raise HTTPException(403)
        return queries.sign_in(request.user.id, request.referral_code)  # blocks the loop: so it was

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"status": "ok"}

    return app
