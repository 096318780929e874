"""The bodies that a load sends, made and signed before it begins, so that signing is not measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.service.load_plan import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
    from gatewayz_auth.service.load_plan import Arrival, Plan

LIFETIME_S = 2 * 3600
MOST_FILE_BYTES = 500_000_000
_EACH = 500


class Person(NamedTuple):
    """One who calls: their Privy id and what they send."""

    privy_id: str
    body: bytes


class People:
    """Who is in a load: returning people by number, newcomers by number; a forged token is a returning one's, bent."""

    def __init__(self, returning: Sequence[Person], newcomers: Sequence[Person]) -> None:
        """Keep both."""
        self.returning = returning
        self._newcomers = newcomers

    def of(self, arrival: Arrival) -> Person:
        """Who comes, with what they send."""
        if arrival.kind is Kind.NEW:
            return self._newcomers[arrival.person]
        person = self.returning[arrival.person]
        return Person(person.privy_id, forged(person.body)) if arrival.kind is Kind.FORGED else person


def issued(issuer: DevIssuer, plan: Plan, newcomers: int, utc_now_s: float, tell: Callable[[str], None]) -> People:
    """``plan.people`` whom every load shares, and ``newcomers`` whom no load had before, by the development issuer."""
    names = [f"did:privy:load-{number}" for number in range(plan.people)]
    names += [f"did:privy:load-{int(utc_now_s * 1000)}-{number}" for number in range(newcomers)]
    made = []
    for number, name in enumerate(names):
        if number % _EACH == 0:
            tell(f"Signing tokens: {number:,} of {len(names):,}")
        said = issuer.issue(name, [], utc_now_s, LIFETIME_S)
        made.append(Person(name, json.dumps({"token": said["token"], "user": said["user"]}).encode()))
    return People(made[: plan.people], made[plan.people :])


def read(path: Path, plan: Plan, newcomers: int) -> People:
    """The bodies of a file, one a line, as ``dev-token`` prints them: first those who return, then the newcomers.

    ``SettingsError`` where it cannot be read, holds too few, or a line is no body.
    """
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise SettingsError([f"--tokens {path} is longer than {MOST_FILE_BYTES:,} bytes: leave some out"])
        lines = path.read_bytes().splitlines()
    except OSError as error:
        why = f"--tokens {path} cannot be read ({error.strerror}): give one with a line of dev-token for each person"
        raise SettingsError([why]) from None
    found = [_person(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]
    if len(found) < plan.people + newcomers:
        wanted = f"{plan.people} people and {newcomers} newcomers are wanted: give --people fewer, or --mix without new"
        raise SettingsError([f"--tokens {path} holds {len(found)} bodies; {wanted}"])
    return People(found[: plan.people], found[plan.people :])


def _person(line: bytes, number: int, path: Path) -> Person:
    try:
        said = json.loads(line)
        name, is_signed = said["user"]["id"], isinstance(said["token"], str)
    except (ValueError, KeyError, TypeError):
        name, is_signed = None, False
    if not isinstance(name, str) or not is_signed:
        raise SettingsError(
            [f"--tokens {path}, line {number}: no body of a sign-in. Example: gatewayz-auth dev-token >> {path.name}"]
        )
    return Person(name, line.strip())


def forged(body: bytes) -> bytes:
    """The same body with a signature that is none."""
    said = json.loads(body)
    head, _, signature = said["token"].rpartition(".")
    return json.dumps({**said, "token": f"{head}.{signature[::-1]}"}).encode()
