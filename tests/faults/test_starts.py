"""Starting beside a database that is slow at every step."""

import pytest
from tests.support.faults import Faulted

SLACK_S = 0.5  # what a busy machine adds to a start
START_LIMIT_S = 2.0


@pytest.fixture
def world(tmp_path, database_url, redis_url):
    """Proxies and people; nothing is started."""
    with Faulted(tmp_path, database_url, redis_url) as faulted:
        yield faulted


def test_a_start_waits_for_all_it_asks_a_slow_database_together_as_long_as_for_one_question(world, record_property):
    world.start().serving.end()
    healthy_s = world.started_s
    world.postgres.delay(0.6)  # each step is within its own limit
    world.start()
    record_property("start", f"healthy {healthy_s:.2f} slow {world.started_s:.2f}")
    assert world.started_s <= healthy_s + START_LIMIT_S + SLACK_S
    assert world.said("The database does not answer: starting without it") == 1
    world.postgres.thaw()
    assert world.until_served(6.0)
