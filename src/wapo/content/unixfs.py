"""UnixFS, the inner layer of a node: is it a file, a directory, a shard of one, a symlink; and how large.

https://specs.ipfs.tech/unixfs/. Mode and mtime are read over and never written, as ``ipfs add`` does.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from google.protobuf.message import DecodeError

from wapo.content.dagpb import MAX_LINKS, message_classes
from wapo.content.errors import ContentTooComplex, MalformedContent

__all__ = ["DIRECTORY_DATA", "MURMUR3_X64_64", "Kind", "UnixFs", "decode_unixfs", "encode_file", "encode_shard"]

MURMUR3_X64_64 = 0x22

# Type is an enum in the specification. As a number, a kind that we do not know is seen instead of dropped.
_Data = message_classes(
    "wapo.unixfs",
    {
        "UnixTime": """
            optional int64 Seconds = 1
            optional fixed32 FractionalNanoseconds = 2
        """,
        "Data": """
            optional uint64 Type = 1
            optional bytes Data = 2
            optional uint64 filesize = 3
            repeated uint64 blocksizes = 4
            optional uint64 hashType = 5
            optional uint64 fanout = 6
            optional uint32 mode = 7
            optional UnixTime mtime = 8
        """,
    },
)["Data"]


class Kind(IntEnum):
    """``Data.DataType``. ``RAW`` is a file's part as the oldest importers wrote it, not the raw codec."""

    RAW = 0
    DIRECTORY = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5


class UnixFs(NamedTuple):
    """A node's data. ``sizes``: for each link of a file the bytes of content below it. ``size``: of all content."""

    kind: Kind
    data: bytes
    size: int
    sizes: tuple[int, ...]
    hash_type: int
    fanout: int


def decode_unixfs(data: bytes) -> UnixFs:
    """Read a node's data.

    Raises:
        MalformedContent: it is no UnixFS message, or of no known kind.
        ContentTooComplex: it lists more sizes than a node may have links.
    """
    message = _Data()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise MalformedContent("A DAG-PB node holds no UnixFS data.") from error
    if len(message.blocksizes) > MAX_LINKS:
        raise ContentTooComplex(f"A file lists {len(message.blocksizes)} parts; {MAX_LINKS} are allowed in a node.")
    if not message.HasField("Type"):
        raise MalformedContent("A UnixFS node does not say what it is.")
    try:
        kind = Kind(message.Type)
    except ValueError as error:
        raise MalformedContent(f"A UnixFS node is of kind {message.Type}, which does not exist.") from error
    return UnixFs(
        kind, bytes(message.Data), message.filesize, tuple(message.blocksizes), message.hashType, message.fanout
    )


def encode_file(data: bytes, sizes: Iterable[int] = ()) -> bytes:
    """The data of a file node: its own bytes, then parts of the given sizes."""
    sizes = list(sizes)
    message = _Data(Type=Kind.FILE, filesize=len(data) + sum(sizes), blocksizes=sizes)
    if data:
        message.Data = data
    return bytes(message.SerializeToString())


def encode_shard(bitfield: bytes, fanout: int) -> bytes:
    """The data of one shard of a directory. ``bitfield``: which of its places are taken, as a big-endian number."""
    message = _Data(Type=Kind.SHARD, Data=bitfield, hashType=MURMUR3_X64_64, fanout=fanout)
    return bytes(message.SerializeToString())


DIRECTORY_DATA: bytes = _Data(Type=Kind.DIRECTORY).SerializeToString()
