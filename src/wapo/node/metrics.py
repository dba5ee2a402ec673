"""Figures for operators, in Prometheus' form. Labels have few values: never a CID."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

__all__ = ["Metrics"]

_IMAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class _Requests(Collector):
    """What is counted at every request: plain numbers, on the event loop's thread alone, which take a tenth of the time
    of the library's counters and their locks."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.cpu_s = 0.0

    def collect(self) -> Iterator[CounterMetricFamily]:
        requests = CounterMetricFamily("wapo_requests", "Requests by how their machine ended", labels=["outcome"])
        for outcome, number in self.outcomes.items():
            requests.add_metric([outcome], number)
        yield requests
        yield CounterMetricFamily("wapo_cpu_seconds", "CPU seconds used by guests", value=self.cpu_s)


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
        self._requests = _Requests()
        self.registry.register(self._requests)
        self.registry.register(_LostLogs(lost_logs))
        self.image_seconds = Histogram(
            "wapo_image_seconds", "Time to make an agent's image", buckets=_IMAGE_BUCKETS, registry=self.registry
        )

    def count(self, outcome: str, cpu_s: float = 0.0) -> None:
        """One request more that ended so, having used that much CPU."""
        outcomes = self._requests.outcomes
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        self._requests.cpu_s += cpu_s
