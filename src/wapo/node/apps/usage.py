"""What an app has used since it was deployed: ended instances and running ones together (wapo-abi.md 8.2)."""

from dataclasses import asdict, dataclass

import msgspec

from wapo.vm.meter import Meter

__all__ = ["Usage"]

_MAX_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums; each at most 2**64 - 1. ``starts`` leaves automatic restarts out."""

    running_time_ms: int = 0
    gas: int = 0
    net_ingress: int = 0
    net_egress: int = 0
    tip: int = 0
    starts: int = 0

    @classmethod
    def of(cls, meter: Meter) -> "Usage":
        """What a meter shows now."""
        return cls(
            int(meter.duration_s * 1000), meter.gas, meter.net_ingress, meter.net_egress, meter.tip, meter.starts
        )

    def __add__(self, other: "Usage") -> "Usage":
        mine, its = asdict(self), asdict(other)
        return Usage(**{name: min(mine[name] + its[name], _MAX_U64) for name in mine})

    def to_json(self) -> str:
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "Usage":
        return cls(**msgspec.json.decode(text))
