"""What a node allows one program, and what an operator may lower for a single one."""

import math
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import msgspec

from wapo.errors import CallerError
from wapo.vm.limits import GuestLimits

__all__ = ["BUDGETS", "AgentLimits", "InvalidLimit"]

_MIN_MEMORY_BYTES = 8 << 20
_MAX_MEMORY_BYTES = 4 << 30
#: What all runs of a program may use together, in the order in which it is counted.
BUDGETS = (
    "hourly_requests", "hourly_cpu_s", "hourly_egress_bytes", "daily_requests", "daily_cpu_s", "daily_egress_bytes",
)  # fmt: skip
#: Limits that need not be there.
_UNLIMITED = frozenset(("time_s", "burst_s", "cpu_s", "outgoing", "egress_bytes", "concurrency", *BUDGETS))


class InvalidLimit(CallerError):
    """A limit that makes no sense, or is above what is allowed."""

    code = "bad_limit"


@dataclass(frozen=True)
class AgentLimits:
    """Limits of one run of an agent. Sizes in bytes, times in seconds; None is unlimited.

    Attributes:
        memory_bytes: the machine's memory, 8 MiB to 4 GiB. The platform itself takes about 6 MiB of it.
        time_s: from the request to the end of all work.
        burst_s: CPU between two waits.
        cpu_s: CPU of the whole run, its isolates among it.
        outgoing: requests, connections and lookups that it begins.
        egress_bytes: what it sends, to its caller and to others.
        concurrency: requests of one program at a time.
        request_bytes: a request's body; one that an agent sends, and a message of a WebSocket.
        program_bytes: size of a program that is fetched or published.
        hourly_requests, hourly_cpu_s, hourly_egress_bytes, daily_requests, daily_cpu_s, daily_egress_bytes: what all
            runs of a program may use together, in an hour and in a day of UTC (``budgets``).
    """

    memory_bytes: int = 100 << 20
    time_s: float | None = 60.0
    burst_s: float | None = 1.0
    cpu_s: float | None = 30.0
    outgoing: int | None = 1000
    egress_bytes: int | None = 1 << 30
    request_bytes: int = 20 << 20
    response_bytes: int = 100 << 20
    concurrency: int | None = None
    program_bytes: int = 20 << 20
    log_bytes: int = 1 << 20
    hourly_requests: int | None = None
    hourly_cpu_s: float | None = None
    hourly_egress_bytes: int | None = None
    daily_requests: int | None = None
    daily_cpu_s: float | None = None
    daily_egress_bytes: int | None = None

    def __post_init__(self) -> None:
        if not _MIN_MEMORY_BYTES <= self.memory_bytes <= _MAX_MEMORY_BYTES:
            raise InvalidLimit(f"memory of {self.memory_bytes} bytes is not possible; allowed are 8 MiB to 4 GiB")
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in _UNLIMITED:
                continue
            if value is None or not 0 < value < math.inf:
                raise InvalidLimit(f"{field.name} must be greater than zero, and finite")

    @cached_property
    def guest(self) -> GuestLimits:
        """As ``vm`` enforces them."""
        return GuestLimits(
            memory_bytes=min(self.memory_bytes, (4 << 30) - (64 << 10)),
            burst_s=self.burst_s,
            time_s=self.time_s,
            cpu_s=self.cpu_s,
            outgoing=self.outgoing,
            egress_bytes=self.egress_bytes,
            request_body_bytes=self.request_bytes,
            websocket_message_bytes=self.request_bytes,
            log_bytes=self.log_bytes,
        )

    @cached_property
    def budgets(self) -> tuple[tuple[int, int], ...] | None:
        """Those that are set, as ``budgets`` counts: which of ``BUDGETS``, and how much (CPU in microseconds); None if
        none is."""
        values = [(at, name, getattr(self, name)) for at, name in enumerate(BUDGETS)]
        return tuple(
            (at, max(1, int(value * 1e6)) if name.endswith("_s") else value)
            for at, name, value in values
            if value is not None
        ) or None  # fmt: skip

    def lowered(self, settings: dict[str, Any]) -> "AgentLimits":
        """These limits with an agent's own settings, which can only lower them.

        Raises:
            InvalidLimit: an unknown name or an impossible value. A value above the node's is the node's.
        """
        known = {field.name for field in fields(self)}
        changes: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in known:
                raise InvalidLimit(f"there is no limit {name!r}; there are {', '.join(sorted(known))}")
            whole = not name.endswith("_s")
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise InvalidLimit(f"{name} must be a {'whole ' if whole else ''}number")
            own = getattr(self, name)
            changes[name] = value if own is None else min(own, value)
        return replace(self, **changes)

    def to_json(self) -> str:
        return msgspec.json.encode(asdict(self)).decode()
