"""``people`` for programs that show the token: whatever they change is written down first, as at the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.service.people import People

if TYPE_CHECKING:
    import uuid

    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.service.audit import AuditLog
    from gatewayz_auth.service.people import Directory, NamesObserver, RememberedNames

WHO = "ADMIN_TOKEN (http)"
"""A program that shows the token does not say whose hands are on it."""


class AuditedPeople(People):
    """Looks up as ``People`` does; changes nothing that could not be written into ``audit``."""

    def __init__(
        self,
        directory: Directory,
        names: RememberedNames | None,
        observer: NamesObserver,
        clock: Clock,
        audit: AuditLog,
    ) -> None:
        """Keep the parts."""
        super().__init__(directory, names, observer, clock)
        self._audit = audit

    async def disable(self, user_id: int) -> bool:
        """Keep the person out, everywhere within a second; False where nobody has this id."""
        await self._audit.add(WHO, "disable", f"user {user_id}", "")
        return await super().disable(user_id)

    async def enable(self, user_id: int) -> bool:
        """Let the person in again; False where nobody has this id."""
        await self._audit.add(WHO, "enable", f"user {user_id}", "")
        return await super().enable(user_id)

    async def invalidate(self, user_id: int) -> bool:
        """Forget what is remembered of the person; False where nobody has this id."""
        await self._audit.add(WHO, "invalidate", f"user {user_id}", "")
        return await super().invalidate(user_id)

    async def revoke_key(self, key_id: uuid.UUID) -> bool:
        """End a key for good; False where there is none of this id."""
        await self._audit.add(WHO, "revoke key", f"key {key_id}", "")
        return await super().revoke_key(key_id)
