"""The catalogue of knobs: what ``docs/reference/settings.md`` is written from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting: its name, default as text, unit or form, what it tunes, and an example that is accepted.

    An example ``$(…)`` is a command for a shell: its output is what is accepted, the text itself is not.
    """

    name: str
    default: str | None
    form: str
    meaning: str
    example: str
    is_secret: bool = False
    default_note: str = ""
    """What stands in the reference instead of the default where a single word does not say it."""


_A_PUBLIC_KEY = (
    "-----BEGIN PUBLIC KEY-----\\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEC0a2m0IHCRYTHmlDY1BzBEY+MaqS\\n"
    "qfM6OogYwONxyPzn1IVYGGU9iZwDTiBbiQjnCBG6jeErIWl8sC+LKzPghQ==\\n"
    "-----END PUBLIC KEY-----"
)
"""An example whose private half was thrown away."""

KNOBS: tuple[Knob, ...] = (
    Knob(
        "DATABASE_URL",
        None,
        "postgresql:// URL, or `embedded`",
        "The Postgres (15 or newer) that holds the accounts. `embedded` starts one of our own and says so on purpose.",
        "postgresql://user:password@db.example.com/auth",
        is_secret=True,
        default_note="with `--dev`: `embedded`; otherwise required",
    ),
    Knob("DATABASE_POOL_SIZE", "10", "connections, 1 to 500", "Connections to Postgres for each process.", "10"),
    Knob(
        "REDIS_URL",
        None,
        "redis://, rediss:// or unix:// URL, or `embedded`",
        "The Redis (6 or newer) or Valkey that processes share a cache in; none: each process remembers for itself "
        "alone.",
        "redis://cache.example.com:6379/0",
        is_secret=True,
        default_note="with `--dev`: `embedded`; otherwise none",
    ),
    Knob("DEFAULT_QUERY_TIMEOUT", "10", "seconds, above 0, below 30", "Limit of a query outside the sign-in.", "10"),
    Knob("AUTH_QUERY_TIMEOUT", "8", "seconds, above 0, below 30", "The whole budget of one sign-in.", "8"),
    Knob(
        "USER_LOOKUP_TIMEOUT",
        "5",
        "seconds, above 0, not above AUTH_QUERY_TIMEOUT",
        "Limit of one look-up at the database.",
        "5",
        default_note="`5`, or AUTH_QUERY_TIMEOUT where that is less",
    ),
    Knob("AUTH_CACHE_TTL", "300", "seconds, 0 to 86400", "How long an answer is fresh; 0 turns caching off.", "300"),
    Knob(
        "PRIVY_APP_ID",
        None,
        "1 to 128 visible characters",
        "The Privy app that tokens must be made for (`aud`).",
        "clpispdty00ycl80fpueukbhl",
        default_note="required outside `--dev`",
    ),
    Knob(
        "PRIVY_VERIFICATION_KEY",
        None,
        "PEM of public keys (ES256), also with literal `\\n`, also several after one another",
        "The app's public keys; no network is then needed at all.",
        _A_PUBLIC_KEY,
        default_note="required outside `--dev`, unless PRIVY_JWKS_URL is set",
    ),
    Knob(
        "PRIVY_JWKS_URL",
        None,
        "https:// URL",
        "Where the app's public keys are read from, in the background, never while a caller waits.",
        "https://auth.privy.io/api/v1/apps/clpispdty00ycl80fpueukbhl/jwks.json",
        default_note="required outside `--dev`, unless PRIVY_VERIFICATION_KEY is set",
    ),
    Knob(
        "API_KEY_SECRET",
        None,
        "secrets of 32 or more printable characters, separated by commas, newest first",
        "Keyring that API keys are hashed and sealed with: the newest seals, the older ones open.",
        "$(openssl rand -base64 36)",
        is_secret=True,
        default_note="required outside `--dev`",
    ),
    Knob("SIGNUPS", "on", "on, off or allowlist", "Whether newcomers are taken; known people always are.", "on"),
    Knob(
        "SIGNUP_DOMAINS",
        None,
        "domains, separated by commas",
        "Whose verified e-mails may join with SIGNUPS=allowlist.",
        "example.com,example.org",
        default_note="none; required with SIGNUPS=allowlist",
    ),
    Knob("REFERRAL_MODE", "background", "background, inline or nightly", "When referrals are processed.", "background"),
    Knob(
        "REFERRAL_CODE_MAX_USES",
        None,
        "times, 1 to 1000000000",
        "How often one referral code is rewarded; none: as often as it is used.",
        "100",
    ),
    Knob(
        "REFERRAL_DAILY_CAP",
        None,
        "sign-ups, 1 to 1000000000",
        "For how many sign-ups of one day (UTC) one referrer is rewarded; none: for all.",
        "20",
    ),
    Knob(
        "LAST_KNOWN_GOOD_MAX_AGE",
        "86400",
        "seconds, 0 to 2592000",
        "Past this age an old answer is not given even in an outage; 0: never.",
        "86400",
    ),
    Knob(
        "LOOKUP_PATIENCE",
        "0.15",
        "seconds, above 0, not above USER_LOOKUP_TIMEOUT",
        "How long a person with an older answer waits for a fresh one.",
        "0.15",
        default_note="`0.15`, or USER_LOOKUP_TIMEOUT where that is less",
    ),
    Knob("REGION", "default", "1 to 32 of a-z, 0-9, _ and -", "The partition that newcomers belong to.", "eu"),
    Knob(
        "SMTP_URL",
        None,
        "smtp:// or smtps:// URL of a host, `?tls=required` or `?tls=off` after it",
        "Where mail is handed over, by STARTTLS where that is offered and always where a password is sent; none: no "
        "mail, said once at start.",
        "smtp://user:password@mail.example.com:587",
        is_secret=True,
    ),
    Knob("MAIL_FROM", None, "e-mail address", "The sender of mail.", "hello@example.com"),
    Knob("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL", "The least severe line written.", "INFO"),
    Knob(
        "LOG_FORMAT", "auto", "auto, json or console", "How lines look; auto: console on a terminal, else json.", "json"
    ),
    Knob(
        "LOG_FILE",
        None,
        "path",
        "A file that lines go to as well as to standard output, rotated.",
        "logs/app.log",
        default_note="with `--dev`: `logs/app.log`; otherwise none",
    ),
    Knob(
        "LOG_IDS",
        "plain",
        "plain or hash",
        "How a person's Privy id stands in log lines: itself, or a name made of it with API_KEY_SECRET, always the "
        "same one.",
        "hash",
    ),
    Knob(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        None,
        "http:// or https:// URL",
        "Where traces are sent to (OTLP over HTTP; needs the extra `otel`); none: no traces.",
        "http://127.0.0.1:4318",
    ),
    Knob("TRUSTED_PROXIES", None, "networks, separated by commas", "Only these may set X-Forwarded-For.", "10.0.0.0/8"),
    Knob(
        "CORS_ORIGINS",
        None,
        "origins, separated by commas",
        "Web origins whose pages may call from a browser; none: no page of another origin.",
        "https://app.example.com",
    ),
    Knob("OPS_LISTEN", None, "host:port", "A listener of its own for operators.", "127.0.0.1:9000"),
    Knob(
        "RATE_LIMITS", "on", "on or off", "Limits by identity and address; off where something in front limits.", "on"
    ),
    Knob(
        "ADMIN_TOKEN",
        None,
        "32 or more printable characters",
        "Opens administrative routes and the console; none: they are closed.",
        "$(openssl rand -base64 36)",
        is_secret=True,
    ),
    Knob("QUERY_TIMEOUT_THREADS", "32", "threads, 1 to 1000", "Calls of `gatewayz_auth.query_timeout` at once.", "32"),
    Knob(
        "STATE_DIR",
        ".state",
        "path",
        "Where the embedded servers keep their data and the service its small state.",
        "/var/lib/gatewayz-auth",
    ),
)
