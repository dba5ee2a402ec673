"""What a worker says about itself to be registered (node-and-gateway 3.5.3, 3.5.4)."""

from dataclasses import dataclass
from typing import Final

from wapo.scale.primitives import (
    Reader,
    ScaleError,
    encode_bytes,
    encode_fixed,
    encode_option,
    encode_text,
    encode_unsigned,
    encode_vec,
)

__all__ = [
    "RUNTIME_VERSION",
    "WorkerEndpointPayload",
    "WorkerRegistrationInfoV2",
    "decode_attestation",
    "decode_optional_account",
    "encode_attestation",
]

RUNTIME_VERSION: Final = 3 << 16
"""3.0.0: major, minor and patch in a u32, with 8 bits for each of the latter."""

_SGX_IAS: Final = 0
_SGX_DCAP: Final = 1


@dataclass(frozen=True, slots=True)
class WorkerRegistrationInfoV2:
    """The registration, whose hash a quote carries. Keys, the genesis hash and the operator have 32 bytes each."""

    public: bytes
    ecdh_public: bytes
    genesis_block_hash: bytes
    operator: bytes | None
    para_id: int
    version: int = RUNTIME_VERSION
    machine_id: bytes = b""
    features: tuple[int, ...] = ()
    max_consensus_version: int = 0

    def encode(self) -> bytes:
        """SCALE.

        Raises:
            ScaleError: a number that is no u32, or a field that has not 32 bytes.
        """
        return b"".join(
            (
                encode_unsigned(self.version, 4),
                encode_bytes(self.machine_id),
                encode_fixed(self.public, 32),
                encode_fixed(self.ecdh_public, 32),
                encode_fixed(self.genesis_block_hash, 32),
                encode_vec(encode_unsigned(feature, 4) for feature in self.features),
                encode_option(None if self.operator is None else encode_fixed(self.operator, 32)),
                encode_unsigned(self.para_id, 4),
                encode_unsigned(self.max_consensus_version, 4),
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> "WorkerRegistrationInfoV2":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else."""
        reader = Reader(encoded)
        return cls(
            version=reader.unsigned(4),
            machine_id=reader.bytes(),
            public=reader.take(32),
            ecdh_public=reader.take(32),
            genesis_block_hash=reader.take(32),
            features=tuple(reader.vec(lambda: reader.unsigned(4))),
            operator=reader.take(32) if reader.option() else None,
            para_id=reader.unsigned(4),
            max_consensus_version=reader.unsigned(4),
        )


def encode_attestation(quote: bytes | None) -> bytes:
    """``Option<AttestationReport>``: of an SGX quote (DCAP, without collateral), or of none."""
    return encode_option(None if quote is None else bytes((_SGX_DCAP,)) + encode_bytes(quote) + encode_option(None))


def decode_attestation(encoded: bytes) -> bytes | None:
    """The SGX quote of an ``Option<AttestationReport>``, if there is one.

    Raises:
        ScaleError: anything else, reports of the kind ``SgxIas`` included, which hold nothing.
    """
    reader = Reader(encoded)
    if not reader.option():
        return None
    if reader.variant("AttestationReport", 2) == _SGX_IAS:
        raise ScaleError("a report of the kind SgxIas has no quote")
    quote = reader.bytes()
    reader.option()  # of nothing: Option<()>
    return quote


def decode_optional_account(encoded: bytes) -> bytes | None:
    """``Option<[u8;32]>``, as operators and addresses are given: ``00`` is none, nothing at all is an error.

    Raises:
        ScaleError: anything else.
    """
    reader = Reader(encoded)
    return reader.take(32) if reader.option() else None


@dataclass(frozen=True, slots=True)
class WorkerEndpointPayload:
    """Where a worker can be reached; signed as ``ContentType.ENDPOINT_INFO``. ``signing_time`` is in Unix ms."""

    public: bytes
    endpoints: tuple[str, ...]
    signing_time: int

    def encode(self) -> bytes:
        """SCALE. The list has a version in front, which is 0.

        Raises:
            ScaleError: a time that is no u64, or a string that has no UTF-8.
        """
        endpoints = encode_vec(map(encode_text, self.endpoints))
        return encode_fixed(self.public, 32) + b"\0" + endpoints + encode_unsigned(self.signing_time, 8)

    @classmethod
    def decode(cls, encoded: bytes) -> "WorkerEndpointPayload":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else."""
        reader = Reader(encoded)
        public = reader.take(32)
        reader.variant("VersionedWorkerEndpoints", 1)
        return cls(public, tuple(reader.vec(reader.text)), reader.unsigned(8))
