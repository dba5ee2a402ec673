"""What one guest has used (wapo-abi.md section 8, and what limits need beyond it)."""

import time

__all__ = ["Meter"]

_MAX_U64 = 2**64 - 1


class Meter:
    """Counters. ``cpu_s`` is seconds of CPU spent inside the guest; network figures are bytes of payload.
    ``outgoing`` is requests, connections and lookups begun."""

    __slots__ = ("cpu_s", "gas", "net_egress", "net_ingress", "outgoing", "polls", "started", "starts", "tip")

    def __init__(self) -> None:
        self.gas = 0
        self.cpu_s = 0.0
        self.net_ingress = 0
        self.net_egress = 0
        self.outgoing = 0
        self.tip = 0
        self.starts = 1
        self.polls = 0
        self.started = time.monotonic()

    def add_tip(self, amount: int) -> None:
        """Saturates at 2**64 - 1."""
        self.tip = min(self.tip + amount, _MAX_U64)

    @property
    def duration_s(self) -> float:
        """Wall time since the meter was made."""
        return time.monotonic() - self.started
