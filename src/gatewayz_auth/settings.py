"""Every knob: read once from the environment (and ``.env``), frozen, and all faults reported together."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatewayz_auth.domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CALLERS_GIVE_UP_AFTER_S = 30
_SECRET_MIN_LENGTH = 32

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting: its name, default as text, unit or form, what it tunes, and an example that is accepted."""

    name: str
    default: str | None
    form: str
    meaning: str
    example: str
    is_secret: bool = False


KNOBS: tuple[Knob, ...] = (
    Knob("DATABASE_URL", None, "postgresql:// URL or `embedded`", "The Postgres (15 or newer) that holds the accounts; "
         "with `--dev` the embedded one. Required otherwise.", "postgresql://user:password@db.example.com/auth", True),
    Knob("DATABASE_POOL_SIZE", "10", "connections, 1 to 500", "Connections to Postgres for each process.", "10"),
    Knob("REDIS_URL", None, "redis://, rediss:// or unix:// URL, or `embedded`", "The Redis (6 or newer) or Valkey that "
         "processes share a cache in; with `--dev` an embedded Valkey. None: each process remembers for itself alone.",
         "redis://cache.example.com:6379/0", True),
    Knob("DEFAULT_QUERY_TIMEOUT", "10", "seconds, above 0, below 30", "Limit of a query outside the sign-in.", "10"),
    Knob("AUTH_QUERY_TIMEOUT", "8", "seconds, above 0, below 30", "The whole budget of one sign-in.", "8"),
    Knob("USER_LOOKUP_TIMEOUT", "5", "seconds, above 0, not above AUTH_QUERY_TIMEOUT",
         "Limit of one look-up at the database.", "5"),
    Knob("AUTH_CACHE_TTL", "300", "seconds, 0 to 86400", "How long an answer is fresh; 0 turns caching off.", "300"),
    Knob("PRIVY_APP_ID", None, "text", "The Privy app that tokens must be made for (`aud`). Required outside `--dev`.",
         "clpispdty00ycl80fpueukbhl"),
    Knob("PRIVY_VERIFICATION_KEY", None, "PEM, also with literal `\\n`, also several after one another",
         "The app's public keys (ES256); no network is needed then. Required outside `--dev`, or PRIVY_JWKS_URL.",
         "-----BEGIN PUBLIC KEY-----\\nMFkw…\\n-----END PUBLIC KEY-----"),
    Knob("PRIVY_JWKS_URL", None, "https:// URL", "Where the app's public keys are read from, in the background.",
         "https://auth.privy.io/api/v1/apps/clpispdty00ycl80fpueukbhl/jwks.json"),
    Knob("API_KEY_SECRET", None, "secrets of 32 or more printable characters, separated by commas, newest first",
         "Keyring that API keys are hashed and sealed with. Required outside `--dev`.",
         "the output of: openssl rand -base64 36", True),
    Knob("SIGNUPS", "on", "on, off or allowlist", "Whether newcomers are taken.", "on"),
    Knob("SIGNUP_DOMAINS", None, "domains, separated by commas", "Whose verified e-mails may join with "
         "SIGNUPS=allowlist.", "example.com,example.org"),
    Knob("REFERRAL_MODE", "background", "background, inline or nightly", "When referrals are processed.", "background"),
    Knob("LAST_KNOWN_GOOD_MAX_AGE", "86400", "seconds, 0 to 2592000", "Past this age an old answer is not given even in "
         "an outage; 0: never.", "86400"),
    Knob("LOOKUP_PATIENCE", "0.15", "seconds, above 0, not above USER_LOOKUP_TIMEOUT", "How long a person with an older "
         "answer waits for a fresh one.", "0.15"),
    Knob("REGION", "default", "1 to 32 of a-z, 0-9, _ and -", "The partition that newcomers belong to.", "eu"),
    Knob("SMTP_URL", None, "smtp:// or smtps:// URL", "Where mail is handed over; none: no mail, said once at start.",
         "smtp://user:password@mail.example.com:587", True),
    Knob("MAIL_FROM", None, "e-mail address", "The sender of mail.", "hello@example.com"),
    Knob("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL", "The least severe line that is written.", "INFO"),
    Knob("LOG_FORMAT", "auto", "auto, json or console", "How lines look; auto: console on a terminal, else json.", "json"),
    Knob("LOG_FILE", None, "path", "A file that lines go to as well, rotated; with `--dev` logs/app.log.", "logs/app.log"),
    Knob("TRUSTED_PROXIES", None, "networks, separated by commas", "Only these may set X-Forwarded-For.", "10.0.0.0/8"),
    Knob("CORS_ORIGINS", None, "origins, separated by commas", "Web origins that may call from a browser.",
         "https://app.example.com"),
    Knob("OPS_LISTEN", None, "host:port", "A listener of its own for operators.", "127.0.0.1:9000"),
    Knob("RATE_LIMITS", "on", "on or off", "Limits by identity and address.", "on"),
    Knob("ADMIN_TOKEN", None, "32 or more printable characters", "Opens administrative routes and the console; none: "
         "they are closed.", "the output of: openssl rand -base64 36", True),
    Knob("QUERY_TIMEOUT_THREADS", "32", "threads, 1 to 1000", "Calls of `gatewayz_auth.query_timeout` at once.", "32"),
    Knob("STATE_DIR", ".state", "path", "Where the embedded servers keep their data and the service its small state.",
         "/var/lib/gatewayz-auth"),
)  # fmt: skip


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
    last_known_good_max_age_s: float
    lookup_patience_s: float
    region: str
    smtp_url: str | None = field(repr=False)
    mail_from: str | None
    log_level: str
    log_format: str
    log_file: str | None
    trusted_proxies: tuple[Network, ...]
    cors_origins: tuple[str, ...]
    ops_listen: tuple[str, int] | None
    rate_limits: bool
    admin_token: str | None = field(repr=False)
    query_timeout_threads: int
    state_dir: str


