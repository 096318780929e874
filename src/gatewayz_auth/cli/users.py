"""``gatewayz-auth users``: look one person up, keep them out, let them in, forget what is remembered of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.cli import output
from gatewayz_auth.cli.operator import with_people
from gatewayz_auth.domain.errors import StartupError
from gatewayz_auth.domain.identity import is_privy_id
from gatewayz_auth.web.routes.admin import person_as_json

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.service.people import People, Shown

EXAMPLE = "gatewayz-auth users show ada"
_ACTIONS = {
    "show": "who this is, may they sign in, and their keys by prefix",
    "disable": "keep them out, everywhere within a second",
    "enable": "let them in again",
    "invalidate": "forget what is remembered of them",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument(
        "action", choices=_ACTIONS, help="; ".join(f"{name}: {what}" for name, what in _ACTIONS.items())
    )
    parser.add_argument("who", metavar="NAME", help="a username, a Privy id (did:privy:…) or a user id")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where there is nobody of that name."""

    async def do(people: People) -> dict[str, Any] | None:
        shown = await _find(people, arguments.who)
        if shown is None:
            return None
        user_id = shown.account.user_id
        if arguments.action != "show":
            await getattr(people, arguments.action)(user_id)
            return {"done": arguments.action, "user_id": user_id}
        return person_as_json(shown, await people.keys_of(user_id))

    facts = with_people(do)
    if facts is None:
        raise StartupError(f"There is nobody called {arguments.who!r}: a username, a Privy id or a user id is wanted.")
    plain = orjson.loads(orjson.dumps(facts, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS))
    output.show(plain, _text(plain), as_json=arguments.json)
    return 0


async def _find(people: People, who: str) -> Shown | None:
    if is_privy_id(who):
        return await people.by_privy_id(who)
    shown = await people.by_username(who)
    if shown is None and who.isascii() and who.isdigit() and len(who) < 19:  # noqa: PLR2004 - fits the id's type
        return await people.by_user_id(int(who))
    return shown


def _text(facts: dict[str, Any]) -> str:
    if "done" in facts:
        return f"Done: {facts['done']} user {facts['user_id']}. Every process follows within a second."
    keys = facts.pop("keys")
    lines = [f"{name:20}{'-' if value is None else value}" for name, value in facts.items()]
    lines += [
        f"key {key['prefix']}…  {key['environment_tag']}, made {key['created_at']}"
        + (f", revoked {key['revoked_at']}" if key["revoked_at"] else "")
        for key in keys
    ]
    return "\n".join(lines)
