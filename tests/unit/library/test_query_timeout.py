"""The library's query time-outs: bounded in time and in number, and honest about what was walked away from."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import subprocess
import sys
import threading
import time

import pytest
from tests.support.withheld import Stopwatch

from gatewayz_auth import query_timeout
from gatewayz_auth.adapters import library
from gatewayz_auth.query_timeout import (
    QueryTimeoutError,
    abandoned_calls,
    aexecute_with_timeout,
    asafe_query_with_timeout,
    execute_with_timeout,
    safe_query_with_timeout,
)


@pytest.fixture(autouse=True)
def of_its_own(monkeypatch):
    """Threads of this test's own, four of them."""
    monkeypatch.setattr(library, "_threads", None)
    monkeypatch.setattr(library, "_coroutines", None)
    monkeypatch.setenv("QUERY_TIMEOUT_THREADS", "4")


@pytest.fixture
def stuck():
    """A callable that hangs until the test is over."""
    release = threading.Event()
    yield release.wait
    release.set()
    wait_until(lambda: library.threads().running == 0)


def wait_until(is_so, limit_s=5.0):
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_the_numbers_are_those_of_the_founding_document():
    names = query_timeout
    assert (names.DEFAULT_QUERY_TIMEOUT, names.AUTH_QUERY_TIMEOUT, names.USER_LOOKUP_TIMEOUT) == (10, 8, 5)


def test_no_more_than_the_named_number_of_threads_and_the_next_is_refused_at_once(stuck):
    for _ in range(4):
        with pytest.raises(QueryTimeoutError, match=r"timeout exceeded 0\.02s"):
            execute_with_timeout(stuck, 0.02)
    took = Stopwatch()
    with pytest.raises(QueryTimeoutError, match="all 4"):
        execute_with_timeout(lambda: 1, 5)
    assert safe_query_with_timeout(None, "users", lambda: 1, 5, fallback_value="none") == "none"
    assert took.seconds < 0.5
    assert library.threads().running == 4


def test_those_walked_away_from_are_counted_until_they_really_end():
    release = threading.Event()
    for _ in range(3):
        with pytest.raises(QueryTimeoutError):
            execute_with_timeout(release.wait, 0.02)
    assert abandoned_calls() == (3, 3)
    release.set()
    wait_until(lambda: abandoned_calls().running == 0)
    assert abandoned_calls() == (0, 3)
    assert execute_with_timeout(lambda: "again") == "again"


def test_a_call_that_ends_in_time_is_not_counted():
    for number in range(50):
        assert execute_with_timeout(lambda number=number: number, 5) == number
    assert abandoned_calls() == (0, 0)
    assert library.threads().running == 0


def test_context_variables_are_seen_and_not_changed_by_the_call():
    request_id = contextvars.ContextVar("request_id")
    request_id.set("r1")

    def read_and_set():
        seen = request_id.get()
        request_id.set("other")
        return seen

    assert execute_with_timeout(read_and_set) == "r1"
    assert request_id.get() == "r1"
    assert asyncio.run(aexecute_with_timeout(read_and_set)) == "r1"


class OddError(Exception):
    pass


@pytest.mark.parametrize("error", [ValueError("x"), OddError("x"), TimeoutError("its own"), StopIteration(3), KeyError])
def test_what_the_callable_raises_is_raised(error):
    def fail():
        raise error

    kind = error if isinstance(error, type) else type(error)
    with pytest.raises(kind) as caught:
        execute_with_timeout(fail)
    assert not isinstance(caught.value, QueryTimeoutError)

    async def twin():
        with pytest.raises(kind):
            await aexecute_with_timeout(fail)

    if kind is not StopIteration:  # Python itself forbids that one to leave a coroutine
        asyncio.run(twin())
    assert safe_query_with_timeout(None, "users", fail, fallback_value=[]) == []
    assert asyncio.run(asafe_query_with_timeout(None, "users", fail, fallback_value=[])) == []


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_without_time_nothing_is_started(limit):
    called = []
    with pytest.raises(QueryTimeoutError):
        execute_with_timeout(lambda: called.append(1), limit)
    with pytest.raises(QueryTimeoutError):
        asyncio.run(aexecute_with_timeout(lambda: called.append(1), limit))
    assert not called


def test_an_endless_limit_is_allowed():
    assert execute_with_timeout(lambda: 1, float("inf")) == 1


