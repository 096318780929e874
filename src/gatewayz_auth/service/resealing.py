"""After ``API_KEY_SECRET`` was rotated: each key goes under the newest secret when its owner next signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.errors import NotKnown

if TYPE_CHECKING:
    from gatewayz_auth.domain.sign_in import NewKey, StoredKey
    from gatewayz_auth.reliability.owned_tasks import OwnedTasks


class Resealer(Protocol):
    """The keyring, as far as it is needed here."""

    def needs_resealing(self, key: StoredKey) -> bool:
        """Whether an older secret than the newest sealed or digested ``key``."""
        ...

    def reseal(self, key: StoredKey, user_id: int) -> NewKey:
        """The same key under the newest secret."""
        ...


class SealedKeys(Protocol):
    """Where sealed keys are kept."""

    async def replace_seal(self, old: StoredKey, new: NewKey) -> bool:
        """Put ``new`` in the place of ``old``; False where it is not there any more."""
        ...


class Resealing:
    """Re-seals behind the sign-in's back, one key at a time; what fails is tried at the next sign-in."""

    def __init__(self, keyring: Resealer, keys: SealedKeys, tasks: OwnedTasks) -> None:
        """Keep the parts."""
        self._keyring = keyring
        self._keys = keys
        self._tasks = tasks

    def consider(self, key: StoredKey, user_id: int) -> None:
        """Re-seal ``key`` soon if it is under an older secret; waits for nothing."""
        if self._keyring.needs_resealing(key) and not self._tasks.is_full:
            self._tasks.spawn(self._reseal(key, user_id), "reseal")

    async def _reseal(self, key: StoredKey, user_id: int) -> None:
        try:
            await self._keys.replace_seal(key, self._keyring.reseal(key, user_id))
        except NotKnown:
            return
