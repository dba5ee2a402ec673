"""What a worker asks for (node-and-gateway 3.5.5): prices, the description that it signs, and what usage costs."""

from dataclasses import dataclass, fields
from typing import Final

from wapo.abi.metrics import AppMetrics
from wapo.scale.primitives import (
    Reader,
    ScaleError,
    encode_bytes,
    encode_fixed,
    encode_option,
    encode_text,
    encode_unsigned,
)

__all__ = ["MAX_DESCRIPTION_BYTES", "Prices", "SignedWorkerDescription", "WorkerDescription"]

MAX_DESCRIPTION_BYTES: Final = 1024
_U128: Final = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Prices:
    """A price for each unit, u128 or none. The order is that of the encoding."""

    general_fee_per_second: int | None = None
    gas_price: int | None = None
    net_ingress_price: int | None = None
    net_egress_price: int | None = None
    storage_read_price: int | None = None
    storage_write_price: int | None = None
    storage_price: int | None = None
    """For a MB and second."""
    memory_price: int | None = None
    """For a KB and second."""
    tip_price: int | None = None

    def encode(self) -> bytes:
        """SCALE: nine zero bytes when there are no prices.

        Raises:
            ScaleError: a price that is no u128.
        """
        prices = (getattr(self, field.name) for field in fields(self))
        return b"".join(encode_option(None if price is None else encode_unsigned(price, 16)) for price in prices)

    @classmethod
    def read(cls, reader: Reader) -> "Prices":
        """The next nine prices."""
        return cls(*(reader.unsigned(16) if reader.option() else None for _ in fields(cls)))

    @classmethod
    def decode(cls, encoded: bytes) -> "Prices":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else, nothing at all included."""
        return cls.read(Reader(encoded))

    def cost(self, used: AppMetrics) -> int:
        """What that usage costs, at most 2**128 - 1. Running time is counted in whole seconds."""
        bill = (
            (self.general_fee_per_second, used.running_time_ms // 1000),
            (self.gas_price, used.gas_consumed),
            (self.net_ingress_price, used.network_ingress),
            (self.net_egress_price, used.network_egress),
            (self.storage_read_price, used.storage_read),
            (self.storage_write_price, used.storage_write),
            (self.storage_price, used.storage_used),
            (self.memory_price, used.memory_used),
            (self.tip_price, used.tip),
        )
        return min(sum(price * amount for price, amount in bill if price is not None), _U128)


@dataclass(frozen=True, slots=True)
class WorkerDescription:
    """What a worker signs as ``ContentType.WORKER_DESCRIPTION``. The text has at most 1024 bytes."""

    prices: Prices
    description: str

    def encode(self) -> bytes:
        """SCALE.

        Raises:
            ScaleError: a longer text, which nobody could decode, or one that has no UTF-8.
        """
        text = encode_text(self.description)
        _bounded(self.description)
        return self.prices.encode() + text

    @classmethod
    def read(cls, reader: Reader) -> "WorkerDescription":
        """The next description."""
        return cls(Prices.read(reader), _bounded(reader.text()))


@dataclass(frozen=True, slots=True)
class SignedWorkerDescription:
    """A description with the worker's sr25519 signature (64 bytes) and public key."""

    description: WorkerDescription
    signature: bytes
    worker: bytes

    def encode(self) -> bytes:
        """SCALE. The signature is a ``Vec``, with its length in front.

        Raises:
            ScaleError: as the description's, or a key that has not 32 bytes.
        """
        return self.description.encode() + encode_bytes(self.signature) + encode_fixed(self.worker, 32)

    @classmethod
    def decode(cls, encoded: bytes) -> "SignedWorkerDescription":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else. Does not verify."""
        reader = Reader(encoded)
        return cls(WorkerDescription.read(reader), reader.bytes(), reader.take(32))


def _bounded(text: str) -> str:
    if (length := len(text.encode())) > MAX_DESCRIPTION_BYTES:
        raise ScaleError(f"a description of {length} bytes; at most {MAX_DESCRIPTION_BYTES} are allowed")
    return text
