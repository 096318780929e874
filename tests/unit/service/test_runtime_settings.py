"""What holds when operators have changed something: which word is the stronger, for how long, and where it ends."""

import asyncio
import dataclasses

import pytest
from tests.support.manual_clock import ManualClock

from gatewayz_auth.adapters.runtime_files import RuntimeFiles
from gatewayz_auth.domain.errors import OperatorError, SettingsError
from gatewayz_auth.service.live_settings import Live
from gatewayz_auth.service.rollback import parts_of, plan, turns_cache_off
from gatewayz_auth.service.rollout import Rollout
from gatewayz_auth.service.runtime_settings import Override, Rollback, Runtime, change, effective, runtime_of
from gatewayz_auth.settings import read_settings
from gatewayz_auth.settings.advice import Measured, advice
from gatewayz_auth.settings.listing import listing, nearest
from gatewayz_auth.settings.live import changed

STARTED = read_settings({}, dev=True)


def override(value, until_s=None):
    return Override(value, "ada", "why", 1.0, until_s)


def rollback(at_s, *parts):
    return Rollback(parts, "ada", "why", at_s)


def test_what_is_set_for_a_while_ends_by_itself():
    runtime = Runtime().with_setting("SIGNUPS", override("off", until_s=10.0))
    assert effective(runtime, None, 9.9).settings == {"SIGNUPS": "off"}
    assert effective(runtime, None, 10.0).settings == {}
    assert runtime.tidied(10.0).settings == {}


def test_a_rollback_is_stronger_than_a_setting_and_the_newest_word_counts():
    runtime = Runtime(rollback=rollback(5.0, "timeouts")).with_setting("AUTH_QUERY_TIMEOUT", override("9"))
    assert effective(runtime, None, 6.0).settings["AUTH_QUERY_TIMEOUT"] == "15"
    assert effective(runtime, rollback(4.0), 6.0).settings["AUTH_QUERY_TIMEOUT"] == "15"
    assert effective(runtime, rollback(6.0), 7.0).settings["AUTH_QUERY_TIMEOUT"] == "9"
    assert effective(runtime, rollback(6.0, "cache"), 7.0).rolled_back == ("cache",)


def test_a_full_rollback_takes_the_features_from_everybody_whatever_is_rolled_out():
    runtime = Runtime(rollback=rollback(5.0, "features"), rollout=Rollout(stage=1))
    assert effective(runtime, None, 6.0).share == 0.0
    assert effective(dataclasses.replace(runtime, rollback=rollback(6.0)), None, 7.0).share == 50.0
    assert effective(Runtime(), None, 7.0).share == 100.0


def test_the_row_is_read_back_as_it_was_written():
    runtime = Runtime(3, {"SIGNUPS": override("off", 9.0)}, rollback(5.0, "cache"), Rollout())
    assert runtime_of(3, runtime.as_json()) == runtime
    assert runtime_of(1, {}) == Runtime(1)
    assert runtime_of(1, {"settings": {"OF_A_NEWER_PROGRAM": {}}}).settings == {}


def test_what_a_newer_program_has_written_beside_what_is_known_here_is_left_out():
    runtime = Runtime(3, {"SIGNUPS": override("off", 9.0)}, rollback(5.0, "cache"), Rollout())
    written = runtime.as_json()
    for one in (written["settings"]["SIGNUPS"], written["rollback"], written["rollout"]):
        one["of_a_newer_program"] = 1
    assert runtime_of(3, written) == runtime


def test_what_cannot_hold_is_said_once_and_what_held_goes_on_to():
    clock, applied = ManualClock(), []

    def apply(wanted):
        changed(STARTED, wanted.settings)
        applied.append(wanted.settings)

    live = Live(apply, clock)
    good = Runtime(1).with_setting("SIGNUPS", override("off"))
    assert live.heard(good, None) is None
    bad = dataclasses.replace(good, version=2).with_setting("AUTH_QUERY_TIMEOUT", override("31"))
    assert "cannot hold" in live.heard(bad, None)
    assert live.heard(bad, None) is None
    assert applied == [{"SIGNUPS": "off"}]
    assert live.now.settings == {"SIGNUPS": "off"}


