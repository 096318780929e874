"""``gatewayz-auth users``: look people up, keep them out, let them in, forget, export and erase them."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth.cli import output
from gatewayz_auth.cli.operator import with_desk
from gatewayz_auth.cli.waiting import Waiting
from gatewayz_auth.cli.who_types import operator
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.web.routes.admin import person_as_json

if TYPE_CHECKING:
    import argparse

    from gatewayz_auth.service.desk import Desk
    from gatewayz_auth.service.records import Listed

EXAMPLE = "gatewayz-auth users show ada"
_WHAT = {
    "show": "who this is, may they sign in, and their keys by prefix",
    "find": "people one of whose names begins with NAME",
    "list": "people in the order of their ids, from behind --after on",
    "disable": "keep them out, everywhere within a second",
    "enable": "let them in again",
    "invalidate": "forget what is remembered of them",
    "export": "everything that is kept of them, as one JSON document; is_complete is false beyond 10,000 of a kind",
    "erase": "take them out of every table, cache and log for good; needs --yes where nobody can be asked",
}


_LONG = {
    "erase": "Erasing from tables, caches and logs",
    "export": "Collecting everything that is kept",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("action", choices=_WHAT, help="; ".join(f"{name}: {what}" for name, what in _WHAT.items()))
    parser.add_argument(
        "who", metavar="NAME", nargs="?", default="", help="a username, a Privy id (did:privy:…) or a user id"
    )
    parser.add_argument("--why", default="", metavar="TEXT", help="for the audit log; names are left out of it")
    parser.add_argument("--yes", action="store_true", help="erase without asking")
    parser.add_argument("--after", type=int, default=0, metavar="ID", help="list people behind this user id")
    parser.add_argument("--most", type=int, default=50, metavar="N", help="list or find so many at most (default: 50)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where there is nobody of that name, or an erasure's search still found it."""
    action, who = arguments.action, arguments.who
    if action == "list" or (action == "find" and who):
        return _show_list(arguments)
    if not who:
        raise SettingsError([f"users {action} needs a NAME. Example: gatewayz-auth users {action} ada"])
    if action == "erase" and not arguments.yes:
        _confirm(who)
    telling = Waiting(_LONG[action], SystemClock(), as_json=arguments.json) if action in _LONG else nullcontext()
    with telling:
        facts = with_desk(lambda desk: _do(desk, action, who, arguments.why))
    if facts is None:
        raise OperatorError(
            f"There is nobody called {who!r}: a username, a Privy id or a user id is wanted; users list shows some."
        )
    plain = plain_of(facts)
    output.show(plain, _text(action, plain), as_json=arguments.json or action == "export")
    return 1 if "But" in str(plain.get("said", "")) else 0  # erased, and a name still stands somewhere


async def _do(desk: Desk, action: str, who: str, why: str) -> dict[str, Any] | None:
    dossier = await desk.look_up(who)
    if dossier is None:
        return None
    user_id = dossier.account.user_id
    if action == "show":
        shown = person_as_json(dossier.shown, dossier.keys)
        return shown if dossier.database is None else shown | {"keys": None, "database": dossier.database}
    if action == "export":
        return await desk.export(operator(), user_id, why)
    if action == "erase":
        said = await desk.erase(operator(), user_id, why)
    else:
        said = await desk.act(operator(), action, user_id, why)
    return None if said is None else {"done": action, "user_id": user_id, "said": said}


def plain_of(facts: object) -> Any:  # noqa: ANN401 - JSON
    """``facts`` as JSON shows them, times and numbers included."""
    return orjson.loads(orjson.dumps(facts, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS))


def _confirm(who: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            [f"users erase cannot be undone: say --yes. Example: gatewayz-auth users erase {who} --yes"]
        )
    print(f"{who} is taken out of every table, cache and log for good. This cannot be undone.")
    if input("Erase? Type yes: ").strip() != "yes":
        raise OperatorError("Left as it was.")


def _show_list(arguments: argparse.Namespace) -> int:
    most = max(1, min(1000, arguments.most))

    async def do(desk: Desk) -> tuple[Listed, ...]:
        if arguments.action == "find":
            return await desk.find_users(arguments.who, most)
        return await desk.list_users(arguments.after, most)

    people = [{name: getattr(one, name) for name in one.__slots__} for one in with_desk(do)]
    plain = plain_of({"users": people})
    lines = [
        f"{one['user_id']:>8}  {one['username']:24}  {one['privy_user_id'] or '-'}"
        + ("" if one["is_active"] else "  disabled")
        for one in plain["users"]
    ]
    if len(people) == most and arguments.action == "list":
        lines.append(f"More: gatewayz-auth users list --after {people[-1]['user_id']}")
    output.show(plain, "\n".join(lines) or "Nobody.", as_json=arguments.json)
    return 0


def _text(action: str, facts: dict[str, Any]) -> str:
    if "said" in facts:
        return str(facts["said"])
    if action != "show":
        return ""
    shown = dict(facts)
    keys = shown.pop("keys")
    lines = [f"{name:20}{'-' if value is None else value}" for name, value in shown.items()]
    if keys is None:
        return "\n".join([*lines, "This is what is remembered: the database does not answer, and keys are not known."])
    return "\n".join([*lines, *(key_line(key) for key in keys)])


def key_line(key: dict[str, Any]) -> str:
    """One key for people."""
    revoked = f", revoked {key['revoked_at']}" if key["revoked_at"] else ""
    used = f", last used {key['last_used_at']}" if key["last_used_at"] else ""
    return f"key {key['prefix']}…  {key['environment_tag']}, made {key['created_at']}{used}{revoked}"
