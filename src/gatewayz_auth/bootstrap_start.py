"""What a database must be like before anybody is served from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.adapters.postgres.migrate import NEWEST
from gatewayz_auth.domain.errors import StartupError

if TYPE_CHECKING:
    from gatewayz_auth.adapters.keyring import Keyring
    from gatewayz_auth.adapters.postgres.directory import PostgresDirectory


async def check_database(directory: PostgresDirectory, keyring: Keyring, log: Any) -> None:  # noqa: ANN401 - structlog's own
    """Refuse a database of an older schema or of another keyring with ``StartupError``; ``NotKnown`` where it is away.

    Up to five round trips, each with the directory's limit: the whole needs one of its own.
    """
    version = await directory.schema_version()
    if version < NEWEST:  # a newer one serves older programs too, so that a deploy can be taken back
        raise StartupError(
            f"The database is at schema version {version} of {NEWEST}: run `gatewayz-auth migrate` first."
        )
    kept = await directory.canaries()
    if kept and not any(keyring.opens_canary(value) for value in kept.values()):
        raise StartupError(
            "API_KEY_SECRET is not the one that this database's API keys were sealed with: name the secret that was "
            "used before as well, after the new one and a comma."
        )
    if keyring.key_ids[0] not in kept:
        await directory.put_canary(keyring.key_ids[0], keyring.canary())
    if await directory.has_foreign_keys(keyring.key_ids):
        log.error(
            "Some API keys were sealed with a secret that API_KEY_SECRET does not name any more: their owners cannot "
            "sign in. Name it again, after the new one and a comma."
        )