def test_what_cannot_hold_on_this_host_does_not_keep_a_rollback_or_a_rollout_from_it():
    applied = []
    here = dataclasses.replace(STARTED, auth_query_timeout_s=3.0, user_lookup_timeout_s=3.0)

    def apply(wanted):
        changed(here, wanted.settings)
        applied.append((dict(wanted.settings), wanted.share))

    live = Live(apply, ManualClock())
    held = Runtime(1).with_setting("SIGNUPS", override("off"))
    live.heard(held, None)
    bad = held.with_setting("USER_LOOKUP_TIMEOUT", override("5"))  # set on a host whose budget is longer
    assert "cannot hold" in live.heard(dataclasses.replace(bad, version=2), None)
    rolled_out = dataclasses.replace(bad, version=3, rollout=Rollout(stage=1))
    live.heard(rolled_out, None)
    live.heard(rolled_out, None)
    assert applied == [({"SIGNUPS": "off"}, 100.0), ({"SIGNUPS": "off"}, 50.0)]
    live.heard(dataclasses.replace(rolled_out, version=4, rollback=rollback(5.0, "cache")), None)
    assert applied[2:] == [({"SIGNUPS": "off", "AUTH_CACHE_TTL": "0"}, 50.0)]
    live.heard(dataclasses.replace(rolled_out, version=5, rollback=rollback(6.0)), None)
    assert applied[3:] == [({"SIGNUPS": "off"}, 50.0)]
    live.heard(dataclasses.replace(held, version=6), None)
    assert live.now == effective(held, None, 0.0)


def test_while_the_database_is_silent_what_was_heard_last_holds_until_its_time_is_over():
    clock, applied = ManualClock(), []
    live = Live(lambda wanted: applied.append(dict(wanted.settings)), clock)
    ends_s = clock.utc_now_s() + 5.0
    live.heard(Runtime(1).with_setting("SIGNUPS", override("off", ends_s)), None)
    live.heard(None, None)
    assert applied == [{"SIGNUPS": "off"}]
    clock.advance(6.0)
    live.heard(None, None)
    assert applied[-1] == {}


def test_a_database_that_was_restored_is_followed_though_it_counts_from_lower_on():
    applied = []
    live = Live(lambda wanted: applied.append(dict(wanted.settings)), ManualClock())
    live.heard(Runtime(9).with_setting("SIGNUPS", override("off")), None)
    restored = Runtime(4).with_setting("LOG_LEVEL", override("debug"))
    live.heard(restored, None)
    assert applied == [{"SIGNUPS": "off"}]  # it may have been read before the other was written
    live.heard(restored, None)
    assert applied == [{"SIGNUPS": "off"}, {"LOG_LEVEL": "debug"}]
    assert live.runtime.version == 4


def test_a_limit_gives_way_where_only_the_other_one_was_changed_and_nonsense_is_refused():
    after = changed(STARTED, {"AUTH_QUERY_TIMEOUT": "2"})
    assert (after.auth_query_timeout_s, after.user_lookup_timeout_s) == (2.0, 2.0)
    assert after.lookup_patience_s == STARTED.lookup_patience_s
    for changes in (
        {"AUTH_QUERY_TIMEOUT": "2", "USER_LOOKUP_TIMEOUT": "3"},
        {"SIGNUPS": "allowlist"},
        {"LOG_LEVEL": "?"},
    ):
        with pytest.raises(SettingsError):
            changed(STARTED, changes)


class Quicker:
    """A row that somebody else changes each time just before."""

    def __init__(self, times):
        self.times = times

    async def read(self):
        return Runtime()

    async def change(self, *_):
        self.times -= 1
        return self.times < 0