class _Reader:
    """Reads one value after another and keeps every fault, so that all are said together."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._knobs = {knob.name: knob for knob in KNOBS}
        self.faults: list[str] = []

    def fault(self, name: str, problem: str) -> None:
        knob = self._knobs[name]
        self.faults.append(f"{name} {problem}; expected {knob.form}. Example: {name}={knob.example}")

    def text(self, name: str) -> str | None:
        value = self._environ.get(name, "").strip()
        return value or self._knobs[name].default

    def number(self, name: str, low: float, high: float, *, whole: bool = False, above_low: bool = False) -> float:
        text = self.text(name) or ""
        try:
            value = float(int(text)) if whole else float(text)
        except ValueError:
            self.fault(name, "is not a whole number" if whole else "is not a number")
            return float(self._knobs[name].default or 0)
        if not low <= value <= high or (above_low and value == low):
            self.fault(name, f"is {text}")
        return value

    def timeout(self, name: str) -> float:
        value = self.number(name, 0, float("inf"), above_low=True)
        if value >= CALLERS_GIVE_UP_AFTER_S:
            self.fault(name, f"is {value:g} s and callers give up at {CALLERS_GIVE_UP_AFTER_S} s")
        return value

    def choice(self, name: str, *allowed: str) -> str:
        value = self.text(name) or ""
        for word in allowed:
            if value.lower() == word.lower():
                return word
        self.fault(name, "is none of its words")
        return allowed[0]

    def parts(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (self.text(name) or "").split(",") if part.strip())

    def url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        value = self.text(name)
        if value is None or value == "embedded" and name in {"DATABASE_URL", "REDIS_URL"}:
            return value
        try:
            parts = urlsplit(value)
            scheme, _ = parts.scheme, parts.port
        except ValueError:
            scheme = ""
        if scheme not in schemes:
            self.fault(name, "is no such URL")  # the value may hold a password and is not repeated
        return value


def _is_printable(secret: str) -> bool:
    return len(secret) >= _SECRET_MIN_LENGTH and secret.isascii() and secret.isprintable()


def _networks(reader: _Reader) -> tuple[Network, ...]:
    networks: list[Network] = []
    for part in reader.parts("TRUSTED_PROXIES"):
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            reader.fault("TRUSTED_PROXIES", f"names {part!r}, which is no network")
    return tuple(networks)


def _listen(reader: _Reader) -> tuple[str, int] | None:
    value = reader.text("OPS_LISTEN")
    if value is None:
        return None
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", value)
    if match is None or not 0 < int(match[2]) < 65536:  # noqa: PLR2004 - the highest port
        reader.fault("OPS_LISTEN", "names no host and port")
        return None
    return match[1].strip("[]"), int(match[2])


def _secrets(reader: _Reader, *, dev: bool) -> tuple[str, ...]:
    secrets = reader.parts("API_KEY_SECRET")
    if not secrets and not dev:
        reader.fault("API_KEY_SECRET", "is missing")
    if any(not _is_printable(secret) for secret in secrets):
        reader.fault("API_KEY_SECRET", "holds a secret that is too short or has an unprintable character")
    if len(set(secrets)) < len(secrets):
        reader.fault("API_KEY_SECRET", "holds the same secret twice")
    return secrets


def read_settings(environ: Mapping[str, str], *, dev: bool) -> Settings:  # noqa: C901 - one rule after another
    """All settings out of ``environ``; ``SettingsError`` names every fault at once and prints no secret.

    ``dev`` relaxes what is required: the embedded servers and a token issuer of its own stand in.
    """
    reader = _Reader(environ)
    budget_s = reader.timeout("AUTH_QUERY_TIMEOUT")
    lookup_s = reader.timeout("USER_LOOKUP_TIMEOUT")
    if lookup_s > budget_s:
        reader.fault("USER_LOOKUP_TIMEOUT", f"is {lookup_s:g} s and AUTH_QUERY_TIMEOUT only {budget_s:g} s")
    patience_s = reader.timeout("LOOKUP_PATIENCE")
    if patience_s > lookup_s:
        reader.fault("LOOKUP_PATIENCE", f"is {patience_s:g} s and USER_LOOKUP_TIMEOUT only {lookup_s:g} s")
    database_url = reader.url("DATABASE_URL", ("postgresql", "postgres"))
    if database_url is None and not dev:
        reader.fault("DATABASE_URL", "is missing")
    app_id = reader.text("PRIVY_APP_ID")
    pem = reader.text("PRIVY_VERIFICATION_KEY")
    jwks_url = reader.url("PRIVY_JWKS_URL", ("https", "http"))
    if not dev:
        if app_id is None:
            reader.fault("PRIVY_APP_ID", "is missing")
        if pem is None and jwks_url is None:
            reader.fault("PRIVY_VERIFICATION_KEY", "is missing, and PRIVY_JWKS_URL too")
    signups = reader.choice("SIGNUPS", "on", "off", "allowlist")
    domains = tuple(domain.lower().removeprefix("@") for domain in reader.parts("SIGNUP_DOMAINS"))
    if signups == "allowlist" and not domains:
        reader.fault("SIGNUP_DOMAINS", "is missing while SIGNUPS=allowlist")
    region = reader.text("REGION") or ""
    if re.fullmatch(r"[a-z0-9_-]{1,32}", region) is None:
        reader.fault("REGION", "has other characters or too many")
    admin_token = reader.text("ADMIN_TOKEN")
    if admin_token is not None and not _is_printable(admin_token):
        reader.fault("ADMIN_TOKEN", "is too short or has an unprintable character")
    origins = reader.parts("CORS_ORIGINS")
    if any(origin != "*" and urlsplit(origin).scheme not in {"http", "https"} for origin in origins):
        reader.fault("CORS_ORIGINS", "names something that is no origin")
    settings = Settings(
        dev=dev,
        database_url=database_url or "embedded",
        database_pool_size=int(reader.number("DATABASE_POOL_SIZE", 1, 500, whole=True)),
        redis_url=reader.url("REDIS_URL", ("redis", "rediss", "unix")) or ("embedded" if dev else None),
        default_query_timeout_s=reader.timeout("DEFAULT_QUERY_TIMEOUT"),
        auth_query_timeout_s=budget_s,
        user_lookup_timeout_s=lookup_s,
        auth_cache_ttl_s=reader.number("AUTH_CACHE_TTL", 0, 86400),
        privy_app_id=app_id,
        privy_verification_key=pem,
        privy_jwks_url=jwks_url,
        api_key_secrets=_secrets(reader, dev=dev),
        signups=signups,
        signup_domains=domains,
        referral_mode=reader.choice("REFERRAL_MODE", "background", "inline", "nightly"),
        last_known_good_max_age_s=reader.number("LAST_KNOWN_GOOD_MAX_AGE", 0, 2592000),
        lookup_patience_s=patience_s,
        region=region,
        smtp_url=reader.url("SMTP_URL", ("smtp", "smtps")),
        mail_from=reader.text("MAIL_FROM"),
        log_level=reader.choice("LOG_LEVEL", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        log_format=reader.choice("LOG_FORMAT", "auto", "json", "console"),
        log_file=reader.text("LOG_FILE") or ("logs/app.log" if dev else None),
        trusted_proxies=_networks(reader),
        cors_origins=origins,
        ops_listen=_listen(reader),
        rate_limits=reader.choice("RATE_LIMITS", "on", "off") == "on",
        admin_token=admin_token,
        query_timeout_threads=int(reader.number("QUERY_TIMEOUT_THREADS", 1, 1000, whole=True)),
        state_dir=reader.text("STATE_DIR") or ".state",
    )
    if reader.faults:
        raise SettingsError(reader.faults)
    return settings
