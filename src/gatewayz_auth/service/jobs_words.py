"""The background work in a few words: how it stands, or since when that is not known and how it stood then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewayz_auth.service.situation import span

if TYPE_CHECKING:
    from gatewayz_auth.service.snapshot import Jobs

COUNTED = 1000
"""So far the statement counts."""


def jobs_in_words(jobs: Jobs) -> str:
    """``3 referrals wait, the oldest for 4 s; 1 failed``, or ``not known for 40 s; 3 referrals were waiting then``."""
    if jobs.not_known_for_s is None:
        said = [_waiting("referral", jobs.pending, jobs.oldest_s)]
        if jobs.mail_waiting:
            said.append(_waiting("mail", jobs.mail_waiting, jobs.mail_oldest_s))
        if jobs.failed:
            said.append(f"{_many(jobs.failed)} failed")
        if jobs.mail_failed:
            said.append(f"{_counted(jobs.mail_failed, 'mail')} failed")
        return "; ".join(said)
    said = [f"not known for {span(jobs.not_known_for_s)}"]
    if not jobs.is_known_ever:
        return f"{said[0]}: it was never read"
    was = "was" if jobs.pending == 1 else "were"
    said.append(f"{_counted(jobs.pending, 'referral')} {was} waiting then" if jobs.pending else "none was waiting then")
    if jobs.failed:
        said.append(f"{_many(jobs.failed)} had failed")
    return "; ".join(said)


def _waiting(what: str, count: int, oldest_s: float | None) -> str:
    if not count:
        return f"no {what} waits"
    wait = "waits" if count == 1 else "wait"
    if oldest_s is None:
        return f"{_counted(count, what)} {wait}"
    oldest = "" if count == 1 else ", the oldest"
    return f"{_counted(count, what)} {wait}{oldest} for {span(oldest_s)}"


def _counted(count: int, what: str) -> str:
    return f"{_many(count)} {what}{'' if count == 1 else 's'}"


def _many(count: int) -> str:
    return f"{COUNTED:,} or more" if count >= COUNTED else str(count)
