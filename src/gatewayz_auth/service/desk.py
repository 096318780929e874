"""What operators do to one person: written down first, then done, then said in a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.service.audit import WHO_LENGTH, without_names
from gatewayz_auth.service.dossier import exported
from gatewayz_auth.service.records import MOST_EXPORTED

if TYPE_CHECKING:
    import uuid

    from gatewayz_auth.service.audit import AuditEntry, AuditLog
    from gatewayz_auth.service.dossier import Dossier, Dossiers
    from gatewayz_auth.service.erasure import Erasure
    from gatewayz_auth.service.people import People
    from gatewayz_auth.service.records import Listed, Records

SHOWN_ENTRIES = 200
_SENTENCES = {
    "disable": "User {} is kept out, everywhere within a second.",
    "enable": "User {} may sign in again, everywhere within a second.",
    "invalidate": "What was remembered of user {} is forgotten, everywhere within a second. "
    "The next sign-in asks the database.",
}
ACTIONS = tuple(_SENTENCES)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts: ``name`` is what they call themselves, ``by`` the door they came through (``console``, ``command``)."""

    name: str
    by: str

    @property
    def who(self) -> str:
        """As the audit log has it."""
        return f"{without_names(self.name) or 'somebody'} ({self.by})"[:WHO_LENGTH]


class Desk:
    """Everything that is done to a person goes over this desk; without the audit log nothing is done."""

    def __init__(self, people: People, dossiers: Dossiers, records: Records, erasure: Erasure, audit: AuditLog) -> None:
        """Keep the parts."""
        self._people = people
        self._dossiers = dossiers
        self._records = records
        self._erasure = erasure
        self._audit = audit

    async def look_up(self, who: str) -> Dossier | None:
        """The person called ``who``; not written down, as nothing personal need be shown of it."""
        return await self._dossiers.of(who)

    async def reveal(self, operator: Operator, user_id: int, why: str) -> Dossier | None:
        """The person with what is personal; the asking is written down first."""
        await self._note(operator, "reveal", f"user {user_id}", why)
        return await self._dossiers.of(str(user_id))

    async def act(self, operator: Operator, action: str, user_id: int, why: str) -> str | None:
        """One of ``ACTIONS``: what it did, in a sentence; None where nobody has this id."""
        await self._note(operator, action, f"user {user_id}", why)
        do = {"disable": self._people.disable, "enable": self._people.enable, "invalidate": self._people.invalidate}
        return _SENTENCES[action].format(user_id) if await do[action](user_id) else None

    async def revoke(self, operator: Operator, key_id: uuid.UUID, why: str) -> str | None:
        """End a key for good; None where there is none of this id."""
        await self._note(operator, "revoke key", f"key {key_id}", why)
        if not await self._people.revoke_key(key_id):
            return None
        return "The key is revoked, everywhere within a second. Its owner gets a new one with the next sign-in."

    async def export(self, operator: Operator, user_id: int, why: str) -> dict[str, Any] | None:
        """Everything that is kept of the person; None where nobody has this id.

        ``NotKnown`` rather than a part of it. At most ``MOST_EXPORTED`` of each kind; ``is_complete`` says whether that
        was all.
        """
        await self._note(operator, "export", f"user {user_id}", why)
        dossier = await self._dossiers.of(str(user_id))
        if dossier is None:
            return None
        if dossier.database is not None:  # what is remembered of somebody is not what is kept of them
            raise NotKnown(dossier.database)
        more = await self._records.more_of(user_id, MOST_EXPORTED)
        subjects = [f"user {user_id}", *(f"key {key.key_id}" for key in dossier.keys)]
        subjects += [f"referral {one['id']}" for one in more.referrals]
        entries = await self._audit.about(tuple(subjects), MOST_EXPORTED)
        is_complete = all(len(kind) < MOST_EXPORTED for kind in (more.referrals, more.ledger, entries))
        return exported(replace(dossier, more=more), [asdict(one) for one in entries], is_complete=is_complete)

    async def erase(self, operator: Operator, user_id: int, why: str) -> str | None:
        """Take the person out of everything, and say what a search found; None where nobody has this id."""
        await self._note(operator, "erase", f"user {user_id}", why)
        erased = await self._erasure.erase(user_id)
        return None if erased is None else erased.sentence

    async def entries(self) -> tuple[AuditEntry, ...]:
        """The audit log's last entries, newest first."""
        return await self._audit.last(SHOWN_ENTRIES)

    async def list_users(self, after: int, most: int) -> tuple[Listed, ...]:
        """People in the order of their ids."""
        return await self._records.list_users(after, most)

    async def find_users(self, text: str, most: int) -> tuple[Listed, ...]:
        """People one of whose names begins with ``text``."""
        return await self._records.find_users(text, most)

    async def _note(self, operator: Operator, what: str, subject: str, why: str) -> None:
        await self._audit.add(operator.who, what, subject, without_names(why))
