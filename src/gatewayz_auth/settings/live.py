"""Settings as they are while something was changed: by the same rules as at start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gatewayz_auth.settings.values import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.settings.values import Settings


def changed(settings: Settings, changes: Mapping[str, str]) -> Settings:
    """``settings`` with ``changes`` by name; ``SettingsError`` for what cannot hold together.

    A limit within another limit gives way where only the other one was changed, as a default does at start.
    """
    given = dict(changes)
    environ = _as_written(settings) | given
    budget_s = _number(environ["AUTH_QUERY_TIMEOUT"])
    if "USER_LOOKUP_TIMEOUT" not in given:
        environ["USER_LOOKUP_TIMEOUT"] = f"{min(settings.user_lookup_timeout_s, budget_s):.15g}"
    if "LOOKUP_PATIENCE" not in given:
        lookup_s = _number(environ["USER_LOOKUP_TIMEOUT"])
        environ["LOOKUP_PATIENCE"] = f"{min(settings.lookup_patience_s, lookup_s):.15g}"
    read = read_settings(environ, dev=True)
    return replace(
        settings,
        auth_query_timeout_s=read.auth_query_timeout_s,
        user_lookup_timeout_s=read.user_lookup_timeout_s,
        lookup_patience_s=read.lookup_patience_s,
        auth_cache_ttl_s=read.auth_cache_ttl_s,
        last_known_good_max_age_s=read.last_known_good_max_age_s,
        rate_limits=read.rate_limits,
        referral_mode=read.referral_mode,
        signups=read.signups,
        signup_domains=read.signup_domains,
        log_level=read.log_level,
    )


def check(settings: Settings, environ: Mapping[str, str], changes: Mapping[str, str]) -> None:
    """``SettingsError`` where ``changes`` cannot hold over ``environ``, by the rules of the start."""
    read_settings({**environ, **changes}, dev=True)
    changed(settings, changes)


def _as_written(settings: Settings) -> dict[str, str]:
    return {
        "AUTH_QUERY_TIMEOUT": f"{settings.auth_query_timeout_s:.15g}",
        "AUTH_CACHE_TTL": f"{settings.auth_cache_ttl_s:.15g}",
        "LAST_KNOWN_GOOD_MAX_AGE": f"{settings.last_known_good_max_age_s:.15g}",
        "RATE_LIMITS": "on" if settings.rate_limits else "off",
        "REFERRAL_MODE": settings.referral_mode,
        "SIGNUPS": settings.signups,
        "SIGNUP_DOMAINS": ",".join(settings.signup_domains),
        "LOG_LEVEL": settings.log_level,
    }


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0  # its fault is told where it is read
