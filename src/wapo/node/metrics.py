"""Figures for operators, in Prometheus' form. Labels have few values: never a CID.

Each process of a node counts by itself. What one has counted by now is passed on as bytes, and added up where it is
asked for.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["Metrics", "sum_counts"]

_Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

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

    def counts(self) -> bytes:
        """What this process has counted by now, for :func:`sum_counts` and :meth:`exposition`."""
        return _encoded(_families(self.registry.collect()))

    def exposition(self, others: Iterable[bytes] = ()) -> bytes:
        """What a scraper reads, of this process and of those whose counts are given."""
        found = list(others)
        if not found:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        registry.register(_Summed(_decoded(sum_counts([self.counts(), *found]))))
        return generate_latest(registry)


class _Family(msgspec.Struct, array_like=True):
    """One metric: its kind, its description, its samples by name and labels."""

    kind: str
    text: str
    samples: _Samples


class _Summed(Collector):
    def __init__(self, families: dict[str, _Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for name, family in self._families.items():
            metric = Metric(name, family.text, family.kind)
            for (sample, labels), value in family.samples.items():
                metric.add_sample(sample, dict(labels), value)
            yield metric


def _families(metrics: Iterable[Metric]) -> dict[str, _Family]:
    """All but the times at which they were made, of which there is no sum."""
    return {
        metric.name: _Family(metric.type, metric.documentation, {
            (sample.name, tuple(sample.labels.items())): sample.value
            for sample in metric.samples if not sample.name.endswith("_created")
        })
        for metric in metrics
    }  # fmt: skip


def _encoded(families: dict[str, _Family]) -> bytes:
    return msgspec.msgpack.encode(
        {
            name: (family.kind, family.text, [(*sample, value) for sample, value in family.samples.items()])
            for name, family in families.items()
        }
    )


def _decoded(data: bytes) -> dict[str, _Family]:
    return {
        name: _Family(kind, text, {
            (sample, tuple((label, of) for label, of in labels)): value for sample, labels, value in samples
        })
        for name, (kind, text, samples) in msgspec.msgpack.decode(data).items()
    }  # fmt: skip


def sum_counts(counts: Iterable[bytes]) -> bytes:
    """The sum of what several processes have counted."""
    total: dict[str, _Family] = {}
    for data in counts:
        for name, family in _decoded(data).items():
            have = total.setdefault(name, _Family(family.kind, family.text, {}))
            for sample, value in family.samples.items():
                have.samples[sample] = have.samples.get(sample, 0.0) + value
    return _encoded(total)
