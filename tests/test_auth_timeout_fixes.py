"""What the founding document lists under this name, on the library names that it prints; run as it says:

    pytest tests/test_auth_timeout_fixes.py -v

Query time-outs, exceptions, cache hits and misses, invalidation, the pool's health, fallback values, and a Redis that
comes and goes. The cache stands on a real Redis. The corners are in ``tests/unit/library/``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from gatewayz_auth import auth_cache, connection_pool_monitor
from gatewayz_auth.adapters.redis import library
from gatewayz_auth.auth_cache import (
    AUTH_CACHE_TTL,
    cache_user_by_privy_id,
    cache_user_by_username,
    get_cached_user_by_privy_id,
    get_cached_user_by_username,
    invalidate_user_cache,
)
from gatewayz_auth.connection_pool_monitor import (
    ConnectionPoolStats,
    check_pool_health_and_warn,
    get_supabase_pool_stats,
    log_pool_diagnostics,
    periodic_pool_health_check,
)
from gatewayz_auth.query_timeout import (
    AUTH_QUERY_TIMEOUT,
    DEFAULT_QUERY_TIMEOUT,
    USER_LOOKUP_TIMEOUT,
    QueryTimeoutError,
    execute_with_timeout,
    safe_query_with_timeout,
)

USER = {"id": 456, "username": "user_123", "email": "ada@example.com", "credits": 3.0, "is_active": True}


@pytest.fixture
def redis_of_its_own(redis_url, monkeypatch):
    """The environment of a program that uses the cache, with room for a busy machine beside the 50 ms."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("API_KEY_SECRET", "s" * 40)
    monkeypatch.delenv("AUTH_CACHE_TTL", raising=False)
    monkeypatch.setattr(library, "_REDIS_LIMIT_S", 2.0)
    monkeypatch.setattr(auth_cache, "_LIMIT_S", 2.0)
    yield
    monkeypatch.delenv("REDIS_URL")
    library._plain_cache()


@pytest.fixture
def hanging():
    """A query that hangs until the test is over."""
    release = threading.Event()
    yield release.wait
    release.set()


class TestQueryTimeout:
    def test_the_limits_are_those_of_the_document(self):
        assert (DEFAULT_QUERY_TIMEOUT, AUTH_QUERY_TIMEOUT, USER_LOOKUP_TIMEOUT) == (10, 8, 5)

    def test_a_query_that_answers_in_time_is_answered(self):
        assert execute_with_timeout(lambda: USER, timeout_seconds=5, operation_name="get user") == USER

    def test_a_query_that_hangs_is_given_up_at_the_limit(self, hanging):
        started = time.perf_counter()
        with pytest.raises(QueryTimeoutError, match=r"timeout exceeded 0\.1s"):
            execute_with_timeout(hanging, timeout_seconds=0.1)
        assert 0.09 < time.perf_counter() - started < 1.0

    def test_an_exception_of_the_query_is_raised_as_it_is(self):
        def fail():
            raise ConnectionError("database is away")

        with pytest.raises(ConnectionError, match="database is away"):
            execute_with_timeout(fail)


class TestFallback:
    def test_an_answer_is_handed_through(self):
        assert safe_query_with_timeout(None, "users", lambda: USER) == USER

    @pytest.mark.parametrize("fallback", [None, [], {"id": 0}])
    def test_a_time_out_gives_the_fallback(self, hanging, fallback):
        found = safe_query_with_timeout(None, "users", hanging, timeout_seconds=0.05, fallback_value=fallback)
        assert found is fallback

    def test_any_error_gives_the_fallback(self):
        assert safe_query_with_timeout(None, "api_keys_new", lambda: 1 / 0, fallback_value="none") == "none"

    def test_a_look_up_that_timed_out_is_logged_in_the_documents_words(self, hanging, caplog):
        safe_query_with_timeout(
            None, "users", hanging, timeout_seconds=0.05, operation_name="get user by privy_id", fallback_value=None
        )
        assert caplog.messages == ["Privy ID lookup timed out: timeout exceeded 0.05s"]

    def test_it_is_silent_when_told_to_be(self, caplog):
        safe_query_with_timeout(None, "users", lambda: 1 / 0, log_errors=False)
        assert caplog.messages == []


