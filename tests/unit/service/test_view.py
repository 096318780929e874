"""What operators see is made of the figures of all processes, and tells silent from slow from back again."""

from dataclasses import dataclass, field

from tests.support.manual_clock import ManualClock

from gatewayz_auth.service.dossier import Tier, next_source
from gatewayz_auth.service.histogram import BUCKETS, Histogram, bucket_of
from gatewayz_auth.service.history import Frame
from gatewayz_auth.service.neighbours_seen import breaker_in_words
from gatewayz_auth.service.overview import Running, Totals
from gatewayz_auth.service.situation import situation
from gatewayz_auth.service.snapshot import Answering, Jobs
from gatewayz_auth.service.view import Local, View


@dataclass
class Seen:
    """``overview.Sight`` of a story."""

    kept: list = field(default_factory=list)
    numbers: dict = field(default_factory=dict)
    histograms: dict = field(default_factory=dict)
    running: tuple = ()
    at_s: float = 0.0

    def totals(self):
        return Totals(self.at_s, 2, self.numbers, self.histograms, running=self.running)

    def frames(self, window_s):
        return [frame for frame in self.kept if frame.at_s > self.at_s - window_s]

    def events(self, window_s):
        return []

    def problems(self):
        return []


class World:
    def __init__(self, *, has_redis=True):
        self.clock = ManualClock()
        self.seen = Seen(at_s=self.clock.utc_now_s())
        self.silent_s = 0.2
        self.refuses = False
        self.keys_fail_s = None
        local = Local(
            "1.0", "eu", "production", 8.0, 0.15, has_redis, self.clock.utc_now_s(), lambda: 300.0,
            lambda: 86400.0, lambda: self.silent_s, lambda: self.refuses, lambda: self.keys_fail_s, lambda: 2,
        )  # fmt: skip
        self.view = View(self.seen, local, self.clock)

    def second(self, *, postgres=0, redis=0, count=1, **answered):
        for _ in range(count):
            self.clock.advance(1)
            self.seen.at_s = self.clock.utc_now_s()
            self.seen.kept.append(
                Frame(
                    int(self.seen.at_s),
                    answered={name.replace("_", "-"): n for name, n in answered.items()},
                    durations={4: sum(answered.values())},
                    slowest_s=0.02,
                    breakers={"postgres": postgres, "redis": redis},
                )
            )
            self.view.tick()

    def asked(self, length_s, times):
        counts = list(self.seen.histograms.get("query_duration_seconds", {}).get(("postgres", "x"), Histogram()).counts)
        before = self.seen.histograms.get("query_duration_seconds", {}).get(("postgres", "x"), Histogram()).sum_s
        counts[bucket_of(length_s)] += times
        assert len(counts) == BUCKETS
        self.seen.histograms["query_duration_seconds"] = {
            ("postgres", "x"): Histogram(tuple(counts), before + length_s * times)
        }


def test_a_quiet_minute_is_told_with_its_figures():
    world = World()
    world.second(count=30, cache=9, database=1)
    now = world.view.snapshot()
    assert (now.minute.cache, now.minute.database, now.minute.total) == (270, 30, 300)
    assert now.waits.count == now.waits.in_time == 300
    assert now.postgres.state is now.redis.state is now.privy.state is Answering.ANSWERS
    assert situation(now).kind == "well"


def test_an_open_breaker_is_an_outage_since_it_opened_and_refusing_is_told_from_silence():
    world = World()
    world.second(count=20, cache=5)
    world.seen.numbers = {"cache_entries": {("process",): 9.0}}
    world.silent_s = 8.0
    world.second(count=8, postgres=2, cache=5, last_known_good=1)
    now = world.view.snapshot()
    assert now.postgres.state is Answering.SILENT
    assert now.at_s - now.postgres.since_s == 8.0
    assert now.outage_longest_s == 0.02
    world.refuses = True
    world.clock.advance(1)
    assert world.view.snapshot().postgres.state is Answering.REFUSING


def test_a_database_that_nobody_asks_is_known_to_be_silent_too():
    world = World()
    world.second(count=5)
    world.silent_s = 3.5
    world.clock.advance(1)
    assert world.view.snapshot().postgres.state is Answering.SILENT


def test_after_an_outage_it_is_back_for_a_minute_and_then_all_is_as_before():
    world = World()
    world.second(count=3, cache=2, unknown=1)
    world.second(count=4, postgres=2, last_known_good=3, unknown=2)
    world.second(count=1, postgres=1, last_known_good=3)
    world.second(count=5, cache=3, database=6, last_known_good=1)
    now = world.view.snapshot()
    assert now.postgres.state is Answering.RECOVERING
    assert now.fresh_again == 0.9
    assert (now.outage_s, now.outage_come_back) == (5.0, 8)
    assert situation(now).sentence == "The database is back since 5.0 s."
    world.second(count=60, cache=5)
    assert world.view.snapshot().postgres.state is Answering.ANSWERS


def test_what_is_slow_is_told_by_what_is_usual():
    world = World()
    for _ in range(10):
        world.asked(0.006, 20)
        world.second(cache=1)
    assert world.view.snapshot().postgres.state is Answering.ANSWERS
    for _ in range(6):
        world.asked(0.9, 4)
        world.second(cache=1)
    now = world.view.snapshot()
    assert now.postgres.state is Answering.SLOW
    assert situation(now).sentence == "The database answers in 900 ms, 150 times its usual."


