"""The library as a program of somebody's own has it: settings in the environment, nothing kept from before."""

from __future__ import annotations

import pytest

from gatewayz_auth import auth_cache
from gatewayz_auth.adapters.redis import library

SECRET = "s" * 40


@pytest.fixture
def no_settings(monkeypatch):
    """Without any setting, and without what an earlier test has made."""
    names = ("REDIS_URL", "API_KEY_SECRET", "AUTH_CACHE_TTL")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    library._cache = None
    yield
    for name in names:
        monkeypatch.delenv(name, raising=False)
    library._plain_cache()  # lets go of this test's connections


@pytest.fixture
def cache(no_settings, redis_url, monkeypatch):
    """``gatewayz_auth.auth_cache`` on an empty Redis, with room for a busy machine beside the 50 ms."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("API_KEY_SECRET", SECRET)
    monkeypatch.setattr(library, "_REDIS_LIMIT_S", 2.0)
    monkeypatch.setattr(auth_cache, "_LIMIT_S", 2.0)
    return auth_cache
