"""All settings as one frozen value, with every rule that a value has to keep."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.settings.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewayz_auth.settings.reader import Network

_DAY_S = 86400
_REGION = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked; times in seconds. A repr shows no secret."""

    dev: bool
    database_url: str = field(repr=False)
    database_pool_size: int
    redis_url: str | None = field(repr=False)
    default_query_timeout_s: float
    auth_query_timeout_s: float
    user_lookup_timeout_s: float
    auth_cache_ttl_s: float
    privy_app_id: str | None
    privy_verification_key: str | None
    privy_jwks_url: str | None
    api_key_secrets: tuple[str, ...] = field(repr=False)
    signups: str
    signup_domains: tuple[str, ...]
    referral_mode: str
    referral_code_max_uses: int | None
    referral_daily_cap: int | None
    last_known_good_max_age_s: float
    lookup_patience_s: float
    region: str
    smtp_url: str | None = field(repr=False)
    mail_from: str | None
    log_level: str
    log_format: str
    log_file: str | None
    log_ids: str
    otel_endpoint: str | None = field(repr=False)
    trusted_proxies: tuple[Network, ...]
    cors_origins: tuple[str, ...]
    ops_listen: tuple[str, int] | None
    rate_limits: bool
    admin_token: str | None = field(repr=False)
    query_timeout_threads: int
    state_dir: str


def read_settings(environ: Mapping[str, str], *, dev: bool) -> Settings:
    """All settings out of ``environ``; ``SettingsError`` names every fault at once and prints no secret.

    ``dev`` relaxes what is required: the embedded servers and a token issuer of its own stand in.
    """
    reader = Reader(environ, dev=dev)
    budget_s = reader.timeout_s("AUTH_QUERY_TIMEOUT")
    lookup_s = reader.timeout_s("USER_LOOKUP_TIMEOUT", ("AUTH_QUERY_TIMEOUT", budget_s))
    signups = reader.choice("SIGNUPS", "on", "off", "allowlist")
    domains = reader.domains("SIGNUP_DOMAINS")
    if signups == "allowlist" and not reader.is_given("SIGNUP_DOMAINS"):
        reader.fault("SIGNUP_DOMAINS", "is missing while SIGNUPS=allowlist")
    if not dev:
        _require(reader)
    settings = Settings(
        dev=dev,
        database_url=reader.url("DATABASE_URL", "postgresql", "postgres") or "embedded",
        database_pool_size=reader.whole("DATABASE_POOL_SIZE", 1, 500),
        redis_url=reader.url("REDIS_URL", "redis", "rediss", "unix") or ("embedded" if dev else None),
        default_query_timeout_s=reader.timeout_s("DEFAULT_QUERY_TIMEOUT"),
        auth_query_timeout_s=budget_s,
        user_lookup_timeout_s=lookup_s,
        auth_cache_ttl_s=reader.number("AUTH_CACHE_TTL", 0, _DAY_S),
        privy_app_id=_app_id(reader),
        privy_verification_key=reader.public_keys("PRIVY_VERIFICATION_KEY"),
        privy_jwks_url=reader.url("PRIVY_JWKS_URL", "https", "http"),
        api_key_secrets=reader.keyring("API_KEY_SECRET"),
        signups=signups,
        signup_domains=domains,
        referral_mode=reader.choice("REFERRAL_MODE", "background", "inline", "nightly"),
        referral_code_max_uses=reader.count("REFERRAL_CODE_MAX_USES"),
        referral_daily_cap=reader.count("REFERRAL_DAILY_CAP"),
        last_known_good_max_age_s=reader.number("LAST_KNOWN_GOOD_MAX_AGE", 0, 30 * _DAY_S),
        lookup_patience_s=reader.timeout_s("LOOKUP_PATIENCE", ("USER_LOOKUP_TIMEOUT", lookup_s)),
        region=_region(reader),
        smtp_url=reader.smtp_url("SMTP_URL"),
        mail_from=reader.sender("MAIL_FROM"),
        log_level=reader.choice("LOG_LEVEL", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        log_format=reader.choice("LOG_FORMAT", "auto", "json", "console"),
        log_file=reader.text("LOG_FILE") or ("logs/app.log" if dev else None),
        log_ids=reader.choice("LOG_IDS", "plain", "hash"),
        otel_endpoint=reader.url("OTEL_EXPORTER_OTLP_ENDPOINT", "http", "https"),
        trusted_proxies=reader.networks("TRUSTED_PROXIES"),
        cors_origins=reader.origins("CORS_ORIGINS"),
        ops_listen=reader.listen("OPS_LISTEN"),
        rate_limits=reader.choice("RATE_LIMITS", "on", "off") == "on",
        admin_token=reader.secret("ADMIN_TOKEN"),
        query_timeout_threads=reader.whole("QUERY_TIMEOUT_THREADS", 1, 1000),
        state_dir=reader.text("STATE_DIR") or ".state",
    )
    if reader.faults:
        raise SettingsError(reader.faults)
    return settings


def _require(reader: Reader) -> None:
    for name in ("DATABASE_URL", "PRIVY_APP_ID", "API_KEY_SECRET"):
        if not reader.parts(name):
            reader.fault(name, "is missing")
    if not reader.is_given("PRIVY_VERIFICATION_KEY") and not reader.is_given("PRIVY_JWKS_URL"):
        reader.fault("PRIVY_VERIFICATION_KEY", "is missing, and PRIVY_JWKS_URL too")


def _app_id(reader: Reader) -> str | None:
    value = reader.text("PRIVY_APP_ID")
    if value is not None and re.fullmatch(r"[!-~]{1,128}", value) is None:
        reader.fault("PRIVY_APP_ID", "has blanks, other characters or too many")
    return value


def _region(reader: Reader) -> str:
    value = reader.text("REGION") or ""
    if _REGION.fullmatch(value) is None:
        reader.fault("REGION", "has other characters or too many")
    return value
