"""What a worker tells of itself (node-and-gateway 3.5.1)."""

import contextlib
import resource
from pathlib import Path
from typing import Final

from wapo import __version__
from wapo.gateway.rpc.schema import MESSAGES, Message
from wapo.node.apps.programs import COMPILERS, QUEUE
from wapo.node.apps.worker import Worker
from wapo.trust.response_signature import BODY_SIGNATURE_HEADER, EXCHANGE_SIGNATURE_HEADER

__all__ = ["features", "worker_info"]

_KIB: Final = 1024
_UNLIMITED: Final = (1 << 64) - 1


def worker_info(worker: Worker, *, with_loader: bool) -> Message:
    """``WorkerInfo``; ``with_loader`` adds what only an operator is told."""
    running = sum(len(app.instances) for app in worker.apps)
    ports = worker.network.settings.listen_ports
    bench = worker.bench
    info = MESSAGES["WorkerInfo"](
        pubkey=worker.key.public, deployed_apps=len(worker.apps), running_instances=running,
        vm_instances=len(worker.slots.taken), max_instances=worker.settings.max_instances,
        instance_memory_size=worker.settings.instance_memory_bytes, session=worker.session.id,
        memory_usage=_memory_usage(), tcp_listen_port_range=f"{ports[0]}-{ports[1]}" if ports is not None else "",
        bench_app_address=bench.address if bench is not None else b"",
        bench_app_instances=bench.instances if bench is not None else 0,
    )  # fmt: skip
    if with_loader:
        programs = worker.programs
        info.module_loader_info.CopyFrom(MESSAGES["ModuleLoaderInfo"](
            max_compilation_tasks=COMPILERS, queue_cap=QUEUE, queue_used=programs.waiting,
            cache_cap=programs.capacity, cache_used=programs.used,
            compiling_handles_len=programs.waiting + programs.compiling, compiling_tasks=programs.compiling,
        ))  # fmt: skip
    return info


def features(worker: Worker, service: str, methods: list[str]) -> Message:
    """``Features``: what this worker can beyond the original."""
    return MESSAGES["Features"](
        version=__version__, attestation=worker.quotes.kind, encrypted_query_versions=[1, 2],
        response_signature_headers=[BODY_SIGNATURE_HEADER, EXCHANGE_SIGNATURE_HEADER] if service == "User" else [],
        methods=methods,
    )  # fmt: skip


def _memory_usage() -> Message:
    """The figures of the original's allocator are the process's: resident now, and at its peak."""
    status = _figures("/proc/self/status")
    machine = _figures("/proc/meminfo")
    used = status.get("VmRSS", 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    return MESSAGES["MemoryUsage"](
        rust_used=used, rust_peak=peak, rust_spike=peak, used=used, peak=min(status.get("VmPeak", 0), _UNLIMITED),
        free=machine.get("MemAvailable", 0),
    )  # fmt: skip


def _figures(path: str) -> dict[str, int]:
    """Lines of ``Name:   123 kB`` in bytes."""
    figures: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for line in Path(path).read_text().splitlines():
            name, _, rest = line.partition(":")
            words = rest.split()
            if len(words) == 2 and words[1] == "kB":
                figures[name] = int(words[0]) * _KIB
    return figures
