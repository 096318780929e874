"""Jobs, Rollout and Settings as they are sent: nobody named, no secret, and it is said where they stand still."""

import datetime as dt
import json

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.domain.mail import OutboxState
from gatewayz_auth.domain.referrals import ByStatus, JobsState, Referral, Status
from gatewayz_auth.service.histogram import Histogram
from gatewayz_auth.service.jobs_seen import JobsSeen
from gatewayz_auth.service.live_settings import Live
from gatewayz_auth.service.rollout import STAGES, Rollout
from gatewayz_auth.service.rollout_watch import RolloutWatch
from gatewayz_auth.service.runtime_settings import CHANGEABLE, Override, Runtime
from gatewayz_auth.service.steering_seen import SettingSeen
from gatewayz_auth.web.console.jobs_sheet import jobs_sheet
from gatewayz_auth.web.console.rollout_sheet import rollout_sheet
from gatewayz_auth.web.console.settings_sheet import settings_sheet

NOW_S = 1_764_000_000.0
SILENT_S = 42.0


def texts(sheet):
    """Everything that the page will show, in one text."""
    return json.dumps(sheet, ensure_ascii=False)


def live(runtime):
    held = Live(lambda _: None, ManualClock())
    held.heard(runtime, None)
    return held


def paths(sheet):
    cells = [cell for table in sheet["tables"] for row in table["rows"] for cell in row if isinstance(cell, dict)]
    return [deed["path"] for deed in (*sheet["deeds"], *(deed for cell in cells for deed in cell["deeds"]))]


def failed(referral_id, reason):
    made = dt.datetime.fromtimestamp(NOW_S - 60, dt.UTC)
    return Referral(referral_id, None, 7, "ADASCODE", Status.FAILED, reason, 8, made, None, made)


def jobs(*referrals, at_s=NOW_S):
    by_status = ByStatus({"rewarded": 3, "failed": len(referrals)}, {"succeeded": 2}, 4.0)
    return JobsSeen(at_s, JobsState(12.0, 1000, len(referrals), 1), OutboxState(2, 30.0, 1), by_status, referrals)


def test_failed_referrals_are_told_by_number_with_their_reason_and_nobody_s_name():
    shown = texts(sheet := jobs_sheet(jobs(failed(4, "ada@example.com"), failed(3, None)), 0.0, NOW_S))
    assert "ada@example.com" not in shown
    assert "ADASCODE" not in shown
    assert "newcomer 7, code A•••" in shown
    assert "no reason was kept" in shown
    assert paths(sheet) == ["steer/jobs/retry", "steer/jobs/4/retry", "steer/jobs/3/retry"]


def test_counts_that_were_not_counted_to_their_end_say_so():
    cards = {card["word"]: (card["figure"], card["below"]) for card in jobs_sheet(jobs(), 0.0, NOW_S)["cards"]}
    assert cards["Oldest pending"] == ("12 s", "of 1,000 or more referrals")
    assert cards["Mail waiting"] == ("2", "the oldest for 30 s · 1 failed in 3 days")
    assert cards["Workers"] == ("1", "last heard of 4.0 s ago")


def test_a_silent_database_closes_every_sheet_says_for_how_long_and_lets_what_waits_grow_older():
    seen = jobs(at_s=NOW_S - SILENT_S)
    held = live(Runtime(3, {}, None, Rollout(since_s=NOW_S)))
    for sheet in (
        jobs_sheet(seen, SILENT_S, NOW_S),
        rollout_sheet(held, {}, SILENT_S, NOW_S),
        settings_sheet((), held, SILENT_S, NOW_S),
    ):
        assert sheet["closed"]
        assert "has not answered for 42 s" in sheet["stands"]
        assert sheet["as_of"] == NOW_S - SILENT_S
    assert jobs_sheet(seen, SILENT_S, NOW_S)["cards"][0]["figure"] == "54 s"


