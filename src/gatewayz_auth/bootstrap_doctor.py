"""The doctor's and preflight's examination: every neighbour at once, each within its limits, whatever hangs."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres import doctor as of_postgres
from gatewayz_auth.adapters.postgres import doctor_findings as postgres_findings
from gatewayz_auth.adapters.reach import Reach
from gatewayz_auth.adapters.redis import doctor as of_redis
from gatewayz_auth.adapters.redis import doctor_findings as redis_findings
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.reliability.owned_tasks import OwnedTasks
from gatewayz_auth.service.doctor import of_certificate
from gatewayz_auth.service.findings import Finding, by_severity, warning

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from typing import Any

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.settings import Settings

DOCTOR_LIMIT_S = 12.0
"""All of an examination; what is not heard by then is a finding."""

CLOSE_LIMIT_S = 0.3
EXPLAIN_LIMIT_S = 8.0


@dataclass(slots=True)
class Examination:
    """What was heard of the neighbours that the settings name; ``late`` ones had not ended at the limit."""

    settings: Settings
    postgres: of_postgres.Examined
    redis: of_redis.Examined | None
    reaches: dict[str, Reach]
    asked: dict[str, list[Finding]] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    def findings(self, limits: of_postgres.Limits, now_s: float) -> list[Finding]:
        """All findings, the worst first."""
        found = postgres_findings.judge(self.postgres, limits)
        found += [] if self.redis is None else redis_findings.judge(self.redis)
        found += [one for findings in self.asked.values() for one in findings]
        for name, reach in self.reaches.items():
            found += of_certificate(name, reach.certificate_ends_s, now_s)
        for name in self.late:
            found.append(_late(name))
        return by_severity(found)


def how_far(reaches: Mapping[str, Reach]) -> str:
    """Which step was taken last to each neighbour, on one line, while an examination goes on."""
    return ", ".join(
        f"{name} {' '.join(one.name for one in list(reach.steps)[-1:])}".rstrip()
        for name, reach in list(reaches.items())
    )


def _late(name: str) -> Finding:
    return warning(
        f"{name.replace(' ', '-')}-late", f"Examining the {name} took longer than the doctor waits",
        "It answers slowly or in part; what was heard until then is told.", "Ask again, and look at its load.",
    )  # fmt: skip


async def examine(  # noqa: PLR0913 - keywords that each say one thing
    settings: Settings,
    clock: Clock,
    *,
    limit_s: float = DOCTOR_LIMIT_S,
    limits: of_postgres.Limits | None = None,
    tls: ssl.SSLContext | None = None,
    reaches: dict[str, Reach] | None = None,
) -> Examination:
    """Examine all neighbours of ``settings`` at once, ``limit_s`` seconds at most; ``tls``: whom to trust.

    ``reaches`` is filled while it goes on, for whoever looks on.
    """
    abandoned, tasks = Abandoned(), OwnedTasks("doctor", 8)
    reaches = {} if reaches is None else reaches
    reaches["postgres"] = Reach(of_postgres.NEIGHBOUR, clock, abandoned)
    found = Examination(settings, of_postgres.Examined(reaches["postgres"]), None, reaches)
    trust = tls or ssl.create_default_context()
    work: dict[str, Coroutine[Any, Any, None]] = {
        "postgres": of_postgres.examine(settings.database_url, found.postgres, limits or of_postgres.Limits())
    }
    if settings.redis_url:
        reaches["redis"] = Reach(of_redis.NEIGHBOUR, clock, abandoned)
        found.redis = of_redis.Examined(reaches["redis"])
        work["redis"] = of_redis.examine(settings.redis_url, found.redis, trust)
    if settings.privy_jwks_url:
        from gatewayz_auth.adapters.privy import doctor as of_privy  # noqa: PLC0415 - a driver that few need

        reach = reaches["key server"] = Reach("key server", clock, abandoned)
        has_key = bool(settings.privy_verification_key) or of_privy.is_kept(settings.state_dir, settings.privy_jwks_url)
        asked = of_privy.examine(settings.privy_jwks_url, reach, trust, has_key=has_key)
        work["key server"] = _kept(found, "key server", asked)
    if settings.smtp_url:
        from gatewayz_auth.adapters.smtp import doctor as of_smtp  # noqa: PLC0415 - a driver that few need

        reach = reaches["mail server"] = Reach("mail server", clock, abandoned)
        work["mail server"] = _kept(found, "mail server", of_smtp.examine(settings.smtp_url, reach, trust))
    running = {name: tasks.spawn(each, name) for name, each in work.items()}
    await asyncio.wait(running.values(), timeout=limit_s)
    found.late = [name for name, task in running.items() if not task.done()]
    await tasks.close(CLOSE_LIMIT_S)
    await abandoned.close(CLOSE_LIMIT_S)
    for name, task in running.items():
        if name not in found.late and not task.cancelled():
            task.result()
    return found


async def _kept(found: Examination, name: str, asking: Coroutine[Any, Any, list[Finding]]) -> None:
    found.asked[name] = await asking


async def explain(settings: Settings) -> str:
    """The plan of the one statement as the database really carries it out, rolled back; ``NotKnown`` where it is away.

    It holds no value and no name.
    """
    from gatewayz_auth.adapters.postgres.explain import explain as explained  # noqa: PLC0415 - asked for seldom

    return await explained(settings.database_url, EXPLAIN_LIMIT_S)
