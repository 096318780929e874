"""The one sentence: whole, true, and the worst for people first."""

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayz_auth.service.situation import OVERLOAD_SHARE, Level, situation, span
from gatewayz_auth.service.snapshot import (
    Answering,
    Answers,
    Jobs,
    Neighbour,
    Operation,
    PoolNow,
    Snapshot,
    Waits,
)

RUNBOOK = Path(__file__).parents[3] / "docs/runbook"
NOW_S = 1_764_000_360.0  # 16:06:00 UTC
WELL = Snapshot(
    at_s=NOW_S,
    started_s=NOW_S - 9000,
    remembered=900,
    minute=Answers(cache=1180, database=104),
    minute_slowest_s=0.041,
    last_sign_in_s=NOW_S - 0.4,
    waits=Waits(900.0, 18204, 18204, 0.003, 0.018, 0.041, 0.3),
    pool=PoolNow(active=3, idle=7, limit=10),
)


def away(state=Answering.SILENT, since_s=42.0, **more):
    return replace(WELL, postgres=Neighbour("postgres", state, NOW_S - since_s, "open"), **more)


CASES = {
    "well": (
        WELL,
        "Everybody is answered in time.",
        "1,284 sign-ins in the last minute, the slowest took 41 ms. Nothing to do.",
        Level.HEALTHY,
        None,
    ),
    "one sign-in": (
        replace(WELL, minute=Answers(cache=1)),
        "Everybody is answered in time.",
        "1 sign-in in the last minute, the slowest took 41 ms. Nothing to do.",
        Level.HEALTHY,
        None,
    ),
    "no traffic": (
        replace(WELL, minute=Answers(), last_sign_in_s=NOW_S - 720),
        "Nobody has signed in for 12 min.",
        "Everything answers. Try one: ",
        Level.HEALTHY,
        None,
    ),
    "never any traffic": (
        replace(WELL, minute=Answers(), last_sign_in_s=None),
        "Nobody has signed in yet.",
        "Everything answers. Try one: ",
        Level.HEALTHY,
        None,
    ),
    "database silent": (
        away(oldest_given_s=240.0, outage_longest_s=2.0),
        "The database has not answered for 42 s.",
        (
            "Returning people are signed in from last known good, at most 4 min old. "
            "Newcomers are asked to come back in about 3 s. Nobody waited longer than 2.0 s. "
            "An answer may be up to 24 h old."
        ),
        Level.DEGRADED,
        "database-away",
    ),
    "database silent and nothing given yet": (
        away(minute_slowest_s=0.0),
        "The database has not answered for 42 s.",
        "Returning people are signed in from last known good. Newcomers are asked to come back in about 3 s.",
        Level.DEGRADED,
        "database-away",
    ),
    "database silent and nobody remembered": (
        away(remembered=0, outage_longest_s=0.15),
        "The database has not answered for 42 s.",
        (
            "Nobody can be signed in: nobody is remembered. Everybody is asked to come back in about 3 s. "
            "Nobody waited longer than 150 ms."
        ),
        Level.UNHEALTHY,
        "database-away",
    ),
    "database silent and the cache off": (
        away(caching=False, outage_longest_s=0.15),
        "The database has not answered for 42 s.",
        (
            "Nobody can be signed in: the cache is off. Everybody is asked to come back in about 3 s. "
            "Nobody waited longer than 150 ms."
        ),
        Level.UNHEALTHY,
        "database-away",
    ),
    "database refusing": (
        away(Answering.REFUSING, outage_longest_s=0.004),
        "The database refuses connections since 16:05:18 UTC.",
        (
            "Returning people are signed in from last known good. Newcomers are asked to come back in about 3 s. "
            "Nobody waited longer than 4 ms."
        ),
        Level.DEGRADED,
        "database-away",
    ),
    "database slow": (
        replace(WELL, postgres=Neighbour("postgres", Answering.SLOW, NOW_S - 5, latency_s=0.9, usual_s=0.006)),
        "The database answers in 900 ms, 150 times its usual.",
        "Returning people are signed in from what is remembered after 150 ms. Newcomers wait for it, 8.0 s at most.",
        Level.DEGRADED,
        "database-away",
    ),
    "recovering": (
        replace(WELL, postgres=Neighbour("postgres", Answering.RECOVERING, NOW_S - 3), fresh_again=0.934),
        "The database is back since 3.0 s.",
        "93 % of answers are fresh again.",
        Level.HEALTHY,
        None,
    ),
    "recovering, and the outage was seen": (
        replace(
            WELL,
            postgres=Neighbour("postgres", Answering.RECOVERING, NOW_S - 3),
            fresh_again=1.0,
            outage_s=51.0,
            outage_come_back=35,
        ),
        "The database is back since 3.0 s.",
        ("100 % of answers are fresh again. It was away for 51 s; 35 times somebody was asked to come back."),
        Level.HEALTHY,
        None,
    ),
    "redis away": (
        replace(WELL, redis=Neighbour("redis", Answering.SILENT, NOW_S - 3600, "open")),
        "Redis is away since 15:06:00 UTC.",
        "Sign-ins go on; each process remembers for itself. A restart now would make the database work harder.",
        Level.DEGRADED,
        "redis-away",
    ),
    "key server away": (
        replace(WELL, privy=Neighbour("privy", Answering.STALE, NOW_S - 60)),
        "Privy's keys could not be refreshed since 16:05:00 UTC.",
        "Known keys sign people in; if Privy changes them now, new tokens are refused.",
        Level.DEGRADED,
        "key-server-away",
    ),
    "key server away from the start": (
        replace(WELL, privy=Neighbour("privy", Answering.STALE, NOW_S - 60), keys_known=0),
        "Privy's keys could not be fetched since 16:05:00 UTC.",
        "Nobody can be signed in: no key is known that a token could be proven by.",
        Level.UNHEALTHY,
        "key-server-away",
    ),
    "pool near its end": (
        replace(
            WELL,
            pool=PoolNow(active=8, idle=2, limit=10),
            operations=(Operation("sign_in", 7, 0.8, 5.0), Operation("changes", 1, 0.1), Operation("x", 1)),
        ),
        "8 of 10 connections are in use.",
        "The slowest is «sign_in», for 800 ms.",
        Level.HEALTHY,
        "pool-near-its-end",
    ),
    "pool at its end": (
        replace(WELL, pool=PoolNow(active=10, idle=0, limit=10, waiting=12)),
        "10 of 10 connections are in use.",
        "12 callers wait for one.",
        Level.DEGRADED,
        "pool-near-its-end",
    ),
    "overload": (
        replace(WELL, minute=Answers(cache=1000, unknown=900), overloaded=900),
        "More people come than can be answered: 15 a second refused.",
        "Those let in are answered in 41 ms.",
        Level.DEGRADED,
        "overloaded",
    ),
    "calls given up": (
        replace(WELL, timeouts=12),
        "12 calls were given up in the last 5 s.",
        "Whoever waited was answered at the limit and not held up.",
        Level.DEGRADED,
        "query-timeout",
    ),
    "database hangs": (
        away(Answering.HANGING, minute_slowest_s=0.0),
        "The database answers, but no sign-ins for 42 s.",
        "Returning people are signed in from last known good. Newcomers are asked to come back in about 3 s.",
        Level.DEGRADED,
        "query-timeout",
    ),
    "database returning": (
        away(Answering.RETURNING),
        "The database answers again.",
        "A few at a time are let through to it; the others are answered as while it was away.",
        Level.DEGRADED,
        "database-away",
    ),
    "callers who ask too often": (
        replace(WELL, minute=Answers(cache=1000, limited=90)),
        "Some callers ask too often: 2 a second refused by the rate limits.",
        "Everybody else is signed in as ever; whoever slows down is heard again.",
        Level.HEALTHY,
        "rate-limited",
    ),
    "database unsteady": (
        replace(WELL, postgres=Neighbour("postgres", Answering.UNSTEADY, NOW_S - 4, given_up=5)),
        "The database comes and goes: it was given up 5 times in the last minute.",
        (
            "Returning people are signed in by it or from last known good. "
            "Some newcomers are asked to come back in about 3 s."
        ),
        Level.DEGRADED,
        "database-away",
    ),
    "well, and some referrals failed": (
        replace(WELL, jobs=Jobs(failed=2, workers=1)),
        "Everybody is answered in time.",
        (
            "1,284 sign-ins in the last minute, the slowest took 41 ms. "
            "Referrals that failed for good wait for a person: 2."
        ),
        Level.HEALTHY,
        "jobs-failed",
    ),
    "jobs behind": (
        replace(WELL, jobs=Jobs(oldest_s=360.0, pending=4, workers=0)),
        "The oldest referral waits since 16:00:00 UTC.",
        "Sign-ins are not affected. No worker is heard of: start one.",
        Level.DEGRADED,
        "jobs-behind",
    ),
    "mail behind": (
        replace(WELL, jobs=Jobs(mail_oldest_s=1020.0, mail_waiting=4, workers=1)),
        "The oldest unsent mail waits since 15:49:00 UTC.",
        "Sign-ins are not affected. 1 worker heard of lately.",
        Level.DEGRADED,
        "mail-down",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_state_has_its_sentence_its_meaning_for_people_and_its_page(name):
    now, sentence, below, level, runbook = CASES[name]
    told = situation(now)
    assert (told.sentence, told.below_text, told.level, told.runbook) == (sentence, below, level, runbook)
    assert told.more == ()


@pytest.mark.parametrize("name", CASES)
def test_the_page_that_a_sentence_names_exists_and_only_what_is_well_names_none(name):
    told = situation(CASES[name][0])
    assert told.runbook is None or (RUNBOOK / f"{told.runbook}.md").exists()
    assert told.runbook is not None or told.level is Level.HEALTHY


def test_the_worst_for_people_comes_first_and_the_others_are_counted():
    now = away(
        redis=Neighbour("redis", Answering.SILENT, NOW_S - 10),
        jobs=Jobs(oldest_s=150.0),
        oldest_given_s=9.0,
        outage_longest_s=2.0,
    )
    told = situation(now)
    assert told.sentence == "The database has not answered for 42 s."
    assert told.more == ("Redis is away since 16:05:50 UTC.", "The oldest referral waits since 16:03:30 UTC.")
    assert told.below_text.endswith("An answer may be up to 24 h old. And 2 more.")


def test_what_only_says_that_it_is_well_again_gives_way_to_what_is_wrong():
    now = replace(
        WELL,
        postgres=Neighbour("postgres", Answering.RECOVERING, NOW_S - 3),
        redis=Neighbour("redis", Answering.SILENT, NOW_S - 10),
    )
    told = situation(now)
    assert told.kind == "redis_away"
    assert told.more == (), "it is no trouble"


def test_nobody_remembered_outranks_everything():
    now = away(remembered=0, redis=Neighbour("redis", Answering.SILENT, NOW_S - 10))
    assert situation(now).level is Level.UNHEALTHY


def test_a_full_pool_and_given_up_calls_are_no_news_of_their_own_while_the_database_is_silent():
    now = away(pool=PoolNow(active=10, limit=10), timeouts=9, minute=Answers(cache=9, unknown=9), overloaded=9)
    assert situation(now).more == ()


def test_a_redis_that_is_not_there_on_purpose_is_no_fault():
    assert situation(replace(WELL, redis=Neighbour("redis", Answering.ABSENT))).kind == "well"


def test_a_redis_that_answers_again_is_not_said_to_be_away():
    assert situation(replace(WELL, redis=Neighbour("redis", Answering.RETURNING, NOW_S, "half_open"))).kind == "well"


def test_the_quiet_of_less_than_a_minute_is_not_worth_a_sentence():
    assert situation(replace(WELL, minute=Answers(), last_sign_in_s=NOW_S - 59)).kind == "well"
    assert situation(replace(WELL, minute=Answers(), last_sign_in_s=NOW_S - 60)).kind == "quiet"


def test_some_who_are_asked_to_come_back_are_no_overload():
    few = int(1000 * OVERLOAD_SHARE) - 1
    assert situation(replace(WELL, minute=Answers(cache=1000, unknown=few), overloaded=few)).kind == "well"
    assert situation(replace(WELL, minute=Answers(cache=1000, limited=few))).kind == "well"


def test_a_call_or_two_that_were_given_up_wake_nobody():
    assert situation(replace(WELL, timeouts=4)).kind == "well"


def test_a_job_may_wait_its_time():
    assert situation(replace(WELL, jobs=Jobs(oldest_s=119.0))).kind == "well"
    assert situation(replace(WELL, jobs=Jobs(oldest_s=20 * 3600.0, behind_after_s=26 * 3600.0))).kind == "well"


def test_how_jobs_stand_is_not_claimed_while_it_is_not_known():
    assert situation(replace(WELL, jobs=Jobs(oldest_s=360.0, pending=4, not_known_for_s=40.0))).kind == "well"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"), (0, "0 ms"), (0.0002, "0.2 ms"), (0.041, "41 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"),
        (2.0, "2.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (42, "42 s"), (119, "119 s"), (120, "2 min"), (240, "4 min"),
        (7199, "120 min"), (7200, "2 h"), (172_799, "48 h"), (172_800, "2 d"), (800_000, "9 d"),
    ],
)  # fmt: skip
def test_times_are_said_as_people_say_them(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("active", "limit", "band"),
    [(0, 0, "UNKNOWN"), (0, 10, "HEALTHY"), (49, 100, "HEALTHY"), (50, 100, "NORMAL"), (79, 100, "NORMAL"),
     (80, 100, "WARNING"), (94, 100, "WARNING"), (95, 100, "CRITICAL"), (12, 10, "CRITICAL")],
)  # fmt: skip
def test_the_pools_band_is_the_founding_documents(active, limit, band):
    assert PoolNow(active=active, limit=limit).band == band


def test_the_pools_line_reads_as_the_contract_prints_it():
    line = "Connection pool diagnostics: active=25, idle=5, max=50, utilization=50%, health=NORMAL"
    assert PoolNow(active=25, idle=5, limit=50).diagnostics == line


def test_what_json_shows_holds_the_same_words():
    told = situation(away(oldest_given_s=240.0, outage_longest_s=2.0))
    shown = told.as_dict()
    assert shown["sentence"] == told.sentence
    assert "".join(part["text"] for part in shown["below"]) == shown["text"] == told.below_text
    assert shown["status"] == "degraded"


def test_one_drained_process_of_several_is_told_though_the_sums_look_well():
    drained = PoolNow(active=10, idle=30, limit=40, processes=4, worst_active=10, worst_limit=10)
    told = situation(replace(WELL, pool=drained))
    assert (told.level, told.runbook) == (Level.DEGRADED, "pool-near-its-end")
    assert told.sentence == "One of 4 processes has 10 of 10 connections in use."
    assert drained.words == "10 of 40 in use · in one process 10 of 10 · 0 abandoned · 0 waiting"
    assert drained.diagnostics.endswith("utilization=25%, health=HEALTHY")


def test_broken_connections_count_as_taken_in_the_words_and_the_band():
    pool = PoolNow(active=1, broken=9, limit=10, processes=1, worst_active=10, worst_limit=10)
    assert (pool.band, pool.words) == ("CRITICAL", "10 of 10 in use · 0 abandoned · 0 waiting")
    assert situation(replace(WELL, pool=pool)).sentence == "10 of 10 connections are in use."
