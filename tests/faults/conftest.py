"""One service for all of them, asked through every fault in turn: a process is dear, a fault is cheap."""

import pytest
from tests.support.faults import Faulted

TTL_S = 2
LOOKUP_S = 2
BUDGET_S = 3

_QUICK = {"AUTH_CACHE_TTL": TTL_S, "USER_LOOKUP_TIMEOUT": LOOKUP_S, "AUTH_QUERY_TIMEOUT": BUDGET_S}


@pytest.fixture(scope="session")
def faulted_database(postgres_server):
    url = postgres_server.database()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def service(tmp_path_factory, faulted_database, valkey_server):
    """The service over healthy neighbours, with limits short enough for a test."""
    settings = {name: str(value) for name, value in _QUICK.items()}
    with Faulted(tmp_path_factory.mktemp("faulted"), faulted_database, valkey_server.url, **settings) as faulted:
        yield faulted.start()