def test_the_twin_leaves_the_loop_free_and_returns_at_the_limit(stuck):
    async def scenario():
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        took = Stopwatch()
        with pytest.raises(QueryTimeoutError, match=r"timeout exceeded 0\.1s"):
            await aexecute_with_timeout(stuck, 0.1)
        assert took.seconds < 1.0
        counting.cancel()
        return turns

    assert asyncio.run(scenario()) > 10
    assert abandoned_calls() == (1, 1)


def test_a_cancelled_caller_of_the_twin_leaves_at_once_and_is_counted(stuck):
    async def scenario():
        asking = asyncio.ensure_future(aexecute_with_timeout(stuck, 30))
        while library.threads().running == 0:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(scenario())
    assert abandoned_calls() == (1, 1)


@pytest.mark.parametrize("form", ["function", "lambda"])
def test_the_twin_awaits_an_asynchronous_client(form):
    async def query(delay_s=0.0):
        await asyncio.sleep(delay_s)
        return "row"

    async def scenario():
        assert await aexecute_with_timeout(query if form == "function" else (lambda: query(0)), 5) == "row"
        with pytest.raises(QueryTimeoutError, match=r"timeout exceeded 0\.05s"):
            await aexecute_with_timeout(lambda: query(30), 0.05)

    asyncio.run(scenario())


def test_the_twin_walks_away_from_a_coroutine_that_ignores_cancellation():
    async def scenario():
        release = asyncio.Event()

        async def deaf():
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        with pytest.raises(QueryTimeoutError):
            await aexecute_with_timeout(deaf, 0.05)
        release.set()
        while len(library.coroutines()):
            await asyncio.sleep(0)

    asyncio.run(scenario())


def test_a_failure_is_logged_without_the_words_of_the_error(caplog):
    def fail():
        raise ValueError("ada@example.com has no row")

    with caplog.at_level(logging.INFO, "gatewayz_auth"):
        assert safe_query_with_timeout(None, "users", fail, operation_name="fetch API keys for user 7") is None
    assert [record.getMessage() for record in caplog.records] == ["fetch API keys for user 7 failed: ValueError"]
    assert caplog.records[0].table == "users"
    assert "ada@example.com" not in caplog.text


def test_debug_says_where_a_call_failed_and_not_what_the_error_says(caplog):
    person = "ada", "example.com"

    def look_up():
        raise ValueError("@".join(person))

    with caplog.at_level(logging.DEBUG, "gatewayz_auth"):
        assert safe_query_with_timeout(None, "users", look_up) is None
    assert "in look_up" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_nothing_is_logged_when_told_not_to(caplog, stuck):
    assert safe_query_with_timeout(None, "users", stuck, 0.02, log_errors=False) is None
    assert caplog.records == []


def test_an_interrupted_wait_counts_what_it_leaves(monkeypatch, stuck):
    monkeypatch.setattr(
        "gatewayz_auth.adapters.threads.wait", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        safe_query_with_timeout(None, "users", stuck)
    assert abandoned_calls() == (1, 1)


def test_a_bad_number_of_threads_is_said_and_the_default_taken(monkeypatch, caplog):
    monkeypatch.setenv("QUERY_TIMEOUT_THREADS", "many")
    assert execute_with_timeout(lambda: 1) == 1
    assert "QUERY_TIMEOUT_THREADS" in caplog.text
    assert "many" not in caplog.text


def run_program(text, limit_s=20):
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=limit_s, check=False)


def test_the_end_of_the_process_does_not_wait_for_a_hanging_call():
    program = """
import threading
from gatewayz_auth.query_timeout import safe_query_with_timeout
print(safe_query_with_timeout(None, "users", threading.Event().wait, 0.05, fallback_value="fallback"))
"""
    done = run_program(program)
    assert (done.stdout, done.returncode) == ("fallback\n", 0)


def test_importing_the_library_starts_no_thread_and_needs_no_settings():
    program = """
import threading, asyncio
import gatewayz_auth.query_timeout, gatewayz_auth.auth_cache, gatewayz_auth.connection_pool_monitor
assert threading.active_count() == 1
"""
    done = run_program(program)
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_forked_child_starts_with_nothing_running(stuck):
    for _ in range(4):
        with pytest.raises(QueryTimeoutError):
            execute_with_timeout(stuck, 0.01)
    library.threads()._pid = -1  # as after a fork
    assert execute_with_timeout(lambda: "child") == "child"
