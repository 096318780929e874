"""The figures in Prometheus' text format, as ``GET /metrics`` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from gatewayz_auth.adapters.figures.catalogue import METRICS, PREFIX, Kind
from gatewayz_auth.service.histogram import BOUNDS_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric as Family

    from gatewayz_auth.adapters.figures.catalogue import Metric
    from gatewayz_auth.service.histogram import Histogram
    from gatewayz_auth.service.overview import Totals

_BOUNDS = [*map(str, BOUNDS_S), "+Inf"]


class _Page(Collector):
    """One reading of the totals, as the library wants it."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            yield self._histogram(metric) if metric.kind is Kind.HISTOGRAM else self._number(metric)

    def _number(self, metric: Metric) -> Family:
        labels = tuple(metric.labels)
        name = PREFIX + metric.name
        family = (
            CounterMetricFamily(name, metric.help, labels=labels)
            if metric.kind is Kind.COUNTER
            else GaugeMetricFamily(name, metric.help, labels=labels)
        )
        for values, number in sorted(self._totals.numbers.get(metric.name, {}).items()):
            if len(values) == len(labels):
                family.add_metric(values, number)
        return family

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(PREFIX + metric.name, metric.help, labels=tuple(metric.labels))
        for values, histogram in sorted(self._totals.histograms.get(metric.name, {}).items()):
            if len(values) == len(metric.labels):
                family.add_metric(values, _cumulated(histogram), sum_value=histogram.sum_s)
        return family


def _cumulated(histogram: Histogram) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    count = 0
    for bound, here in zip(_BOUNDS, histogram.counts, strict=True):
        count += here
        buckets.append((bound, count))
    return buckets


def page(totals: Totals) -> bytes:
    """``totals`` in Prometheus' text format (0.0.4); some milliseconds: for a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(totals))
    return generate_latest(registry)
