"""What operators turned off and may have forgotten, told by the doctor: nothing else looks wrong then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatewayz_auth.bootstrap_runtime_desk import runtime_desk
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.service.findings import notice, warning
from gatewayz_auth.service.rollback import turns_cache_off
from gatewayz_auth.service.runtime_settings import Runtime, effective

if TYPE_CHECKING:
    from gatewayz_auth.service.findings import Finding
    from gatewayz_auth.settings import Settings


def steered(settings: Settings) -> list[Finding]:
    """Whether a rollback holds, in 1.5 s; by what this host knew last where the database does not answer."""
    back = asyncio.run(_rolled_back(settings))
    if not back:
        return []
    title = f"Rolled back by an operator: {', '.join(back)}"
    do = "gatewayz-auth rollback undo, once what it was done for is over; who and why: gatewayz-auth settings --json"
    if turns_cache_off(back):
        detail = "Nobody is remembered: every sign-in asks the database, and without it nobody gets in."
        return [warning("rolled-back", title, detail, do)]
    return [notice("rolled-back", title, "It holds until it is undone.", do)]


async def _rolled_back(settings: Settings) -> tuple[str, ...]:
    async with runtime_desk(settings) as desk:
        try:
            runtime = await desk.store.read()
        except NotKnown:
            runtime = desk.files.held() or Runtime()
        return effective(runtime, desk.files.here(), desk.clock.utc_now_s()).rolled_back
