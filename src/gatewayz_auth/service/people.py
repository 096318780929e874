"""What operators do about one person: look them up, let them in or keep them out, forget what is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatewayz_auth.domain.cached_person import CachedPerson
from gatewayz_auth.domain.sign_in import Source

if TYPE_CHECKING:
    import uuid

    from gatewayz_auth.domain.key_record import KeyRecord
    from gatewayz_auth.domain.users import Account
    from gatewayz_auth.reliability.clock import Clock


class Directory(Protocol):
    """The database as operators see it; each call ends in two seconds, in ``NotKnown`` at worst."""

    async def by_privy_id(self, privy_id: str) -> Account | None:
        """The account of a Privy id."""
        ...

    async def by_username(self, username: str) -> Account | None:
        """The account of a username, in whatever case."""
        ...

    async def by_user_id(self, user_id: int) -> Account | None:
        """The account of a user id."""
        ...

    async def set_active(self, user_id: int, *, is_active: bool) -> bool:
        """Let a user in or keep them out; False where nobody has this id."""
        ...

    async def invalidate(self, user_id: int) -> bool:
        """Make every process forget the user; False where nobody has this id."""
        ...

    async def keys_of(self, user_id: int) -> tuple[KeyRecord, ...]:
        """The user's keys, newest first."""
        ...

    async def revoke_key(self, key_id: uuid.UUID) -> bool:
        """End a key for good; False where there is none."""
        ...


class RememberedNames(Protocol):
    """People by username, as Redis remembers them; never raises, bounded to 50 ms."""

    async def get_by_username(self, username: str) -> CachedPerson | None:
        """Whoever goes by ``username``, while fresh."""
        ...

    async def put_by_username(self, person: CachedPerson) -> bool:
        """Remember ``person`` by their username alone."""
        ...


class NamesObserver(Protocol):
    """Hears where a look-up by username was answered."""

    def username_found(self, username: str) -> None:
        """It was answered from what is remembered."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """One person as operators see them: the account, where that came from and how old it is, in seconds."""

    account: Account
    source: Source
    age_s: float


class People:
    """Looks people up and changes what they may; every process follows within a second."""

    def __init__(
        self, directory: Directory, names: RememberedNames | None, observer: NamesObserver, clock: Clock
    ) -> None:
        """Keep the parts."""
        self._directory = directory
        self._names = names
        self._observer = observer
        self._clock = clock

    async def by_username(self, username: str) -> Shown | None:
        """Whoever goes by ``username``: remembered (``auth:username:``), else from the database."""
        name = username.strip().lower()
        if self._names is not None:
            person = await self._names.get_by_username(name)
            if person is not None:
                self._observer.username_found(person.account.username)
                return Shown(person.account, Source.CACHE, person.age_s(self._clock.utc_now_s()))
        asked_at_s = self._clock.utc_now_s()
        account = await self._directory.by_username(name)
        if account is None:
            return None
        if self._names is not None:
            await self._names.put_by_username(CachedPerson(account, (), asked_at_s))
        return Shown(account, Source.DATABASE, 0.0)

    async def by_privy_id(self, privy_id: str) -> Shown | None:
        """Whoever has this Privy id, from the database."""
        return _shown(await self._directory.by_privy_id(privy_id))

    async def by_user_id(self, user_id: int) -> Shown | None:
        """Whoever has this user id, from the database."""
        return _shown(await self._directory.by_user_id(user_id))

    async def keys_of(self, user_id: int) -> tuple[KeyRecord, ...]:
        """The person's keys, newest first, revoked ones included; never what could be used."""
        return await self._directory.keys_of(user_id)

    async def disable(self, user_id: int) -> bool:
        """Keep the person out, everywhere within a second; False where nobody has this id."""
        return await self._directory.set_active(user_id, is_active=False)

    async def enable(self, user_id: int) -> bool:
        """Let the person in again; False where nobody has this id."""
        return await self._directory.set_active(user_id, is_active=True)

    async def invalidate(self, user_id: int) -> bool:
        """Forget what is remembered of the person; False where nobody has this id."""
        return await self._directory.invalidate(user_id)

    async def revoke_key(self, key_id: uuid.UUID) -> bool:
        """End a key for good; the next sign-in makes a new one. False where there is none of this id."""
        return await self._directory.revoke_key(key_id)


def _shown(account: Account | None) -> Shown | None:
    return None if account is None else Shown(account, Source.DATABASE, 0.0)
