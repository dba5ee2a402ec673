"""Figures for operators, in Prometheus' form. Labels have few values: never a CID."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

__all__ = ["Metrics"]

_IMAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class _LostLogs(Collector):
    """The log counts by itself what it lost."""

    def __init__(self, lost: Callable[[], int]) -> None:
        self._lost = lost

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily("wapo_logs_lost", "Runs, or parts of long ones, without their log", self._lost())


class Metrics:
    """Counters of one node, in a registry of their own.

    Args:
        lost_logs: how many runs' logs were lost since the start.
    """

    def __init__(self, lost_logs: Callable[[], int] = lambda: 0) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_LostLogs(lost_logs))
        self.requests = Counter(
            "wapo_requests", "Requests by how their machine ended", ["outcome"], registry=self.registry
        )
        self._outcomes: dict[str, Counter] = {}
        self.cpu_seconds = Counter("wapo_cpu_seconds", "CPU seconds used by guests", registry=self.registry)
        self.image_seconds = Histogram(
            "wapo_image_seconds", "Time to make an agent's image", buckets=_IMAGE_BUCKETS, registry=self.registry
        )

    def count(self, outcome: str) -> None:
        """One request more that ended so. Looking a label up costs more than counting, so children are kept."""
        counter = self._outcomes.get(outcome)
        if counter is None:
            counter = self._outcomes[outcome] = self.requests.labels(outcome=outcome)
        counter.inc()
