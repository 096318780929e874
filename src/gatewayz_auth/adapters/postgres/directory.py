"""What operators look up and change: accounts by their names, their keys, who may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.postgres.accounts_rows import account_of
from gatewayz_auth.domain.key_record import KeyRecord
from gatewayz_auth.reliability.deadline import Deadline

if TYPE_CHECKING:
    import uuid

    from gatewayz_auth.adapters.postgres.calls import Call
    from gatewayz_auth.adapters.postgres.pool import Pool, Row
    from gatewayz_auth.domain.sign_in import NewKey, StoredKey
    from gatewayz_auth.domain.users import Account
    from gatewayz_auth.reliability.clock import Clock


class PostgresDirectory:
    """Look-ups and changes by operators; each call ends within ``limit_s`` seconds, in ``NotKnown`` at worst.

    Whatever changes somebody is noticed by every process through the table of changes, as with plain SQL.
    """

    def __init__(self, pool: Pool, call: Call, clock: Clock, limit_s: float) -> None:
        """Keep the parts."""
        self._pool = pool
        self._call = call
        self._clock = clock
        self._limit_s = limit_s

    async def by_privy_id(self, privy_id: str) -> Account | None:
        """The account of a Privy id; None is said by the database alone."""
        return await self._account("account_by_name", {"kind": "privy", "name": privy_id})

    async def by_username(self, username: str) -> Account | None:
        """The account of a username, in whatever case it is written."""
        return await self._account("account_by_name", {"kind": "username", "name": username})

    async def by_email(self, email: str) -> Account | None:
        """The account of a verified e-mail."""
        return await self._account("account_by_name", {"kind": "email", "name": email})

    async def by_user_id(self, user_id: int) -> Account | None:
        """The account of a user id."""
        return await self._account("account_by_id", {"user_id": user_id})

    async def set_active(self, user_id: int, *, is_active: bool) -> bool:
        """Let a user in or keep them out; False where nobody has this id."""
        return bool(await self._rows("set_active", {"user_id": user_id, "is_active": is_active}))

    async def invalidate(self, user_id: int) -> bool:
        """Make every process forget what it remembers of a user; False where nobody has this id."""
        return bool(await self._rows("note_change", {"user_id": user_id}))

    async def keys_of(self, user_id: int) -> tuple[KeyRecord, ...]:
        """A user's keys, newest first, revoked ones included."""
        return tuple(KeyRecord(**row) for row in await self._rows("keys_of", {"user_id": user_id}))

    async def revoke_key(self, key_id: uuid.UUID) -> bool:
        """End a key for good; False where there is none of this id."""
        return bool(await self._rows("revoke_key", {"key_id": key_id}))

    async def replace_seal(self, old: StoredKey, new: NewKey) -> bool:
        """Put a key under another secret; False where somebody was quicker, or it is revoked."""
        parameters = {
            "key_id": old.key_id,
            "old_sealed": old.sealed,
            "digest": new.digest,
            "digest_key_id": new.digest_key_id,
            "sealed": new.sealed,
        }
        return bool(await self._rows("reseal_key", parameters))

    async def has_foreign_keys(self, key_ids: tuple[str, ...]) -> bool:
        """Whether a key is in use that none of the secrets ``key_ids`` has sealed."""
        return bool((await self._rows("has_foreign_keys", {"key_ids": list(key_ids)}))[0]["has_foreign"])

    async def canaries(self) -> dict[str, bytes]:
        """What the keyring is checked against, by key."""
        return {row["key"]: bytes(row["value"]) for row in await self._rows("canaries", {})}

    async def put_canary(self, key: str, value: bytes) -> None:
        """Keep ``value`` under ``key``, where nothing is kept there yet."""
        await self._rows("put_canary", {"key": key, "value": value})

    async def schema_version(self) -> int:
        """The newest migration that the database has had; 0: none."""
        if not (await self._rows("has_schema_version", {}))[0]["is_there"]:
            return 0
        return int((await self._rows("schema_version", {}))[0]["version"])

    async def _account(self, name: str, parameters: dict[str, Any]) -> Account | None:
        rows = await self._rows(name, parameters)
        return account_of(rows[0]) if rows else None

    async def _rows(self, name: str, parameters: dict[str, Any]) -> list[Row]:
        deadline = Deadline.after(self._clock.monotonic_s(), self._limit_s)
        return await self._call(
            lambda: self._pool.rows(name, parameters, deadline.left_s(self._clock.monotonic_s())),
            key="operators",
            deadline=deadline,
            own_limit_s=self._limit_s,
            operation=name,
        )
