"""A sign-in: what is asked, what the database is asked for, and the answer with where it came from."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.domain.identity import proven

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable
    from decimal import Decimal

    from gatewayz_auth.domain.identity import LinkedAccount
    from gatewayz_auth.domain.users import Account

ENVIRONMENT_TAGS = ("live", "test", "development")


class SignInRequest:  # made on the hot route, where a frozen dataclass costs a microsecond more
    """A well-formed request: both tokens are proof, everything else is a claim. Reprs show no token.

    ``linked_accounts`` may be given as a function that makes them of what was already found in order: only who asks
    the database looks at them.
    """

    __slots__ = (
        "_accounts",
        "auto_create_api_key",
        "email",
        "environment_tag",
        "identity_token",
        "is_guest",
        "privy_user_id",
        "referral_code",
        "token",
    )

    def __init__(  # noqa: PLR0913 - a record
        self,
        token: str,
        identity_token: str | None,
        privy_user_id: str,
        linked_accounts: tuple[LinkedAccount, ...] | Callable[[], tuple[LinkedAccount, ...]],
        email: str | None,
        is_guest: bool,  # noqa: FBT001 - a record
        environment_tag: str,
        auto_create_api_key: bool,  # noqa: FBT001 - a record
        referral_code: str | None,
    ) -> None:
        """Keep the record as it is."""
        self.token = token
        self.identity_token = identity_token
        self.privy_user_id = privy_user_id
        self._accounts = linked_accounts
        self.email = email
        self.is_guest = is_guest
        self.environment_tag = environment_tag
        self.auto_create_api_key = auto_create_api_key
        self.referral_code = referral_code

    @property
    def linked_accounts(self) -> tuple[LinkedAccount, ...]:
        """What the body claims, in its order; made when it is first asked for."""
        if not isinstance(self._accounts, tuple):
            self._accounts = self._accounts()
        return self._accounts

    def _fields(self) -> tuple[object, ...]:
        return (self.linked_accounts, *(getattr(self, name) for name in self.__slots__ if name != "_accounts"))

    def __eq__(self, other: object) -> bool:
        """Whether both ask for the same."""
        return isinstance(other, SignInRequest) and self._fields() == other._fields()

    def __hash__(self) -> int:
        """Agree with ``==``."""
        return hash(self._fields())

    def __repr__(self) -> str:
        """Name the type and nothing of its contents: they are secret or personal."""
        return "SignInRequest(…)"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key ready to be stored, should the account have none of its tag: digest to find it, sealed copy to open it.

    ``owner_secret`` (32 bytes) is also inside the seal. The statement stores ``sha256(owner_secret ‖ user id as 8
    bytes, big endian)``, which binds the row to its owner although the owner is only known inside the statement.
    """

    key_id: uuid.UUID
    environment_tag: str
    prefix: str
    digest: bytes
    digest_key_id: str
    sealed: bytes
    owner_secret: bytes

    def __repr__(self) -> str:
        """Name the key by its id alone."""
        return f"NewKey({self.key_id})"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the database holds it: never in clear."""

    key_id: uuid.UUID
    environment_tag: str
    prefix: str
    digest_key_id: str
    sealed: bytes
    owner_tag: bytes

    def __repr__(self) -> str:
        """Name the key by its id alone."""
        return f"StoredKey({self.key_id})"


@dataclass(frozen=True, slots=True)
class FindOrMake:
    """Everything the one statement needs to find an account and its key, or to make them.

    ``verified_email`` and ``verified_phone`` come from a signed identity token only; ``is_proven`` says that such a
    token named at least one account. ``new_key`` is None where the caller wants no key made.
    """

    privy_user_id: str
    region: str
    may_join: bool
    username: str
    display_name: str | None
    auth_method: str
    verified_email: str | None
    claimed_email: str | None
    verified_phone: str | None
    claimed_phone: str | None
    is_guest: bool
    is_proven: bool
    credits: Decimal
    full_credits: Decimal
    tier: str
    trial_days: int
    environment_tag: str
    new_key: NewKey | None
    referral_code: str | None

    @property
    def proves(self) -> int:
        """What is proven of whoever asks, as ``identity.proven`` adds it up."""
        return proven(self.is_proven, self.verified_email, self.verified_phone)

    def __repr__(self) -> str:
        """Name the type and nothing of its contents: they are personal."""
        return "FindOrMake(…)"


@dataclass(frozen=True, slots=True)
class Found:
    """What the one statement says: the account and its primary key of the tag (None: it has none), and if it is new."""

    account: Account
    key: StoredKey | None
    is_new: bool


class NotFound:
    """Said only by the database: nobody of this identity exists and none was made. A time-out is never this."""


class Source(enum.StrEnum):
    """Where an answer came from; the words of the header ``X-Auth-Source``."""

    CACHE = "cache"
    DATABASE = "database"
    LAST_KNOWN_GOOD = "last-known-good"


@dataclass(slots=True)
class Answer:
    """An answer: ``rendered`` is all of it but its time stamp, ``age_s`` seconds old, from ``source``."""

    rendered: bytes
    user_id: int
    source: Source
    age_s: float

    def __repr__(self) -> str:
        """Name the account by its id alone: the key is in here."""
        return f"Answer(user_id={self.user_id})"