def test_what_every_process_knows_anyway_never_takes_the_place_of_more():
    seen = jobs()
    poorer = JobsSeen(NOW_S + 5, seen.state, seen.mail)
    assert jobs_sheet(poorer, 0.0, NOW_S + 5)["order"] < jobs_sheet(seen, 0.0, NOW_S)["order"]
    assert jobs_sheet(None, 0.0, NOW_S)["stands"] == "Not read yet."


@pytest.mark.parametrize(
    ("rollout", "deeds"),
    [
        (None, ["start"]),
        (Rollout(), ["advance", "halt", "finish"]),
        (Rollout().halted(0.0, "worse"), ["start", "advance", "finish"]),
        (Rollout().finished(0.0, "done"), ["start"]),
    ],
    ids=["none", "running", "halted", "finished"],
)
def test_a_rollout_is_offered_only_what_it_can_do(rollout, deeds):
    sheet = rollout_sheet(live(Runtime(1, {}, None, rollout)), {}, 0.0, NOW_S)
    assert paths(sheet) == [f"steer/rollout/{deed}" for deed in deeds]
    assert all(card["figure"].strip() for card in sheet["cards"]), "the page cannot draw an empty figure"


def test_both_cohorts_stand_side_by_side_with_between_what_the_true_figures_lie():
    rollout, watch = Rollout(STAGES, 0, since_s=NOW_S), RolloutWatch()
    watch.look(rollout, {}, {})
    took = Histogram().plus(Histogram(tuple(100 if n == 5 else 0 for n in range(len(Histogram().counts))), 1.0))
    watch.look(rollout, {("old", "database"): took, ("new", "cache"): took, ("new", "timed_out"): took}, {})
    sheet = rollout_sheet(live(Runtime(1, {}, None, rollout)), watch.as_json(NOW_S - 60), 0.0, NOW_S)
    (table,) = sheet["tables"]
    rows = {row[0]: [cell if isinstance(cell, str) else (cell["text"], cell["soft"]) for cell in row[1:]]
            for row in table["rows"]}  # fmt: skip
    assert rows["Sign-ins"] == ["100", "200"]
    assert rows["Time-outs"] == [("0.0 %", "0.0 to 3.7 %"), ("50.0 %", "43.1 to 56.9 %")]
    assert rows["Hit rate"][1][0] == "50.0 %"
    assert set(rows) == {"Sign-ins", "P50", "P95", "P99", "Errors", "Time-outs", "Hit rate"}
    assert "as of " in table["title"], "what this host saw is a minute old"


def test_a_setting_says_until_when_and_by_whom_it_is_changed_and_only_what_may_change_is_offered():
    override = Override("7", "grace (console)", "it moved", NOW_S - 60, NOW_S + 1800)
    held = live(Runtime(2, {"USER_LOOKUP_TIMEOUT": override}))
    rows = [
        SettingSeen("USER_LOOKUP_TIMEOUT", "7", "runtime", "seconds", "How long"),
        SettingSeen("SIGNUPS", "allowlist", "environment", "`on`, `off` or `allowlist`", "Who"),
        SettingSeen("API_KEY_SECRET", "set", "environment", "secrets", "The keyring"),
    ]
    sheet = settings_sheet(rows, held, 0.0, NOW_S)
    assert "changed while running, for another 30 min, by grace (console): it moved" in texts(sheet)
    assert {path.split("/")[2] for path in paths(sheet)} <= set(CHANGEABLE)
    assert paths(sheet) == [
        "steer/settings/USER_LOOKUP_TIMEOUT/set",
        "steer/settings/USER_LOOKUP_TIMEOUT/unset",
        "steer/settings/SIGNUPS/set",
    ]
    (field, _) = sheet["tables"][0]["rows"][1][2]["deeds"][0]["fields"]
    assert [word for word, _ in field["options"]] == ["allowlist", "on", "off"], "the one that holds comes first"
