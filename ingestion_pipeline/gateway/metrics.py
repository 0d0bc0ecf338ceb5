"""What `/metrics` tells Prometheus.

Every request is counted, so counting is plain integers here; they become Prometheus' metrics when
somebody asks. Its own counters take a lock each, and twenty times as long.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Durations:
    """How many requests took how long, by bucket; the last one has no bound."""

    def __init__(self) -> None:
        self.numbers = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0


class Metrics(Collector):
    """The numbers of one gateway process."""

    def __init__(self) -> None:
        self.in_progress = 0
        self.log_dropped = 0  # rows of the request log that were lost
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: defaultdict[str, _Durations] = defaultdict(_Durations)
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        if method not in _METHODS:
            method = "OTHER"  # anybody may send any
        self._requests[method, route, status] += 1
        durations = self._durations[route]
        durations.numbers[bisect_left(_BOUNDS, seconds)] += 1
        durations.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """The numbers as Prometheus' metrics."""
        requests = CounterMetricFamily(
            "ingestion_requests", "Requests answered.", labels=["method", "route", "status"]
        )
        for (method, route, status), number in self._requests.items():
            requests.add_metric([method, route, str(status)], number)
        yield requests
        durations = HistogramMetricFamily(
            "ingestion_request_seconds", "Time to the end of the answer.", labels=["route"]
        )
        names = [*map(str, _BOUNDS), "+Inf"]
        for route, taken in self._durations.items():
            buckets = list(zip(names, accumulate(taken.numbers), strict=True))
            durations.add_metric([route], buckets=buckets, sum_value=taken.seconds)
        yield durations
        yield GaugeMetricFamily(
            "ingestion_requests_in_progress", "Requests under way.", value=self.in_progress
        )
        yield GaugeMetricFamily(
            "ingestion_request_log_dropped", "Rows of the request log that were lost.",
            value=self.log_dropped,
        )  # fmt: skip

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)
