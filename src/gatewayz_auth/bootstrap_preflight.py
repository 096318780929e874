"""The checklist, item by item: what the settings, the neighbours, the reports and ``ops/`` say."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.figures.build import commit
from gatewayz_auth.adapters.postgres.migrate import NEWEST, migrations
from gatewayz_auth.adapters.privy.dev_issuer import APP_ID
from gatewayz_auth.adapters.privy.dev_key import is_of_development
from gatewayz_auth.adapters.redis.doctor_findings import eviction_problem
from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.service import checklist
from gatewayz_auth.service.findings import Check, failed, passed, unknown
from gatewayz_auth.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gatewayz_auth.bootstrap_doctor import Examination

PREFLIGHT_LIMIT_S = 7.0
COMMAND_LIMIT_S = 5.0
_DASHBOARD = "ops/grafana/dashboards/gatewayz-auth.json"
_ALERTS = "ops/prometheus/alerts.yml"


def checks(  # noqa: PLR0913 - what each item is judged from
    found: Examination,
    environ: Mapping[str, str],
    root: Path,
    *,
    figures: Mapping[str, Any] | None,
    backup_code: int | None,
    build: str | None = None,
) -> list[Check]:
    """All items in the document's order; ``root`` is the checkout, ``figures`` what the running service says."""
    settings, of_build = found.settings, build or commit()
    heard = found.postgres.rows
    version = found.postgres.one("schema_version").get("version")
    reports = root / "reports"
    return [
        _complete(environ),
        _reached(found),
        checklist.timeouts(settings.auth_query_timeout_s, settings.user_lookup_timeout_s, found.postgres.trip_s),
        *_redis(found),
        _monitor(figures),
        checklist.tests(_read(reports / "tests.json"), of_build),
        checklist.load_test([one for path in sorted(reports.glob("load*.json")) if (one := _read(path))], of_build),
        _loadable(root),
        checklist.schema(version, NEWEST, [one.name for one in migrations() if not one.down.strip()]),
        checklist.secrets(settings_secrets(environ), settings.admin_token, _development(environ, root)),
        checklist.doors(heard.get("doors")),
        _issuer(environ, root),
        checklist.backup(found.postgres.one("backup"), backup_code),
    ]


def settings_secrets(environ: Mapping[str, str]) -> list[str]:
    """The secrets of ``API_KEY_SECRET`` as the environment names them, development's own left out."""
    return [part.strip() for part in environ.get("API_KEY_SECRET", "").split(",") if part.strip()]


def _complete(environ: Mapping[str, str]) -> Check:
    title = "The settings are complete without --dev"
    try:
        read_settings(environ, dev=False)
    except SettingsError as error:
        return failed("settings", title, str(error), "docs/how-to/configure.md")
    return passed("settings", title, "Every one that is required is there, and each keeps its rule.")


def _reached(found: Examination) -> Check:
    title = "The database answers"
    if "postgres" in found.late and not found.postgres.rows:
        return failed("database", title, "It did not answer in time.", "gatewayz-auth doctor")
    if found.postgres.problem:
        return failed("database", title, f"It was not reached: {found.postgres.problem}.", "gatewayz-auth doctor")
    return passed("database", title, ", ".join(f"{s.name} {s.took_s * 1e3:.0f} ms" for s in found.postgres.reach.steps))


def _redis(found: Examination) -> list[Check]:
    titles = {
        "redis": "Redis is configured and answers",
        "redis-allowed": "Redis lets us read and write our keys",
        "redis-evicting": "Redis makes room as a cache should",
    }
    heard = found.redis
    if heard is None:
        do = "Set REDIS_URL; docs/how-to/run-without-redis.md says what goes without it."
        return [failed("redis", titles["redis"], "REDIS_URL is not set: processes share nothing.", do)]
    if heard.problem or ("redis" in found.late and not heard.info):
        problem = heard.problem or "it did not answer in time"
        rest = [unknown(name, title, "Redis was not reached.", "") for name, title in list(titles.items())[1:]]
        return [failed("redis", titles["redis"], f"It was not reached: {problem}.", "gatewayz-auth doctor"), *rest]
    refused, evicting = heard.refused, eviction_problem(heard)
    policy = heard.info.get("maxmemory_policy", "not said")
    name, title = "redis-allowed", titles["redis-allowed"]
    allowed = (
        failed(name, title, f"{refused}.", "gatewayz-auth doctor says what to grant.")
        if refused
        else passed(name, title, "One was written, read and taken away.")
    )
    name, title = "redis-evicting", titles["redis-evicting"]
    room = (
        failed(name, title, evicting, "CONFIG SET maxmemory-policy allkeys-lru, with a maxmemory")
        if evicting
        else passed(name, title, f"maxmemory-policy is {policy}.")
    )
    return [passed("redis", titles["redis"], "It answers."), allowed, room]


