"""CAR v1, an archive of blocks: https://ipld.io/specs/transport/car/carv1/.

::

    varint length, DAG-CBOR {"roots": [CID...], "version": 1}      the header
    varint length, CID, block                                      a section, as often as there are blocks

``CarDecoder`` is bytes in, blocks out: no socket, no file, and never more than one section held. What it gives is
verified; whether a block was asked for is its caller's to know.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import libipld

from wapo.content.blocks import MAX_BLOCK_BYTES, Block, check_block, check_block_size
from wapo.content.cid import Cid, cid_parts
from wapo.content.errors import InvalidCid, MalformedCar
from wapo.content.varint import BadVarint, ShortVarint, decode_varint, encode_varint

__all__ = ["CarDecoder", "car_header", "car_section"]

_MAX_HEADER_BYTES = 8192
_MAX_CID_BYTES = 256
_MAX_LINK_DIGEST_BYTES = 64


class CarDecoder:
    """Reads an archive as it arrives.

    ``header``: None until the header is complete, then the identifiers that it names, in bytes. Peers put anything
        there; "a client should ignore this field".
    ``skipped``: how many blocks were left out because their identifier is of a kind that Wapo does not read.
    """

    def __init__(self, sender: str, *, max_block_bytes: int = MAX_BLOCK_BYTES) -> None:
        """``sender`` is named in the errors."""
        self.header: tuple[bytes, ...] | None = None
        self.skipped = 0
        self._sender = sender
        self._max_block_bytes = max_block_bytes
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Block]:
        """The blocks that ``data`` completes, in their order, repeated ones included. Exhaust it before feeding more.

        Raises:
            MalformedCar: this is no CAR v1.
            HashMismatch: a block is not what its identifier says. Blocks before it were sound.
            BlockTooLarge: a block is over the limit; raised before it is read.
        """
        self._pending += data
        while (section := self._section()) is not None:
            if self.header is None:
                self.header = self._read_header(section)
            elif (block := self._read_block(section)) is not None:
                yield block

    def finish(self) -> None:
        """To be called when there are no more bytes.

        Raises:
            MalformedCar: the archive is cut short.
        """
        if self._pending or self.header is None:
            raise MalformedCar(f"The archive from {self._sender} is cut short.")

    def _section(self) -> bytes | None:
        """Take the next section from what is pending; None if it is not complete."""
        try:
            length, start = decode_varint(self._pending)
        except ShortVarint:
            return None
        except BadVarint as error:
            raise MalformedCar(f"The archive from {self._sender} is malformed: {error}.") from error
        if self.header is None:
            if length > _MAX_HEADER_BYTES:
                raise MalformedCar(f"What {self._sender} sent is no CAR archive: its header would be {length} bytes.")
        elif length > self._max_block_bytes + _MAX_CID_BYTES:
            check_block_size(length, self._max_block_bytes)
        if length == 0:
            raise MalformedCar(f"The archive from {self._sender} has an empty section.")
        if len(self._pending) - start < length:
            return None
        section = bytes(memoryview(self._pending)[start : start + length])
        del self._pending[: start + length]
        return section

    def _read_header(self, section: bytes) -> tuple[bytes, ...]:
        try:
            header: Any = libipld.decode_dag_cbor(section)
        except (ValueError, RecursionError) as error:
            raise MalformedCar(f"What {self._sender} sent is no CAR archive: its header cannot be read.") from error
        version = header.get("version") if isinstance(header, dict) else None
        if version != 1:
            raise MalformedCar(f"{self._sender} sent a CAR archive of version {version!r}; version 1 can be read.")
        roots = header.get("roots")
        if not isinstance(roots, list) or not all(isinstance(root, bytes) for root in roots):
            raise MalformedCar(f"The archive from {self._sender} has no list of roots.")
        return tuple(roots)

    def _read_block(self, section: bytes) -> Block | None:
        try:
            *_, end = cid_parts(section)
        except InvalidCid as error:
            raise MalformedCar(f"The archive from {self._sender} has a section without identifier: {error}") from error
        try:
            cid = Cid.decode(section[:end])
        except InvalidCid:
            self.skipped += 1
            return None
        check_block_size(len(section) - end, self._max_block_bytes)
        return check_block(cid, section[end:], self._sender)


def car_header(roots: Sequence[Cid]) -> bytes:
    """The beginning of an archive.

    A root that holds over 64 bytes inline is left out: libipld takes it for plain bytes, and no reader may rely on
    roots anyway ("A Client SHOULD ignore this field").
    """
    links = [root.encode() for root in roots if len(root.inline or b"") <= _MAX_LINK_DIGEST_BYTES]
    header = libipld.encode_dag_cbor({"roots": links, "version": 1})
    return encode_varint(len(header)) + bytes(header)


def car_section(block: Block) -> Iterable[bytes]:
    """One block of an archive, in two pieces so that the block need not be copied."""
    cid = block.cid.encode()
    return encode_varint(len(cid) + len(block.data)) + cid, block.data
