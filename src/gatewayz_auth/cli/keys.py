"""``gatewayz-auth keys``: a person's keys by prefix, and ending one for good."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output
from gatewayz_auth.cli.operator import with_desk
from gatewayz_auth.cli.users import key_line, plain_of
from gatewayz_auth.cli.who_types import operator
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.web.routes.admin import person_as_json

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.service.desk import Desk

EXAMPLE = "gatewayz-auth keys list ada"
KEYS_UNKNOWN = "The database does not answer, and which keys there are stands nowhere else"
_WHAT = {
    "list": "the keys of NAME (a username, a Privy id or a user id), never what could be used",
    "revoke": "end the key of this id for good; its owner gets a new one with the next sign-in",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("action", choices=_WHAT, help="; ".join(f"{name}: {what}" for name, what in _WHAT.items()))
    parser.add_argument("which", metavar="NAME_OR_ID", help="whose keys, or the id of a key")
    parser.add_argument("--why", default="", metavar="TEXT", help="for the audit log; names are left out of it")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where there is nobody, or no key, of that name."""
    if arguments.action == "revoke":
        return _revoke(arguments)

    async def keys(desk: Desk) -> dict[str, Any] | None:
        dossier = await desk.look_up(arguments.which)
        if dossier is None:
            return None
        if dossier.database is not None:
            raise OperatorError(f"{KEYS_UNKNOWN} ({dossier.database}): try again when it is back.")
        return {"user_id": dossier.account.user_id, "keys": person_as_json(dossier.shown, dossier.keys)["keys"]}

    facts = with_desk(keys)
    if facts is None:
        raise OperatorError(f"There is nobody called {arguments.which!r}: gatewayz-auth users list shows who there is.")
    plain = plain_of(facts)
    lines = [f"{key['id']}  {key_line(key)}" for key in plain["keys"]]
    output.show(plain, "\n".join(lines) or "No keys.", as_json=arguments.json)
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    try:
        key_id = uuid.UUID(arguments.which)
    except ValueError:
        raise SettingsError(
            [f"{arguments.which!r} is no id of a key: `gatewayz-auth keys list NAME` has them"]
        ) from None
    said = with_desk(lambda desk: desk.revoke(operator(), key_id, arguments.why))
    if said is None:
        raise OperatorError(f"There is no key {key_id}.")
    output.show({"done": "revoke", "id": str(key_id), "said": said}, said, as_json=arguments.json)
    return 0
