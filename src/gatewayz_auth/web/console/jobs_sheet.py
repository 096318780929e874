"""The page Jobs: what waits, what failed and why, mail, workers. People stand in it by number alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewayz_auth.domain.referrals import Status
from gatewayz_auth.service.audit import without_names
from gatewayz_auth.service.jobs_seen import SHOWN
from gatewayz_auth.service.situation import span
from gatewayz_auth.web.console.sheet import away, card, cell, deed, table
from gatewayz_auth.web.console.shown import masked

if TYPE_CHECKING:
    from gatewayz_auth.domain.referrals import ByStatus, Referral
    from gatewayz_auth.service.jobs_seen import JobsSeen

NOTE = "Referrals and mail are worked off behind sign-ins, which never wait for them."
_QUEUE = {"todo": "to be worked off", "doing": "under way", "succeeded": "done", "failed": "failed"}


def jobs_sheet(seen: JobsSeen | None, silent_s: float, now_s: float) -> dict[str, Any]:
    """What was read last; without ``by_status`` it is less than another process may have shown, and orders below it."""
    stands = away(silent_s)
    head: dict[str, Any] = {"title": "Jobs", "note": NOTE, "stands": stands, "closed": stands is not None, "deeds": []}
    if seen is None:
        return {**head, "stands": stands or "Not read yet.", "as_of": now_s, "order": 0, "cards": [], "tables": []}
    tables = [] if seen.by_status is None else _by_status(seen.by_status)
    if seen.by_status is not None:
        tables.append(_failed(seen.failed, now_s))
    deeds = []
    if len(seen.failed) > 1:
        what = (
            "Every failed referral is judged again by a worker, as if it were new. What was paid is never paid twice."
        )
        deeds.append(deed("Retry all that failed", "steer/jobs/retry", what))
    order = 0.0 if seen.by_status is None else seen.at_s
    return {**head, "as_of": seen.at_s, "order": order, "cards": _cards(seen, now_s), "tables": tables, "deeds": deeds}


def _cards(seen: JobsSeen, now_s: float) -> list[dict[str, str]]:
    state, mail, since_s = seen.state, seen.mail, now_s - seen.at_s
    oldest = "none" if state.oldest_pending_s is None else span(state.oldest_pending_s + since_s)
    mail_oldest = "none waits" if mail.oldest_s is None else f"the oldest for {span(mail.oldest_s + since_s)}"
    silent_s = None if seen.by_status is None else seen.by_status.worker_silent_s
    heard = "none was ever seen" if silent_s is None else f"last heard of {span(silent_s)} ago"
    return [
        card(
            "Oldest pending", oldest, f"of {_many(state.pending)} referrals" if state.pending else "no referral waits"
        ),
        card("Failed", _many(state.failed), "wait for a person" if state.failed else "nothing to do"),
        card("Workers", str(state.workers), heard if seen.by_status is not None else ""),
        card("Mail waiting", str(mail.waiting), f"{mail_oldest} · {mail.failed} failed in 3 days"),
    ]


def _many(count: int) -> str:
    return "1,000 or more" if count >= 1000 else str(count)  # noqa: PLR2004 - so far the statement counts


def _by_status(counted: ByStatus) -> list[dict[str, Any]]:
    found = [[status.value, f"{counted.referrals.get(status.value, 0):,}"] for status in Status]
    queue = [[word, f"{counted.queue.get(status, 0):,}"] for status, word in _QUEUE.items()]
    return [
        table("Referrals", ("Of the newest 10,000", "Count"), found, half=True),
        table("The workers' queue", ("Of the newest 10,000", "Count"), queue, half=True),
    ]


def _failed(failed: tuple[Referral, ...], now_s: float) -> dict[str, Any]:
    title = f"Failed, the newest {SHOWN}" if len(failed) >= SHOWN else "Failed"
    empty = "None: referrals that could not be judged will stand here, with the reason and a way to have them retried."
    return table(title, ("Referral", "Why", ""), [_row(one, now_s) for one in failed], empty=empty)


def _row(one: Referral, now_s: float) -> list[dict[str, Any]]:
    who = f"newcomer {one.referred_user_id}, code {masked(one.referral_code)}"
    why = without_names(one.reason or "no reason was kept")
    tried = f"tried {one.attempts} times, made {span(now_s - one.created_at.timestamp())} ago"
    what = f"Referral {one.referral_id} is judged again by a worker, as if it were new."
    retry = deed("Retry", f"steer/jobs/{one.referral_id}/retry", what)
    return [cell(f"#{one.referral_id}", who), cell(why, tried), cell("", deeds=(retry,))]
