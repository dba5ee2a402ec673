"""Manifests of apps (node-and-gateway 3.5.8): what a deployer declares, and the address that follows from it.

The address is blake2b-256 of the manifest's SCALE encoding: every string counts as it is spelled, and so does every
order. Whoever has the manifest can compute it.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from wapo.errors import CallerError
from wapo.scale.primitives import (
    Reader,
    ScaleError,
    encode_text,
    encode_unsigned,
    encode_vec,
)

__all__ = ["ADDRESS_BYTES", "MAX_LABEL_BYTES", "MAX_MANIFEST_BYTES", "InvalidManifest", "Manifest"]

ADDRESS_BYTES: Final = 32
MAX_LABEL_BYTES: Final = 64
MAX_MANIFEST_BYTES: Final = 16_384
_VERSION: Final = 1

Pairs = tuple[tuple[str, str], ...]


class InvalidManifest(CallerError):
    """A manifest that no app can be deployed with."""

    code = "invalid_manifest"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is deployed. Any values can be held and encoded; ``check`` says whether a node takes them.

    Args:
        code_hash: the program, ``sha256:<hex>`` or ``sha512:<hex>``.
        args: the program's arguments after the first, which is the address in hex.
        env_vars: the program's whole environment.
        on_demand: run only while needed, instead of always.
        resizable: may run several instances.
        max_query_size: bytes of a query's path and payload; u32.
        label: for people, at most 64 bytes.
        required_blobs: hash and CID of what the deployer should upload first.
    """

    code_hash: str
    args: tuple[str, ...] = ()
    env_vars: Pairs = ()
    on_demand: bool = False
    resizable: bool = False
    max_query_size: int = 0
    label: str = ""
    required_blobs: Pairs = ()
    version: int = _VERSION

    def encode(self) -> bytes:
        """SCALE.

        Raises:
            ScaleError: a number that is no u32, or a string that has no UTF-8.
        """
        return b"".join(
            (
                encode_unsigned(self.version, 4),
                encode_text(self.code_hash),
                encode_vec(map(encode_text, self.args)),
                _encode_pairs(self.env_vars),
                bytes((self.on_demand, self.resizable)),
                encode_unsigned(self.max_query_size, 4),
                encode_text(self.label),
                _encode_pairs(self.required_blobs),
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> "Manifest":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else. Does not ``check``."""
        reader = Reader(encoded)
        return cls(
            version=reader.unsigned(4),
            code_hash=reader.text(),
            args=tuple(reader.vec(reader.text)),
            env_vars=_read_pairs(reader),
            on_demand=reader.boolean(),
            resizable=reader.boolean(),
            max_query_size=reader.unsigned(4),
            label=reader.text(),
            required_blobs=_read_pairs(reader),
        )

    def address(self) -> bytes:
        """The app's address, 32 bytes.

        Raises:
            ScaleError: as ``encode``.
        """
        return hashlib.blake2b(self.encode(), digest_size=ADDRESS_BYTES).digest()

    def check(self) -> None:
        """Whether an app may be deployed with it.

        Raises:
            InvalidManifest: another version, resizable and on demand at once, a label of more than 64 bytes, more than
                16 KiB in all, or something that cannot be encoded.
        """
        try:
            size = len(self.encode())
        except ScaleError as error:
            raise InvalidManifest(f"the manifest cannot be encoded: {error}") from error
        if self.version != _VERSION:
            raise InvalidManifest(f"manifests of version {self.version} are not known; {_VERSION} is")
        if self.resizable and self.on_demand:
            raise InvalidManifest("an app cannot be resizable and on demand at once")
        if (label := len(self.label.encode())) > MAX_LABEL_BYTES:
            raise InvalidManifest(f"the label has {label} bytes; at most {MAX_LABEL_BYTES} are allowed")
        if size > MAX_MANIFEST_BYTES:
            raise InvalidManifest(f"the manifest has {size} bytes; at most {MAX_MANIFEST_BYTES} are allowed")


def _encode_pairs(pairs: Pairs) -> bytes:
    return encode_vec(encode_text(first) + encode_text(second) for first, second in pairs)


def _read_pairs(reader: Reader) -> Pairs:
    return tuple(reader.vec(lambda: (reader.text(), reader.text())))
