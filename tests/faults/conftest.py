"""One service for all of them, asked through every fault in turn: a process is dear, a fault is cheap."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.faults import Faulted, through_postgres
from tests.support.faulty_proxy import FaultyProxy
from tests.support.forgeries import compact
from tests.support.key_server import KeyServer, answers

from gatewayz_auth.adapters.privy import base64url
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.entropy import SystemEntropy

TTL_S = 2
LOOKUP_S = 2
BUDGET_S = 3

_QUICK = {"AUTH_CACHE_TTL": TTL_S, "USER_LOOKUP_TIMEOUT": LOOKUP_S, "AUTH_QUERY_TIMEOUT": BUDGET_S}


class Bounds:
    """What each cell allows and what was seen in it, for ``tools/write_bounds.py``."""

    def __init__(self):
        self._rows = []

    def note(self, neighbour, fault, when, caller, bound, took_s, tables):
        self._rows.append(
            {
                "neighbour": neighbour,
                "fault": fault,
                "when": when,
                "caller": caller,
                "status": sorted(bound.statuses),
                "source": sorted(source for source in bound.sources if source),
                "within_s": bound.within_s,
                "took_s": round(took_s, 3),
                "tables": tables,
            }
        )

    def write(self):
        if path := os.environ.get("FAULT_BOUNDS"):
            Path(path).write_text(json.dumps(self._rows, indent=1))


@pytest.fixture(scope="session")
def bounds():
    bounds = Bounds()
    yield bounds
    bounds.write()


@pytest.fixture(scope="session")
def faulted_database(postgres_server):
    url = postgres_server.database()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def service(tmp_path_factory, faulted_database, valkey_server):
    """The service over healthy neighbours, with limits short enough for a test."""
    settings = {name: str(value) for name, value in _QUICK.items()}
    settings["PGPASSWORD"] = "of-before-the-rotation"  # nobody asks for it but one of the faults
    with Faulted(tmp_path_factory.mktemp("faulted"), faulted_database, valkey_server.url, **settings) as faulted:
        yield faulted.start()


class Odd(NamedTuple):
    """A service that knows its neighbours by names alone, and its keys from a key server behind the proxy ``keys``."""

    service: Faulted
    keys: FaultyProxy
    key_server: KeyServer
    names: Path
    """While this file exists, no look-up of a name ends."""
    coming: DevIssuer
    """An issuer whose key is not published yet."""


def jwks(*issuers):
    """What the key server publishes of these."""

    def jwk(issuer):
        point = issuer._key.public_key().public_numbers()
        x, y = (base64url.encode(number.to_bytes(32, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": issuer._kid, "use": "sig", "alg": "ES256"}

    return compact({"keys": [jwk(issuer) for issuer in issuers]}).encode()


@pytest.fixture(scope="session")
def odd(tmp_path_factory, postgres_server, valkey_server):
    folder = tmp_path_factory.mktemp("odd")
    names, database_url = folder / "names-hang", postgres_server.database()
    settings = {name: str(value) for name, value in _QUICK.items()} | {"HANG": str(names)}
    with Faulted(folder, database_url, valkey_server.url, **settings) as service:
        coming = DevIssuer(tmp_path_factory.mktemp("coming"), SystemEntropy())
        key_server = KeyServer(answers(jwks(service.issuer)))
        with FaultyProxy(("127.0.0.1", key_server.port)) as keys:
            service.start(
                program=Path(__file__).parent / "odd_service.py",
                PRIVY_VERIFICATION_KEY=None,
                PRIVY_JWKS_URL=f"http://keys.test:{keys.port}/jwks.json",
                DATABASE_URL=through_postgres(service.postgres, database_url).replace("127.0.0.1", "postgres.test"),
                REDIS_URL=f"redis://redis.test:{service.redis.port}/0",
            )
            yield Odd(service, keys, key_server, names, coming)
            keys.thaw()
        key_server.stop()
    postgres_server.drop(database_url)
