"""``Cid``, the identifier of content: https://github.com/multiformats/cid.

``libipld`` undoes the text encoding, in about a microsecond; the ``multiformats`` package takes 220 for the same, and
80 ms to import (docs/decisions/content-identifiers.md). The bytes inside are read here, because a ``Cid`` is stricter
than any library: only codecs that can be a file, only hash functions that cannot be forged, nothing left over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import libipld

from wapo.content.errors import InvalidCid
from wapo.content.multihash import SHA2_256, HashFunction, check_multihash, inline_data, multihash_matches
from wapo.content.varint import BadVarint, ShortVarint, decode_varint

__all__ = ["DAG_PB", "RAW", "Cid", "cid_parts"]

RAW = 0x55
DAG_PB = 0x70

_V0_BYTES = 34
_V0_TEXT = 46
# The longest text that can be right: 128 inline bytes in base 2 take 1073 characters.
_MAX_TEXT = 1100
# Version 1, codec, sha2-256, 32 bytes of digest.
_USUAL = (bytes((1, RAW, 0x12, 0x20)), bytes((1, DAG_PB, 0x12, 0x20)))
_CODECS = {RAW: "raw", DAG_PB: "dag-pb"}
_OTHER_CODECS = {0x51: "cbor", 0x71: "dag-cbor", 0x72: "libp2p-key (an IPNS name)", 0x0129: "dag-json", 0x0200: "json"}


@dataclass(frozen=True, slots=True)
class Cid:
    """An identifier of content. Immutable, hashable; made by ``parse``, ``decode`` or ``of``, never by hand.

    Two identifiers of the same bytes are equal only if they are spelled alike: version 0 and version 1 of one DAG
    differ here as they do everywhere. Where they must not, compare ``v1()``.
    """

    version: int
    codec: int
    multihash: bytes

    @classmethod
    def parse(cls, text: str) -> "Cid":
        """Read an identifier as people write it: ``Qm...`` (version 0), or version 1 in any multibase.

        Raises:
            InvalidCid: says what is wrong and what would be right.
        """
        return _parse(text)

    @classmethod
    def decode(cls, data: bytes) -> "Cid":
        """Read an identifier in bytes, as links and archives hold it; all of ``data`` must be it.

        Raises:
            InvalidCid: as ``parse``.
        """
        # Nearly all there are; a large node has thousands, and the long way takes five times as long.
        if len(data) == 36 and data[:4] in _USUAL:
            return cls(1, data[1], bytes(data[2:]))
        if len(data) == _V0_BYTES and data[:2] == b"\x12\x20":
            return cls(0, DAG_PB, bytes(data))
        version, codec, code, digest_at, end = cid_parts(data)
        if end != len(data):
            raise InvalidCid(f"{len(data) - end} bytes follow the identifier.")
        check_multihash(code, end - digest_at)
        if codec not in _CODECS:
            name = _OTHER_CODECS.get(codec)
            raise InvalidCid(
                f"The identifier is of codec 0x{codec:x}{f', {name}' if name else ''}; "
                "files and directories are raw (0x55) or dag-pb (0x70)."
            )
        return cls(version, codec, bytes(data if version == 0 else data[2:]))

    @classmethod
    def of(cls, data: bytes, *, codec: int = RAW, version: int = 1, function: HashFunction = SHA2_256) -> Self:
        """The identifier of a block. Version 0 exists only for dag-pb with sha2-256."""
        assert codec in _CODECS
        assert version == 1 or (version == 0 and codec == DAG_PB and function is SHA2_256)
        return cls(version, codec, function.multihash(data))

    def encode(self) -> bytes:
        """The identifier in bytes, as links and archives hold it."""
        return self.multihash if self.version == 0 else bytes((1, self.codec)) + self.multihash

    def matches(self, data: bytes) -> bool:
        """Whether ``data`` is the block that this identifies. Takes about 1 ms a MiB; the GIL is free meanwhile."""
        return multihash_matches(self.multihash, data)

    def v1(self) -> "Cid":
        """The same content in version 1, so that two spellings of it compare equal."""
        return self if self.version == 1 else Cid(1, self.codec, self.multihash)

    @property
    def inline(self) -> bytes | None:
        """The block itself, where the identifier holds it (the ``identity`` function); None otherwise."""
        return inline_data(self.multihash)

    def __str__(self) -> str:
        """Base58 without prefix for version 0, base32 for version 1: the forms that everyone prints."""
        if self.version == 0:
            return str(libipld.encode_multibase("z", self.multihash))[1:]
        return str(libipld.encode_multibase("b", self.encode()))

    def __repr__(self) -> str:
        return f"Cid({str(self)!r})"


def cid_parts(data: Sequence[int], at: int = 0) -> tuple[int, int, int, int, int]:
    """Find an identifier's parts without judging whether they are allowed.

    Args:
        data: bytes, bytearray or memoryview; may go on after the identifier.
        at: where the identifier starts.
    Returns:
        Version, codec, code of the hash function, and the offsets of the digest and of its end.
    Raises:
        InvalidCid: these bytes start no identifier.
    """
    try:
        # Version 0 is a bare sha2-256 multihash. No other version can start so: 0x12 is reserved for this.
        if len(data) - at >= 2 and data[at] == 0x12 and data[at + 1] == 0x20:
            version, codec = 0, DAG_PB
        else:
            version, at = decode_varint(data, at)
            if version != 1:
                raise InvalidCid(f"The identifier's version is {version}; 0 and 1 exist.")
            codec, at = decode_varint(data, at)
        code, at = decode_varint(data, at)
        length, at = decode_varint(data, at)
    except ShortVarint as error:
        raise InvalidCid("The identifier is cut short.") from error
    except BadVarint as error:
        raise InvalidCid(f"The identifier is malformed: {error}.") from error
    if at + length > len(data):
        raise InvalidCid("The identifier is cut short.")
    return version, codec, code, at, at + length


@lru_cache(maxsize=8192)
def _parse(text: str) -> Cid:
    # Failures are not kept (an exception leaves no cache entry), and no entry is over 1100 characters.
    if not text or len(text) > _MAX_TEXT:
        raise InvalidCid(f"An identifier has 1 to {_MAX_TEXT} characters, not {len(text)}.")
    bare = len(text) == _V0_TEXT and text.startswith("Qm")
    try:
        _, data = libipld.decode_multibase("z" + text if bare else text)
    except ValueError as error:
        raise InvalidCid(f"{text[:100]!r} is not an IPFS CID. One looks like Qm... or bafy... or bafkrei...") from error
    # "If a CIDv0 is multibase encoded, throw an error": it would be a second spelling of the same identifier.
    if not bare and len(data) == _V0_BYTES and data[:2] == b"\x12\x20":
        raise InvalidCid("A version 0 identifier is written without a multibase prefix: Qm...")
    try:
        return Cid.decode(data)
    except InvalidCid as error:
        raise InvalidCid(f"{text[:100]!r} is not a CID that can be read: {error}") from error
