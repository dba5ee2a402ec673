"""Figures for operators, in Prometheus' form. Labels have few values: never a CID.

Where several processes are one node, the library keeps its figures in mapped files, and whoever is asked adds them up:
those of processes that have died, too (https://prometheus.github.io/client_python/multiprocess/).
"""

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["SHARED_FOLDER", "Metrics"]

#: The environment's name for the folder with those files; read when the library is imported.
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_IMAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """Counters of one node, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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

    def exposition(self) -> bytes:
        """What a scraper reads; of all processes of the node."""
        registry, folder = self.registry, os.environ.get(SHARED_FOLDER)
        if folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
