"""Figures for operators, in Prometheus' form. Labels have few values: never a CID.

Each process of a node counts by itself. What one has counted by now is passed on as bytes, and added up where it is
asked for.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from wapo.lazy import library

if TYPE_CHECKING:
    import prometheus_client
    from prometheus_client import core as families
else:
    prometheus_client = library("prometheus_client")
    families = library("prometheus_client.core")

__all__ = ["Metrics", "sum_counts"]

_Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

_IMAGE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """Figures of one node: plain numbers, on the event loop's thread alone, which take a tenth of the time of the
    library's counters and their locks. It is loaded by whoever asks for :attr:`registry`.

    Args:
        lost_logs: how many runs' logs were lost since the start.
        machines: how many machines there are now, isolates among them.
        lost_receipts: how many receipts were not written.
    """

    def __init__(
        self,
        lost_logs: Callable[[], int] = lambda: 0,
        machines: Callable[[], int] = lambda: 0,
        lost_receipts: Callable[[], int] = lambda: 0,
    ) -> None:
        self._lost_logs = lost_logs
        self._lost_receipts = lost_receipts
        self._machines = machines
        self._outcomes: dict[str, int] = {}
        self._cpu_s = 0.0
        self._refusals: dict[str, int] = {}
        self._image_s = 0.0
        self._images = [0] * (len(_IMAGE_BUCKETS) + 1)

    @cached_property
    def registry(self) -> prometheus_client.CollectorRegistry:
        """Of this node alone."""
        registry = prometheus_client.CollectorRegistry()
        registry.register(self)  # whatever has collect() will do
        return registry

    def collect(self) -> Iterator[families.Metric]:
        """As the library wants it."""
        yield families.CounterMetricFamily(
            "wapo_logs_lost", "Runs, or parts of long ones, without their log", value=self._lost_logs()
        )
        yield families.CounterMetricFamily(
            "wapo_receipts_lost", "Receipts that were not written", value=self._lost_receipts()
        )
        yield families.GaugeMetricFamily(
            "wapo_machines", "Machines that serve requests now, isolates among them", value=self._machines()
        )
        requests = families.CounterMetricFamily(
            "wapo_requests", "Requests by how their machine ended", labels=["outcome"]
        )
        for outcome, number in self._outcomes.items():
            requests.add_metric([outcome], number)
        yield requests
        refusals = families.CounterMetricFamily(
            "wapo_refusals", "Requests that no machine was started for, by why", labels=["code"]
        )
        for code, number in self._refusals.items():
            refusals.add_metric([code], number)
        yield refusals
        yield families.CounterMetricFamily("wapo_cpu_seconds", "CPU seconds used by guests", value=self._cpu_s)
        buckets, total = [], 0
        for bound, number in zip((*map(str, map(float, _IMAGE_BUCKETS)), "+Inf"), self._images, strict=True):
            total += number
            buckets.append((bound, float(total)))
        yield families.HistogramMetricFamily(
            "wapo_image_seconds", "Time to make an agent's image", buckets=buckets, sum_value=self._image_s
        )

    @contextmanager
    def making_image(self) -> Iterator[None]:
        """An image is being made in this block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - began
            self._image_s += taken
            self._images[bisect_left(_IMAGE_BUCKETS, taken)] += 1

    def count(self, outcome: str, cpu_s: float = 0.0) -> None:
        """One request more that ended so, having used that much CPU."""
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        self._cpu_s += cpu_s

    def count_refusal(self, code: str) -> None:
        """One request more that was not admitted."""
        self._refusals[code] = self._refusals.get(code, 0) + 1

    def counts(self) -> bytes:
        """What this process has counted by now, for :func:`sum_counts` and :meth:`exposition`."""
        return _encoded(_families(self.collect()))

    def exposition(self, others: Iterable[bytes] = ()) -> bytes:
        """What a scraper reads, of this process and of those whose counts are given."""
        found = list(others)
        if not found:
            return prometheus_client.generate_latest(self.registry)
        registry = prometheus_client.CollectorRegistry()
        registry.register(_Summed(_decoded(sum_counts([self.counts(), *found]))))
        return prometheus_client.generate_latest(registry)


@dataclass(slots=True)
class _Family:
    """One metric: its kind, its description, its samples by name and labels."""

    kind: str
    text: str
    samples: _Samples


class _Summed:
    def __init__(self, found: dict[str, _Family]) -> None:
        self._found = found

    def collect(self) -> Iterator[families.Metric]:
        for name, family in self._found.items():
            metric = families.Metric(name, family.text, family.kind)
            for (sample, labels), value in family.samples.items():
                metric.add_sample(sample, dict(labels), value)
            yield metric


def _families(metrics: Iterable[families.Metric]) -> dict[str, _Family]:
    return {
        metric.name: _Family(metric.type, metric.documentation, {
            (sample.name, tuple(sample.labels.items())): sample.value for sample in metric.samples
        })
        for metric in metrics
    }  # fmt: skip


def _encoded(found: dict[str, _Family]) -> bytes:
    return msgspec.msgpack.encode(
        {
            name: (family.kind, family.text, [(*sample, value) for sample, value in family.samples.items()])
            for name, family in found.items()
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