@pytest.mark.usefixtures("redis_of_its_own")
class TestCache:
    def test_it_lives_five_minutes(self):
        assert AUTH_CACHE_TTL == 300

    def test_a_miss_is_none(self):
        assert get_cached_user_by_privy_id("privy_123") is None
        assert get_cached_user_by_username("user_123") is None

    def test_a_hit_is_what_was_cached(self):
        assert cache_user_by_privy_id("privy_123", USER) is True
        assert cache_user_by_username("user_123", USER) is True
        assert get_cached_user_by_privy_id("privy_123") == USER
        assert get_cached_user_by_username("user_123") == USER

    def test_nobody_gets_anothers_entry(self):
        cache_user_by_privy_id("privy_123", USER)
        assert get_cached_user_by_privy_id("privy_124") is None

    def test_hits_and_misses_are_logged_in_the_documents_words(self, caplog):
        cache_user_by_privy_id("privy_123", USER)
        cache_user_by_username("user_123", USER)
        with caplog.at_level(logging.INFO, "gatewayz_auth"):
            get_cached_user_by_privy_id("privy_123")
            get_cached_user_by_username("user_123")
            get_cached_user_by_privy_id("privy_124")
        assert caplog.messages == [
            "Cache hit for Privy ID: privy_123",
            "Cache hit for username: user_123",
            "Cache miss for Privy ID, querying database...",
        ]

    def test_the_documents_route_asks_the_database_once(self):
        asked = []

        def sign_in(privy_id):
            existing_user = get_cached_user_by_privy_id(privy_id)
            if not existing_user:
                existing_user = safe_query_with_timeout(
                    None,
                    "users",
                    lambda: asked.append(privy_id) or USER,
                    timeout_seconds=USER_LOOKUP_TIMEOUT,
                    operation_name="get user by privy_id",
                    fallback_value=None,
                )
                if existing_user:
                    cache_user_by_privy_id(privy_id, existing_user)
            return existing_user

        assert sign_in("privy_123") == sign_in("privy_123") == USER
        assert asked == ["privy_123"]

    def test_setting_the_lifetime_to_zero_disables_caching(self, monkeypatch):
        cache_user_by_privy_id("privy_123", USER)
        monkeypatch.setattr(auth_cache, "AUTH_CACHE_TTL", 0)
        assert get_cached_user_by_privy_id("privy_123") is None
        assert cache_user_by_privy_id("privy_123", USER) is False


@pytest.mark.usefixtures("redis_of_its_own")
class TestInvalidation:
    def test_both_entries_go(self):
        cache_user_by_privy_id("privy_123", USER)
        cache_user_by_username("user_123", USER)
        assert invalidate_user_cache(privy_id="privy_123", username="user_123") is True
        assert get_cached_user_by_privy_id("privy_123") is None
        assert get_cached_user_by_username("user_123") is None

    def test_one_alone_leaves_the_other(self):
        cache_user_by_privy_id("privy_123", USER)
        cache_user_by_username("user_123", USER)
        assert invalidate_user_cache("privy_123") is True
        assert get_cached_user_by_username("user_123") == USER

    def test_nobody_named_is_nothing_done(self):
        assert invalidate_user_cache() is False

    def test_what_is_cached_again_is_found_again(self):
        invalidate_user_cache("privy_123")
        cache_user_by_privy_id("privy_123", USER)
        assert get_cached_user_by_privy_id("privy_123") == USER