def _monitor(figures: Mapping[str, Any] | None) -> Check:
    title = "The pool's monitor is wired"
    pool = (figures or {}).get("pool") or {}
    if "diagnostics" in pool:
        return passed("pool-monitor", title, f"{pool['diagnostics']}.")
    do = "Start the service in staging, then: gatewayz-auth preflight --url http://…"
    return unknown("pool-monitor", title, "No running service shows its figures here.", do)


def _loadable(root: Path) -> Check:
    title = "Alerts and dashboard can be loaded"
    if not (root / "ops").is_dir():
        return unknown("monitoring", title, "There is no ops/ here.", "Run preflight in the checkout, or name it: --in")
    dashboard = _read(root / _DASHBOARD)
    if not dashboard or not dashboard.get("panels"):
        return failed("monitoring", title, f"{_DASHBOARD} is no dashboard.", "Take it from the repository again.")
    try:
        alerts = (root / _ALERTS).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return failed("monitoring", title, f"{_ALERTS} cannot be read.", "Take it from the repository again.")
    named, asked = (len(re.findall(rf"(?m)^\s+(?:- )?{word}: ?\S", alerts)) for word in ("alert", "expr"))
    if "\t" in alerts or not re.search(r"(?m)^groups:", alerts) or not named or asked < named:
        return failed("monitoring", title, f"{_ALERTS} is no file of rules.", "promtool check rules " + _ALERTS)
    return passed("monitoring", title, f"{named} alerts, {len(dashboard['panels'])} panels.")


def _development(environ: Mapping[str, str], root: Path) -> list[str]:
    """What development made for itself, and what documents show as an example."""
    place = root / (environ.get("STATE_DIR", "").strip() or ".state") / "api-key-secret"
    try:
        return [place.read_text("ascii").strip()]
    except (OSError, UnicodeDecodeError):
        return []


def _issuer(environ: Mapping[str, str], root: Path) -> Check:
    title = "Tokens are Privy's, not the development issuer's"
    given = {name: environ.get(name, "").strip() for name in ("PRIVY_APP_ID", "PRIVY_VERIFICATION_KEY")}
    if not given["PRIVY_APP_ID"] or not (given["PRIVY_VERIFICATION_KEY"] or environ.get("PRIVY_JWKS_URL", "").strip()):
        return failed(
            "issuer", title, "PRIVY_APP_ID, or the keys that tokens are proven with, are not set.",
            "Set PRIVY_APP_ID and PRIVY_VERIFICATION_KEY or PRIVY_JWKS_URL.",
        )  # fmt: skip
    if given["PRIVY_APP_ID"] == APP_ID or is_of_development(
        given["PRIVY_VERIFICATION_KEY"], root / (environ.get("STATE_DIR", "").strip() or ".state")
    ):
        return failed(
            "issuer", title, "Anybody who reads the state folder can be anybody: the issuer is development's.",
            "Take app id and verification key from Privy's dashboard.",
        )  # fmt: skip
    return passed("issuer", title, "App id and keys are not development's.")


async def ends_with(command: str) -> int:
    """The exit code of ``command``, 124 where it does not end within ``COMMAND_LIMIT_S`` seconds."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError):
        return 127
    waiting = asyncio.gather(process.wait())
    done, _ = await asyncio.wait({waiting}, timeout=COMMAND_LIMIT_S)
    if not done:
        process.kill()
        waiting.cancel()
        return 124
    return process.returncode or 0


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
