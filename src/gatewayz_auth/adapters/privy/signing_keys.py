"""The public keys that are known now, refreshed in the background and never on a request's way."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.privy.key_fetch import KeyFetch
from gatewayz_auth.adapters.privy.key_file import KeyFile
from gatewayz_auth.adapters.privy.key_set import KeySet, UnusableKeysError, read_jwks, read_pem
from gatewayz_auth.domain.errors import NeighbourUnavailable, SettingsError
from gatewayz_auth.reliability.facts import tell_nobody
from gatewayz_auth.reliability.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.reliability.facts import Tell


@dataclass(frozen=True, slots=True)
class RefreshLimits:
    """How often keys are refreshed and how long that may take, in seconds.

    ``every_s`` after a success; ``retry_s``, doubled with each failure up to ``max_retry_s``, after one; both shortened
    by up to a fifth, so that processes part. A token with an unknown ``kid`` starts at most one more every
    ``unknown_kid_pause_s``. One fetch takes ``fetch_s`` at most.
    """

    every_s: float = 600
    retry_s: float = 5
    max_retry_s: float = 60
    unknown_kid_pause_s: float = 30
    fetch_s: float = 10

    def pause_s(self, failures: int, fraction: float) -> float:
        """Seconds until the next refresh after ``failures`` in a row; ``fraction`` (0 to 1) is the jitter."""
        longest_s = self.every_s
        if failures:
            longest_s = min(self.every_s, self.max_retry_s, self.retry_s * 2 ** min(failures - 1, 16))
        return longest_s * (1 - 0.2 * fraction)


DEFAULT_LIMITS = RefreshLimits()


class SigningKeys:
    """Holds the keys of ``PRIVY_VERIFICATION_KEY`` (``pem``) and those behind ``PRIVY_JWKS_URL`` (``jwks_url``).

    What was good stays until something good replaces it, over failures and, in ``state_dir``, over restarts. Belongs to
    one event loop; ``start`` and ``close`` own the task, which starts again should it ever die (``tell`` hears of it).
    ``SettingsError`` where neither source is given or ``pem`` is not usable.
    """

    def __init__(  # noqa: PLR0913 - its two sources and the doors it needs
        self,
        *,
        pem: str | None,
        jwks_url: str | None,
        state_dir: Path,
        clock: Clock,
        entropy: Entropy,
        limits: RefreshLimits = DEFAULT_LIMITS,
        tell: Tell = tell_nobody,
    ) -> None:
        if pem is None and jwks_url is None:
            raise SettingsError(["PRIVY_VERIFICATION_KEY is missing, and PRIVY_JWKS_URL too"])
        self.generation = 0
        self.last_refresh_at_s: float | None = None
        self.failing_since_s: float | None = None
        self.failure: str | None = None
        self._given = read_pem(pem) if pem is not None else ()
        self._set = KeySet({}, self._given)
        self._clock = clock
        self._entropy = entropy
        self._limits = limits
        self._fetch = None if jwks_url is None else KeyFetch(jwks_url, limits.fetch_s)
        self._file = None if jwks_url is None else KeyFile(state_dir, jwks_url)
        self._wanted = asyncio.Event()
        self._wanted_at_s = -math.inf
        self._learnt_s = -math.inf
        self._supervisor = Supervisor(entropy, tell)
        self._is_started = False

    @property
    def known(self) -> int:
        """How many keys are known now."""
        return len(self._set.named) + len(self._set.nameless)

    def candidates(self, kid: str | None) -> tuple[EllipticCurvePublicKey, ...]:
        """The one key named ``kid``, or all (eight at most of each source) that have no name; may be none."""
        key = None if kid is None else self._set.named.get(kid)
        return self._set.nameless if key is None else (key,)

    def missed(self, kid: str | None) -> None:
        """Hear that no candidate fitted: an unknown ``kid`` asks for a refresh, which nobody waits for.

        ``NeighbourUnavailable`` where no key is known yet, and where the ``kid`` may be a new one: refreshing fails, or
        what is known is older than ``unknown_kid_pause_s`` and the refresh is on its way.
        """
        if self._fetch is None or kid in self._set.named:
            return
        now_s = self._clock.monotonic_s()
        if kid is not None and now_s - self._wanted_at_s >= self._limits.unknown_kid_pause_s:
            self._wanted_at_s = now_s
            self._wanted.set()
        may_be_new = self.failing_since_s is not None or now_s - self._learnt_s > self._limits.unknown_kid_pause_s
        if not self.known or (kid is not None and may_be_new):
            raise NeighbourUnavailable("privy", "the signing keys could not be learnt")

    async def start(self) -> None:
        """Take up what the last run kept and begin to refresh; waits for no network."""
        if self._file is None or self._fetch is None or self._is_started:
            return
        self._is_started = True
        self._fetch.prepare()
        kept = self._file.load()
        if kept is not None:
            self._replace(kept.keys)
            self.last_refresh_at_s = kept.fetched_at_s
        self._supervisor.start("refresh signing keys", self._refresh_for_ever)

    async def close(self) -> None:
        """End the refreshing for good, within two seconds; the keys stay."""
        self._is_started = True
        await self._supervisor.close(1.0)
        if self._fetch is not None:
            await self._fetch.close()

    async def _refresh_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            failures = 0 if await self._refresh() else failures + 1
            pause_s = self._limits.pause_s(failures, self._entropy.fraction())
            alarm = loop.call_later(pause_s, self._wanted.set)
            try:
                await self._wanted.wait()
            finally:
                alarm.cancel()
            self._wanted.clear()

    async def _refresh(self) -> bool:
        if self._fetch is None or self._file is None:
            return True
        try:
            raw = await self._fetch.jwks()
            fresh = read_jwks(raw)
        except UnusableKeysError as error:
            self._fail(str(error))
            return False
        except Exception:  # noqa: BLE001 - whatever a fetch can do, the keys stay and the task lives
            self._fail("unexpected")
            return False
        self._replace(fresh)
        self._learnt_s = self._clock.monotonic_s()
        self.last_refresh_at_s = self._clock.utc_now_s()
        self.failing_since_s = self.failure = None
        self._file.save(raw, self.last_refresh_at_s)
        return True

    def _fail(self, why: str) -> None:
        self.failure = why
        if self.failing_since_s is None:
            self.failing_since_s = self._clock.utc_now_s()

    def _replace(self, fetched: KeySet) -> None:
        fresh = KeySet(fetched.named, self._given + fetched.nameless)
        if not fresh.is_same(self._set):
            self._set = fresh
            self.generation += 1
