"""Metrics of apps as a worker reports and signs them (node-and-gateway 3.5.12), in SCALE."""

from dataclasses import dataclass
from typing import Final

from wapo.errors import CallerError
from wapo.scale.primitives import Reader, encode_bytes, encode_fixed, encode_unsigned, encode_vec

__all__ = ["MAX_APPS", "AppMetrics", "MetricsToken", "SignedAppsMetrics", "TooManyMetrics", "VersionedAppsMetrics"]

MAX_APPS: Final = 64
"""In one report: who verifies it accepts no more."""

_U64: Final = (1 << 64) - 1
_U128: Final = (1 << 128) - 1


class TooManyMetrics(CallerError):
    """Metrics of more than 64 apps are asked for at once."""

    code = "too_many_metrics"


@dataclass(frozen=True, slots=True)
class MetricsToken:
    """Makes a report unique: its number in the session (from 1), the session, and 32 random bytes. 72 bytes."""

    number: int
    session: bytes
    nonce: bytes

    def encode(self) -> bytes:
        """SCALE."""
        return encode_unsigned(self.number, 8) + encode_fixed(self.session, 32) + encode_fixed(self.nonce, 32)

    @classmethod
    def read(cls, reader: Reader) -> "MetricsToken":
        """The next 72 bytes."""
        return cls(reader.unsigned(8), reader.take(32), reader.take(32))


@dataclass(frozen=True, slots=True)
class AppMetrics:
    """What one app has used since it was deployed. 160 bytes; a value that is too large is encoded as the largest.

    Args:
        session: the app's, 32 bytes; another one at each deployment.
        running_time_ms: wall time of its instances.
        network_ingress: bytes, as ``network_egress``, ``storage_read`` and ``storage_write``.
        storage_used: MB seconds, u128.
        memory_used: KB seconds, u128.
        starts: of instances, without automatic restarts.
    """

    address: bytes
    session: bytes
    running_time_ms: int = 0
    gas_consumed: int = 0
    network_ingress: int = 0
    network_egress: int = 0
    storage_read: int = 0
    storage_write: int = 0
    storage_used: int = 0
    memory_used: int = 0
    tip: int = 0
    starts: int = 0

    def encode(self) -> bytes:
        """SCALE.

        Raises:
            ScaleError: a negative value.
        """
        return b"".join(
            (
                encode_fixed(self.address, 32),
                encode_fixed(self.session, 32),
                _u64(self.running_time_ms),
                _u64(self.gas_consumed),
                _u64(self.network_ingress),
                _u64(self.network_egress),
                _u64(self.storage_read),
                _u64(self.storage_write),
                _u128(self.storage_used),
                _u128(self.memory_used),
                _u64(self.tip),
                _u64(self.starts),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> "AppMetrics":
        """The next 160 bytes."""
        address, session = reader.take(32), reader.take(32)
        sizes = (8, 8, 8, 8, 8, 8, 16, 16, 8, 8)
        return cls(address, session, *(reader.unsigned(size) for size in sizes))


@dataclass(frozen=True, slots=True)
class VersionedAppsMetrics:
    """A report; signed as ``ContentType.METRICS``."""

    token: MetricsToken
    apps: tuple[AppMetrics, ...]

    def encode(self) -> bytes:
        """SCALE. The version in front is 0.

        Raises:
            TooManyMetrics: more than 64 apps.
        """
        if len(self.apps) > MAX_APPS:
            raise TooManyMetrics(f"metrics of {len(self.apps)} apps; ask for at most {MAX_APPS} at once")
        return b"\0" + self.token.encode() + encode_vec(app.encode() for app in self.apps)

    @classmethod
    def read(cls, reader: Reader) -> "VersionedAppsMetrics":
        """The next report.

        Raises:
            ScaleError: anything else, or more than 64 apps.
        """
        reader.variant("VersionedAppsMetrics", 1)
        return cls(MetricsToken.read(reader), tuple(reader.vec(lambda: AppMetrics.read(reader), at_most=MAX_APPS)))


@dataclass(frozen=True, slots=True)
class SignedAppsMetrics:
    """A report for third parties, with the worker's signature (64 bytes) and public key."""

    metrics: VersionedAppsMetrics
    signature: bytes
    worker: bytes

    def encode(self) -> bytes:
        """SCALE.

        Raises:
            TooManyMetrics: more than 64 apps.
        """
        return self.metrics.encode() + encode_bytes(self.signature) + encode_fixed(self.worker, 32)

    @classmethod
    def decode(cls, encoded: bytes) -> "SignedAppsMetrics":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else. Does not verify."""
        reader = Reader(encoded)
        return cls(VersionedAppsMetrics.read(reader), reader.bytes(), reader.take(32))


def _u64(value: int) -> bytes:
    return encode_unsigned(min(value, _U64), 8)


def _u128(value: int) -> bytes:
    return encode_unsigned(min(value, _U128), 16)
