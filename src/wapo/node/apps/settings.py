"""What an operator decides about the worker (node-and-gateway 6.4)."""

from dataclasses import dataclass, field

from wapo.vm.net.network import NetworkSettings

__all__ = ["WorkerSettings"]


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of one worker.

    Attributes:
        instance_memory_bytes: memory of one instance, rounded up to whole pages of 64 KiB; at most 4 GiB.
        max_instances: instances of all apps together.
        module_cache: compiled modules in memory.
        on_demand_time_s: how long an instance may live that serves a query or a request, and one on demand without any.
        instance_life_s: how long an on-demand instance may live whatever it is asked meanwhile; None: unlimited.
        query_time_s: how long a query may take; None: as ``on_demand_time_s``.
        channel_wait_s: how long a query waits for the app to listen.
        idle_grace_s: how long a reused on-demand app stays when its last query has ended.
        restart_after_s: a program that has lived longer than this is started again when it ends.
        burst_s: CPU between two waits; None: unlimited, and shared fairly with all others.
        max_blob_bytes: of one blob.
        refuse_replays_s: for how long the same signed query of the same signer is refused; None: it is not.
    """

    instance_memory_bytes: int = 128 << 20
    max_instances: int = 8
    module_cache: int = 16
    on_demand_time_s: float = 60.0
    instance_life_s: float | None = None
    query_time_s: float | None = None
    channel_wait_s: float = 10.0
    idle_grace_s: float = 0.0
    restart_after_s: float = 10.0
    burst_s: float | None = None
    log_bytes: int = 1 << 20
    max_blob_bytes: int = 50 << 20
    refuse_replays_s: float | None = None
    network: NetworkSettings = field(default_factory=NetworkSettings)
