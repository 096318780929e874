"""``gatewayz-auth referrals``: look at them, work them off, try failed ones again, take a reward back."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
from typing import TYPE_CHECKING, Any

import orjson

from gatewayz_auth import bootstrap_jobs
from gatewayz_auth.adapters.logs import silence
from gatewayz_auth.cli import output
from gatewayz_auth.cli.operator import operator_settings, within_reach
from gatewayz_auth.cli.waiting import Waiting
from gatewayz_auth.domain.errors import OperatorError
from gatewayz_auth.domain.referrals import Status
from gatewayz_auth.reliability.clock import SystemClock

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Iterator

    from gatewayz_auth.domain.referrals import Referral
    from gatewayz_auth.service.referral_desk import ReferralDesk

EXAMPLE = 'gatewayz-auth referrals reverse 42 --why "the account was bought"'
_ACTIONS = {
    "list": "the newest, of one --status or of all",
    "show": "everything about one",
    "sync": "work off all that are due, now and here",
    "retry": "have a failed one, or all of them, tried again",
    "reverse": "take back what one has paid both sides",
}
_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument(
        "action", choices=_ACTIONS, help="; ".join(f"{name}: {what}" for name, what in _ACTIONS.items())
    )
    parser.add_argument("id", nargs="?", type=int, help="which one; for show and reverse, and for retry of one alone")
    parser.add_argument("--status", choices=[status.value for status in Status], help="list only these")
    parser.add_argument("--most", type=int, default=50, metavar="N", help=f"list so many, up to {_MOST} (default: 50)")
    parser.add_argument("--why", help="the reason for a reverse; kept in the row and in the audit log")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where there is no such referral, or it is in no state for that."""
    return _VERBS[arguments.action](arguments)


def _do(work: Callable[[ReferralDesk], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the work answers
    settings = operator_settings()
    silence()

    async def at_the_desk() -> Any:  # noqa: ANN401 - the same
        async with bootstrap_jobs.desk(settings) as desk:
            return await work(desk)

    return within_reach(at_the_desk())


def _list(arguments: argparse.Namespace) -> int:
    status = None if arguments.status is None else Status(arguments.status)
    found: tuple[Referral, ...] = _do(lambda desk: desk.listed(status, max(1, min(_MOST, arguments.most))))
    lines = [_LINE.format("id", "status", "reason", "code", "newcomer", "referrer", "since")] if found else []
    lines += [
        _LINE.format(
            one.referral_id,
            one.status.value,
            one.reason or "",
            one.referral_code[:16],
            one.referred_user_id,
            one.referrer_user_id or "",
            f"{one.created_at:%Y-%m-%d %H:%M}",
        )
        for one in found
    ]
    output.show([_plain(one) for one in found], "\n".join(lines) or "There are none.", as_json=arguments.json)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    referral_id = _id(arguments)
    one: Referral | None = _do(lambda desk: desk.show(referral_id))
    if one is None:
        raise OperatorError(f"There is no referral {referral_id}: gatewayz-auth referrals list shows which there are.")
    plain = _plain(one)
    text = "\n".join(f"{name:18}{'' if value is None else value}" for name, value in plain.items())
    output.show(plain, text, as_json=arguments.json)
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    with _counting("Working referrals off", arguments) as count:
        settled = _do(lambda desk: desk.sync(count))
    output.show({"settled": settled}, f"{settled} referrals were worked off.", as_json=arguments.json)
    return 0


def _retry(arguments: argparse.Namespace) -> int:
    with _counting("Having failed referrals tried again", arguments) as count:
        retried = _do(lambda desk: desk.retry(_who(), arguments.id, count))
    if arguments.id is not None and not retried:
        raise OperatorError(f"There is no failed referral {arguments.id}.")
    output.show({"retried": retried}, f"{retried} failed referrals are tried again.", as_json=arguments.json)
    return 0


def _reverse(arguments: argparse.Namespace) -> int:
    referral_id = _id(arguments)
    if not (arguments.why or "").strip():
        raise OperatorError('Say why: gatewayz-auth referrals reverse ID --why "…"')
    verdict = _do(lambda desk: desk.reverse(_who(), referral_id, arguments.why))
    if verdict is None:
        raise OperatorError(f"There is no referral {referral_id}: gatewayz-auth referrals list shows which there are.")
    if verdict.status is not Status.REVERSED:
        raise OperatorError(f"Referral {referral_id} is {verdict.status}: only what was rewarded can be reversed.")
    facts = {"referral_id": referral_id, "status": verdict.status.value, "reason": verdict.reason}
    output.show(facts, f"Referral {referral_id} is reversed: {verdict.reason}", as_json=arguments.json)
    return 0


_VERBS = {"list": _list, "show": _show, "sync": _sync, "retry": _retry, "reverse": _reverse}
_LINE = "{:>8}  {:9} {:18} {:17}{:>9} {:>9}  {}"


def _id(arguments: argparse.Namespace) -> int:
    if arguments.id is None:
        raise OperatorError(f"Say which one: gatewayz-auth referrals {arguments.action} ID")
    number: int = arguments.id
    return number


def _who() -> str:
    try:
        return f"{getpass.getuser()} (command)"
    except (OSError, KeyError):
        return "somebody (command)"


@contextlib.contextmanager
def _counting(what: str, arguments: argparse.Namespace) -> Iterator[Callable[[int], None]]:
    with Waiting(what, SystemClock(), as_json=arguments.json) as waiting:
        yield lambda count: waiting.tell(f"{count} done")


def _plain(one: Referral) -> dict[str, Any]:
    dumped = orjson.dumps(dataclasses.asdict(one), option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    plain: dict[str, Any] = orjson.loads(dumped)
    return plain
