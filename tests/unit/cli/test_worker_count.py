"""A number of workers that cannot be meant is refused, one that looks like a mistake is told."""

import pytest

from gatewayz_auth.cli import worker_count
from gatewayz_auth.domain.errors import SettingsError


@pytest.mark.parametrize("workers", [-1, 0, 257, 100000])
def test_what_is_out_of_range_is_refused_with_the_range_and_an_example(workers):
    with pytest.raises(SettingsError, match=rf"--workers is {workers}; expected processes, 1 to 256. Example: "):
        worker_count.check(workers)


@pytest.mark.parametrize("workers", [1, 256])
def test_the_ends_of_the_range_are_accepted(workers):
    worker_count.check(workers)


@pytest.mark.parametrize(("workers", "told"), [(4, 0), (5, 1)])
def test_many_more_processes_than_processors_are_told(workers, told):
    assert len(worker_count.warnings(workers, 10, processors=1, is_embedded=False)) == told


@pytest.mark.parametrize(("pool_size", "told"), [(98, 0), (99, 1)])
def test_more_connections_than_the_embedded_postgres_gives_are_told(pool_size, told):
    lines = worker_count.warnings(2, pool_size, processors=2, is_embedded=True)
    assert len(lines) == told
    assert all("DATABASE_POOL_SIZE=99 want 198 connections" in line and "gives 197" in line for line in lines)
    assert worker_count.warnings(2, pool_size, processors=2, is_embedded=False) == []
