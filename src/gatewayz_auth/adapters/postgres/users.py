"""Accounts in Postgres: found or made in one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.postgres.accounts_rows import account_of, key_of
from gatewayz_auth.domain.sign_in import Found, NotFound

if TYPE_CHECKING:
    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool
    from gatewayz_auth.domain.sign_in import FindOrMake
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline

_KEY_PARAMETERS = ("key_id", "key_prefix", "key_digest", "key_digest_key_id", "key_sealed", "key_owner_secret")


def _fit(text: str | None) -> str | None:
    """``text`` as Postgres can hold it: without NUL and lone surrogates, which no name is made of."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def _parameters(wanted: FindOrMake) -> dict[str, Any]:
    key = wanted.new_key
    stored = (
        dict.fromkeys(_KEY_PARAMETERS)
        if key is None
        else dict(
            zip(
                _KEY_PARAMETERS,
                (key.key_id, key.prefix, key.digest, key.digest_key_id, key.sealed, key.owner_secret),
                strict=True,
            )
        )
    )
    return stored | {
        "privy_user_id": wanted.privy_user_id,
        "region": wanted.region,
        "may_join": wanted.may_join,
        "username": _fit(wanted.username),
        "display_name": _fit(wanted.display_name),
        "auth_method": wanted.auth_method,
        "verified_email": _fit(wanted.verified_email),
        "claimed_email": _fit(wanted.claimed_email),
        "verified_phone": _fit(wanted.verified_phone),
        "claimed_phone": _fit(wanted.claimed_phone),
        "is_guest": wanted.is_guest,
        "is_proven": wanted.is_proven,
        "credits": wanted.credits,
        "full_credits": wanted.full_credits,
        "tier": wanted.tier,
        "trial_days": wanted.trial_days,
        "environment_tag": wanted.environment_tag,
        "referral_code": _fit(wanted.referral_code),
    }


class PostgresAccounts:
    """``ports.Accounts`` over one statement; ``lookup_limit_s`` bounds each call, the deadline may tighten it.

    ``lookup_limit_s`` may be assigned later.

    ``call`` is what releases the caller in time: with a queue and a breaker (``NeighbourCall``), or the guard alone.
    """

    def __init__(self, pool: Pool, call: Call, clock: Clock, lookup_limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self.lookup_limit_s = lookup_limit_s

    async def find_or_make(self, wanted: FindOrMake, deadline: Deadline) -> Found | NotFound:
        """The account and its key, or ``NotFound``, said by the database alone; ``NotKnown`` raised in time."""
        own = deadline.tightened(self._clock.monotonic_s(), self.lookup_limit_s)
        rows = await self._call(
            lambda: self._pool.rows("sign_in", _parameters(wanted), own.left_s(self._clock.monotonic_s())),
            key=wanted.privy_user_id,
            deadline=own,
            own_limit_s=self.lookup_limit_s,
            operation="sign_in",
        )
        row = rows[0]
        if row["user_id"] is None:
            return NotFound()
        return Found(account_of(row), key_of(row, wanted.environment_tag), bool(row["is_new"]))