class TestRedisAvailability:
    def test_a_redis_that_is_down_is_false_and_none(self, monkeypatch):
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        monkeypatch.setenv("API_KEY_SECRET", "s" * 40)
        assert get_cached_user_by_privy_id("privy_123") is None
        assert cache_user_by_privy_id("privy_123", USER) is False
        assert cache_user_by_username("user_123", USER) is False
        assert get_cached_user_by_username("user_123") is None
        assert invalidate_user_cache("privy_123", "user_123") is False

    def test_no_redis_at_all_is_false_and_none(self, monkeypatch):
        monkeypatch.delenv("REDIS_URL", raising=False)
        assert get_cached_user_by_privy_id("privy_123") is None
        assert cache_user_by_privy_id("privy_123", USER) is False

    def test_it_works_within_a_running_event_loop(self, redis_of_its_own):
        async def route():
            cache_user_by_privy_id("privy_123", USER)
            return get_cached_user_by_privy_id("privy_123"), await auth_cache.aget_cached_user_by_privy_id("privy_123")

        assert asyncio.run(route()) == (USER, USER)


def pool(active, most, idle=0):
    stats = ConnectionPoolStats()
    stats.active_connections, stats.max_pool_size, stats.idle_connections = active, most, idle
    stats.total_connections = active + idle
    return stats


@pytest.fixture
def look_at(monkeypatch):
    """Let the monitor look at a pool with these counts."""
    return lambda stats: monkeypatch.setattr(connection_pool_monitor, "get_supabase_pool_stats", lambda: stats)


class TestConnectionPool:
    @pytest.mark.parametrize(
        ("active", "status"),
        [
            (0, "HEALTHY"),
            (49, "HEALTHY"),
            (50, "NORMAL"),
            (79, "NORMAL"),
            (80, "WARNING"),
            (94, "WARNING"),
            (95, "CRITICAL"),
            (120, "CRITICAL"),
        ],
    )
    def test_its_health_follows_how_much_is_in_use(self, active, status):
        assert pool(active, 100).get_health_status() == status

    def test_no_pool_is_unknown(self):
        assert ConnectionPoolStats().get_health_status() == "UNKNOWN"
        assert get_supabase_pool_stats() is None

    def test_healthy_is_below_a_threshold(self):
        assert pool(79, 100).is_healthy()
        assert not pool(80, 100).is_healthy()
        assert pool(80, 100).is_healthy(warning_threshold=0.9)

    def test_as_a_dictionary_it_says_how_much_is_in_use(self):
        assert pool(25, 50, idle=5).to_dict() == {
            "total_connections": 30,
            "active_connections": 25,
            "idle_connections": 5,
            "max_pool_size": 50,
            "connection_errors": 0,
            "connection_timeouts": 0,
            "utilization_percent": 50.0,
            "health_status": "NORMAL",
        }

    def test_diagnostics_are_logged_in_the_documents_words(self, look_at, caplog):
        look_at(pool(25, 50, idle=5))
        with caplog.at_level(logging.INFO, "gatewayz_auth"):
            log_pool_diagnostics()
        assert caplog.messages == [
            "Connection pool diagnostics: active=25, idle=5, max=50, utilization=50%, health=NORMAL"
        ]

    def test_a_stressed_pool_is_warned_of_in_the_documents_words(self, look_at, caplog):
        look_at(pool(95, 100))
        assert check_pool_health_and_warn() == "CRITICAL"
        assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
            ("WARNING", "Connection pool is stressed: utilization=95%, status=CRITICAL")
        ]

    def test_a_calm_pool_is_not_warned_of(self, look_at, caplog):
        look_at(pool(25, 50))
        check_pool_health_and_warn()
        assert caplog.messages == []

    def test_the_periodic_check_runs_until_it_is_cancelled(self, look_at, monkeypatch):
        looked = []
        look_at(pool(25, 50))
        monkeypatch.setattr(connection_pool_monitor, "check_pool_health_and_warn", lambda: looked.append(1))

        async def lifespan():
            task = asyncio.ensure_future(periodic_pool_health_check(check_interval_seconds=0.001))
            while len(looked) < 3:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(lifespan())