def test_redis_that_is_away_or_was_never_there():
    world = World()
    world.second(count=3, redis=2, cache=1)
    assert world.view.snapshot().redis.state is Answering.SILENT
    alone = World(has_redis=False)
    alone.second(cache=1)
    assert alone.view.snapshot().redis.state is Answering.ABSENT


def test_keys_that_cannot_be_refreshed_are_told_since_when():
    world = World()
    world.second(cache=1)
    world.keys_fail_s = world.clock.utc_now_s() - 60
    assert situation(world.view.snapshot()).kind == "keys_away"


def test_calls_under_way_stand_together_by_name_the_longest_first():
    world = World()
    world.seen.running = (
        Running("postgres", "sign_in", 0.2, False),
        Running("postgres", "sign_in", 0.9, False),
        Running("postgres", "changes", 2.0, True),
    )
    world.second(cache=1)
    found = world.view.snapshot().operations
    assert [(one.name, one.count, one.for_s, one.is_abandoned) for one in found] == [
        ("changes", 1, 2.0, True), ("sign_in", 2, 0.9, False),
    ]  # fmt: skip


def test_one_snapshot_a_second_is_made_however_many_look():
    world = World()
    world.second(cache=1)
    first = world.view.snapshot()
    assert world.view.snapshot() is first
    world.second(cache=1)
    assert world.view.snapshot() is not first


def test_breakers_are_told_as_people_say_it():
    assert breaker_in_words("postgres: closed -> open (slow)") == "Postgres breaker opened (slow)"
    assert breaker_in_words("something else") == "something else"


def test_where_the_next_answer_would_come_from():
    fresh, good, old = (
        Tier("this process", 5.0, "fresh"), Tier("Redis", 900.0, "last known good"), Tier("Redis", 1e6, "too old"),
    )  # fmt: skip
    assert next_source((good, fresh), database_answers=False) == ("cache", 5.0)
    assert next_source((good,), database_answers=True) == ("database", None)
    assert next_source((good,), database_answers=False) == ("last known good", 900.0)
    assert next_source((old,), database_answers=False) == ("nowhere: asked to come back", None)


def test_a_database_that_answers_all_but_sign_ins_is_not_said_to_be_silent():
    world = World()
    world.second(count=20, cache=5)
    world.seen.numbers = {"cache_entries": {("process",): 9.0}}
    world.second(count=8, postgres=2, last_known_good=1)
    told = situation(world.view.snapshot())
    assert told.sentence == "The database answers, but no sign-ins for 8.0 s."
    assert told.runbook == "query-timeout"
    asked = []
    world.view.jobs = lambda *, is_away: asked.append(is_away) or Jobs()
    world.second(postgres=2)
    world.view.snapshot()
    world.silent_s = 8.0
    world.second(postgres=2)
    world.view.snapshot()
    assert asked == [False, True]  # how jobs stand is known while it answers


def test_after_a_silence_a_breaker_that_is_still_open_or_half_open_is_told_as_coming_back():
    world = World()
    world.second(count=5)
    world.silent_s = 6.0
    world.second(count=6, postgres=2)
    assert world.view.snapshot().postgres.state is Answering.SILENT
    world.silent_s = 0.2
    world.second(postgres=2)  # seen late: it is closed by now
    assert situation(world.view.snapshot()).sentence == "The database answers again."
    world.second(count=9, postgres=1)
    assert world.view.snapshot().postgres.state is Answering.RETURNING


def test_a_database_that_is_given_up_again_and_again_is_not_said_to_be_back():
    world = World()
    for _ in range(4):
        world.second(count=3, cache=2)
        world.second(count=2, postgres=2, last_known_good=1)
    world.second(count=2, cache=2)
    told = situation(world.view.snapshot())
    assert told.sentence == "The database comes and goes: it was given up 4 times in the last minute."
    world.second(count=60, cache=2)
    assert situation(world.view.snapshot()).kind == "well"


def test_a_redis_whose_breaker_is_half_open_is_coming_back():
    world = World()
    world.second(count=3, redis=2, cache=1)
    world.second(redis=1, cache=1)
    assert world.view.snapshot().redis.state is Answering.RETURNING


def test_whoever_was_asked_to_come_back_is_told_beside_who_was_answered_in_time():
    world = World()
    world.second(count=2, cache=5, unknown=2, limited=1)
    waits = world.view.snapshot().waits
    assert (waits.count, waits.in_time, waits.come_back) == (16, 16, 6)


def test_only_whoever_found_no_room_makes_it_too_many_people():
    world = World()
    world.second(count=5, cache=50)
    world.second(count=3, cache=50, unknown=20, limited=20)
    assert world.view.snapshot().overloaded == 0
    world.seen.numbers = {"problems_total": {("overloaded",): 60.0, ("rate_limited",): 60.0}}
    world.second(cache=50)
    told = situation(world.view.snapshot())
    assert told.sentence == "More people come than can be answered: 1 a second refused."
    world.second(count=62, cache=50)
    assert situation(world.view.snapshot()).kind == "well"