def test_a_change_is_tried_again_where_somebody_was_quicker_but_not_for_ever():
    def once(times):
        return asyncio.run(change(Quicker(times), lambda before: before, who="", what="", subject="", why=""))

    assert once(2).version == 1
    with pytest.raises(OperatorError):
        once(100)


def test_files_keep_what_was_read_and_what_is_owed_and_survive_rubbish(tmp_path):
    files = RuntimeFiles(tmp_path / "state")
    assert (files.held(), files.here(), files.seen()) == (None, None, {})
    runtime = Runtime(3, {"SIGNUPS": override("off")}, None, Rollout())
    files.hold(runtime)
    files.roll_back_here(rollback(5.0, "cache"))
    assert (files.held(), files.here()) == (runtime, rollback(5.0, "cache"))
    files.owe("ada", "rollback", "cache", "1")
    files.owe("ada", "rollback undo", "all", "2")
    with files.owed() as entries:
        assert [entry["why"] for entry in entries] == ["1", "2"]
        entries.pop(0)
    with files.owed() as entries:
        assert [entry["why"] for entry in entries] == ["2"]
        entries.clear()
    assert not files.is_owing()
    for name in ("runtime-held.json", "runtime-here.json"):
        (tmp_path / "state" / name).write_bytes(b'{"version": "x"')
    assert (files.held(), files.here()) == (None, None)


def test_what_a_rollback_does_is_said_before():
    parts = parts_of(partial=True, full=False, alone=())
    assert parts == ("cache", "timeouts", "referrals")
    assert len(plan(parts)) == 3
    assert "never" not in plan(parts_of(partial=False, full=True, alone=()))[0]
    assert turns_cache_off(parts)
    assert not turns_cache_off(("timeouts", "referrals"))


def test_the_documents_tuning_rules_are_followed():
    assert advice(STARTED, Measured()) == {}
    assert advice(STARTED, Measured(0.05, 0.2, 0.05)) == {}
    assert "7 to 8 s" in advice(STARTED, Measured(trip_median_s=0.15))["USER_LOOKUP_TIMEOUT"]
    assert "10 to 12 s" in advice(STARTED, Measured(lookup_p99_s=2.0))["AUTH_QUERY_TIMEOUT"]
    assert "600 s" in advice(STARTED, Measured(changes_per_hour=0.001))["AUTH_CACHE_TTL"]
    assert "180 s" in advice(STARTED, Measured(changes_per_hour=1.0))["AUTH_CACHE_TTL"]
    assert "15 s" in advice(changed(STARTED, {"AUTH_QUERY_TIMEOUT": "20"}), Measured())["AUTH_QUERY_TIMEOUT"]


def test_the_list_says_where_each_value_comes_from_and_shows_no_secret(tmp_path):
    (tmp_path / ".env").write_text(
        "AUTH_CACHE_TTL=60\nSIGNUPS=on\nADMIN_TOKEN=from-the-file-and-nobody-elses-business\n"
    )
    environ = {"SIGNUPS": "off", "REDIS_URL": "redis://:hidden@cache/0"}
    rows = {row.name: row for row in listing(tmp_path, {"LOG_LEVEL": "DEBUG"}, {}, environ)}
    assert (rows["AUTH_CACHE_TTL"].value, rows["AUTH_CACHE_TTL"].source) == ("60", ".env")
    assert (rows["SIGNUPS"].value, rows["SIGNUPS"].source) == ("off", "environment")
    assert (rows["LOG_LEVEL"].value, rows["LOG_LEVEL"].source) == ("DEBUG", "runtime")
    assert rows["REGION"].source == "default"
    assert (rows["ADMIN_TOKEN"].value, rows["REDIS_URL"].value, rows["API_KEY_SECRET"].value) == (
        "set",
        "set",
        "not set",
    )
    assert "nobody" not in str(rows)
    assert nearest("AUTH_CACH_TTL") == "AUTH_CACHE_TTL"
