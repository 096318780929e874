"""Servers for whoever asks for them, and what became of the tests that could not run."""

import collections
import logging
import os

import pytest
import redis
import structlog
from tests.support import run_report
from tests.support.requirements import is_allowed
from tests.support.servers import PostgresServer, ValkeyServer

ALONE = (
    "tests/faults/",
    "tests/e2e/test_drill",
    "tests/e2e/test_make_run",
    "tests/e2e/test_serve_dev.py::test_users_keys_and_tokens_survive_a_kill_of_everything",
    "tests/e2e/test_workers",
)
"""Tests that measure time, or need the machine to themselves …"""

NOT_ALONE = ("tests/faults/test_jobs",)
"""… but for those whose bounds are of seconds, and who mostly wait."""

_REQUIRE_ALL = os.environ.get("REQUIRE_ALL", "") not in {"", "0"}


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The embedded Postgres of this run, not durable; see tests/support/servers.py."""
    server = PostgresServer(tmp_path_factory.mktemp("pg"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def restored_logging():
    """Whatever a test does to logging ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def database_url(postgres_server):
    """A migrated database of this test's own."""
    url = postgres_server.database()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_database_url(postgres_server):
    """A database of this test's own with nothing in it."""
    url = postgres_server.empty_database()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory):
    """The embedded Valkey of this run."""
    server = ValkeyServer(tmp_path_factory.mktemp("vk"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(valkey_server):
    """A Valkey with nothing in it."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what may not run beside others."""
    for item in items:
        if item.nodeid.startswith(ALONE) and not item.nodeid.startswith(NOT_ALONE):
            item.add_marker(pytest.mark.alone)


def _reason(report) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Under REQUIRE_ALL=1 a skip is a failure, except where nothing could install what is missing."""
    report = yield
    return _required(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """The same for a module that skips as a whole."""
    report = yield
    return _required(report)


def _required(report):
    if _REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail") and not is_allowed(_reason(report)):
        report.outcome = "failed"
        report.longrepr = f"skipped under REQUIRE_ALL=1: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """Count the skipped tests by reason, and leave the report that ``preflight`` reads."""
    run_report.write(terminalreporter.stats, exitstatus, config.option.markexpr)
    reasons = collections.Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("skipped, by reason")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5d}  {reason}")
