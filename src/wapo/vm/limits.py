"""What one guest may take. Enforced from outside the guest, whatever it does."""

import math
from dataclasses import dataclass
from functools import cached_property

from wapo.engine.instance import StoreLimits

__all__ = ["GuestLimits"]

_MAX_HELD_BYTES = 256 << 20

#: What the host may have read of an answer that the guest does not take: one read from the socket (256 KB), the HTTP
#: library's buffer, and the pipe's.
_REQUEST_BYTES = 512 << 10
_MIN_REQUESTS = 8


@dataclass(frozen=True)
class GuestLimits:
    """Limits of one run.

    Attributes:
        memory_bytes: linear memory.
        burst_s: CPU seconds between two waits (one poll); None is unlimited.
        time_s: wall seconds of the whole run; None is unlimited.
        cpu_s: CPU seconds of the whole run, those of its isolates and of threads that worked for it among them; None is
            unlimited.
        outgoing: requests, connections and lookups that it begins, in all; None is unlimited.
        egress_bytes: what it sends, to whomever, in all; None is unlimited.
        resources: entries of the resource table.
        requests: outgoing requests that are under way at once; more wait. With less memory, fewer.
        request_body_bytes: body of one outgoing request that is handed over at once.
        isolates: machines that it has started and that run at once.
        websockets: connections that it has opened itself, at once.
        websocket_message_bytes: one message that it receives.
        held_bytes: what the host keeps for the guest at once; None: as much as goes with its memory.
        log_bytes: log text of one run; what is beyond it is counted, not kept.
    """

    memory_bytes: int = 100 << 20
    burst_s: float | None = 1.0
    time_s: float | None = 60.0
    cpu_s: float | None = None
    outgoing: int | None = None
    egress_bytes: int | None = None
    resources: int = 8192
    requests: int = 256
    request_body_bytes: int = 32 << 20
    isolates: int = 8
    log_bytes: int = 1 << 20
    websockets: int = 256
    websocket_message_bytes: int = 32 << 20
    held_bytes: int | None = None

    @cached_property
    def held_body_bytes(self) -> int:
        """Bodies of outgoing requests that the host keeps for the guest at once, until they are sent."""
        if self.held_bytes is not None:
            return self.held_bytes
        return max(self.request_body_bytes, min(self.memory_bytes // 2, _MAX_HELD_BYTES))

    @cached_property
    def cpu_cap(self) -> float:
        """``cpu_s`` as a number, to be compared with after each slice."""
        return math.inf if self.cpu_s is None else self.cpu_s

    @cached_property
    def egress_cap(self) -> float:
        """``egress_bytes``, likewise."""
        return math.inf if self.egress_bytes is None else self.egress_bytes

    @cached_property
    def requests_at_once(self) -> int:
        """As many as take half of the machine's memory in the host's, if the guest reads none of the answers."""
        return min(self.requests, max(_MIN_REQUESTS, self.memory_bytes // 2 // _REQUEST_BYTES))

    @cached_property
    def store(self) -> StoreLimits:
        """What the engine enforces of them."""
        return StoreLimits(memory_bytes=self.memory_bytes)
