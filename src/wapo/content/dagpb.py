"""DAG-PB, the outer layer of a node: named links to other blocks, and bytes. https://ipld.io/specs/codecs/dag-pb/spec/

Google's ``protobuf`` reads and writes the wire format; its descriptors are made here at import, so there is no protoc
step and no generated file. Two things it does not do by itself:

* DAG-PB puts Links (field 2) before Data (field 1), protobuf writes fields in order. So the two are written apart.
* DAG-PB has one spelling for a node, give or take the order of those two; protobuf accepts unknown fields, repeated
  fields and padded numbers. A reader that is more lenient than its peers can be shown a different program under the
  same CID, so what was read is written again and has to come out the same.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from wapo.content.errors import ContentTooComplex, MalformedContent

__all__ = ["MAX_LINKS", "Link", "PbNode", "decode_node", "encode_node", "message_classes"]


# A block of 2 MiB has room for 50 000 links to sha2-256 hashes. It also has room for 400 000 to nowhere, which would
# keep the event loop busy for a second.
MAX_LINKS = 65_536


def message_classes(package: str, messages: dict[str, str]) -> Any:
    """Make protobuf classes (proto2, so that an absent field can be told from an empty one) without protoc.

    Args:
        package: a name of its own for the descriptor pool.
        messages: for each message its fields as .proto files write them, one a line: ``optional uint64 Tsize = 3``.
            A type that is none of protobuf's own is a message that was defined before it.
    Returns:
        The classes by message name.
    """
    field = descriptor_pb2.FieldDescriptorProto
    labels = {"optional": field.LABEL_OPTIONAL, "repeated": field.LABEL_REPEATED, "required": field.LABEL_REQUIRED}
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for name, lines in messages.items():
        message = file.message_type.add(name=name)
        for line in lines.strip().splitlines():
            label, kind, field_name, _, number = line.split()
            own = getattr(field, f"TYPE_{kind.upper()}", None)
            message.field.add(
                name=field_name,
                number=int(number),
                label=labels[label],
                type=field.TYPE_MESSAGE if own is None else own,
                type_name=f".{package}.{kind}" if own is None else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


# Name is a string in the specification. As bytes it reaches us unchanged, whether or not it is UTF-8.
_classes = message_classes(
    "wapo.dagpb",
    {
        "PBLink": """
            optional bytes Hash = 1
            optional bytes Name = 2
            optional uint64 Tsize = 3
        """,
        "PBNode": """
            repeated PBLink Links = 2
            optional bytes Data = 1
        """,
    },
)
_Node = _classes["PBNode"]


class Link(NamedTuple):
    """A link to another block.

    ``cid``: the identifier in bytes, not judged yet (a directory may link to things that Wapo does not read).
    ``name``: in a directory the entry's; in a file empty.
    ``tsize``: what the whole DAG below takes, by its publisher's word only. Nothing may rely on it.
    """

    cid: bytes
    name: bytes
    tsize: int


class PbNode(NamedTuple):
    """A node: its links in their order, and its bytes (None where there are none, which is not the same as b"")."""

    links: tuple[Link, ...]
    data: bytes | None


def encode_node(links: Iterable[Link], data: bytes) -> bytes:
    """A node in its canonical form: every link with all three fields, as Kubo writes them, then the data."""
    first, last = _Node(), _Node(Data=data)
    for cid, name, tsize in links:
        first.Links.add(Hash=cid, Name=name, Tsize=tsize)
    return bytes(first.SerializeToString() + last.SerializeToString())


def decode_node(block: bytes) -> PbNode:
    """Read a node.

    Raises:
        MalformedContent: the bytes are no DAG-PB node, or one that could be read in more than one way.
        ContentTooComplex: more than ``MAX_LINKS`` links.
    """
    node = _Node()
    try:
        node.ParseFromString(block)
    except DecodeError as error:
        raise MalformedContent("A block that should be a DAG-PB node is no protobuf.") from error
    if len(node.Links) > MAX_LINKS:
        raise ContentTooComplex(f"A DAG-PB node has {len(node.Links)} links; {MAX_LINKS} are allowed.")
    links = tuple(Link(link.Hash, link.Name, link.Tsize) for link in node.Links)
    data = bytes(node.Data) if node.HasField("Data") else None
    if any(not link.cid for link in links):
        raise MalformedContent("A DAG-PB node has a link that points nowhere.")
    node.DiscardUnknownFields()
    data_first = node.SerializeToString()
    node.ClearField("Data")
    written_links = node.SerializeToString()
    # Some importers write Data first so that a shard can be read as it arrives; @ipld/dag-pb accepts both orders.
    written_data = data_first[: len(data_first) - len(written_links)]
    if block not in (written_links + written_data, data_first):
        raise MalformedContent("A block is not a DAG-PB node in canonical form.")
    return PbNode(links, data)
