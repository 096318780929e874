"""Composed for ``bootstrap``: who shows which API key, and the referral routes over that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.adapters.postgres.api_keys import PostgresApiKeys
from gatewayz_auth.adapters.postgres.referral_codes import PostgresReferralCodes
from gatewayz_auth.reliability.single_flight import SingleFlight
from gatewayz_auth.service.api_key_check import ApiKeyCheck
from gatewayz_auth.service.referral_codes import ReferralCodes
from gatewayz_auth.web.routes.referral import referral_routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewayz_auth.adapters.keyring import Keyring
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.domain.key_holder import CheckedKey
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks
    from gatewayz_auth.service.api_key_check import Owners, People
    from gatewayz_auth.service.auth_cache import CachePolicy
    from gatewayz_auth.service.ports import Gate
    from gatewayz_auth.service.resealing import Resealing
    from gatewayz_auth.web.routes.referral import Routes


class ReferralSide:
    """``check`` (API keys, for other routes too) and ``codes``; asks the database as the sign-in does, by ``call``."""

    def __init__(  # noqa: PLR0913 - the parts it is made of, in reading order
        self,
        policy: Callable[[], CachePolicy],
        pool: Pool,
        call: Call,
        gate: Gate,
        keyring: Keyring,
        resealing: Resealing,
        tasks: OwnedTasks,
        clock: Clock,
        entropy: Entropy,
        owners: Owners | None,
        people: People,
    ) -> None:
        """Compose it of parts that others own."""
        limit_s = policy().lookup_limit_s
        self._clock = clock
        self._flights: SingleFlight[CheckedKey] = SingleFlight("postgres", clock)
        self._keys = PostgresApiKeys(pool, call, clock, limit_s)
        self._codes = PostgresReferralCodes(pool, call, clock, limit_s)
        self.check = ApiKeyCheck(
            policy,
            self._keys,
            keyring,
            self._flights,
            gate,
            resealing,
            tasks,
            clock,
            entropy,
            owners,
            people,
        )
        self.codes = ReferralCodes(self._codes, entropy)

    def follow(self, lookup_limit_s: float) -> None:
        """Give each look-up ``lookup_limit_s`` seconds from now on."""
        self._keys.limit_s = self._codes.limit_s = lookup_limit_s

    def routes(self, budget_s: float) -> Routes:
        """The routes, each answering within ``budget_s`` seconds."""
        return referral_routes(self.check, self.codes, self._clock, budget_s)

    async def close(self, limit_s: float) -> None:
        """End the look-ups under way, within ``limit_s`` seconds."""
        await self._flights.close(limit_s)
