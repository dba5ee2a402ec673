"""The Merkle tree of RFC 9162 (Certificate Transparency 2.0), section 2.1: SHA-256, proofs, and checking them. No I/O.

Hashes are kept in *tiles* of 256, as today's logs do (https://c2sp.org/tlog-tiles): tile ``n`` of level 0 has the
hashes of leaves ``256 n`` and following, an entry of a tile of level ``l + 1`` is the hash of a whole tile of level
``l``. So a proof for any tree needs a few tiles, and a tile that is full never changes.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from wapo.trust.receipts import GRACE_MS, InvalidReceipt, PublishedKey, verify_signature

__all__ = [
    "HASH_BYTES", "LEAF", "TILE", "MissingTiles", "TreeHead", "check_consistency", "check_inclusion",
    "consistency_proof", "extend", "inclusion_proof", "leaf_hash", "read_head", "right_edge", "root_of",
]  # fmt: skip

HASH_BYTES: Final = 32
#: Hashes in a tile, of which its height is the logarithm.
TILE: Final = 256
#: What the hash of a leaf begins with (RFC 9162 2.1.1).
LEAF: Final = b"\0"
_NODE: Final = b"\1"
_HEIGHT: Final = 8
_HEAD_FORM: Final = "wapo-tree-head/v1"

#: Hashes of a tile, one after the other, by its level and number.
Tiles = Mapping[tuple[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(LEAF + entry).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


class MissingTiles(Exception):
    """Tiles that are needed, and were not given."""

    def __init__(self, wanted: frozenset[tuple[int, int]]) -> None:
        super().__init__(f"tiles {sorted(wanted)}")
        self.wanted = wanted


# The log's side


def right_edge(size: int) -> list[tuple[int, int]]:
    """The tiles that :func:`extend` needs of a tree of that size: those that are not full."""
    edge, level = [], 0
    while size:
        if size % TILE:
            edge.append((level, size // TILE))
        size, level = size // TILE, level + 1
    return edge


def extend(tiles: MutableMapping[tuple[int, int], bytes], size: int, leaves: bytes) -> None:
    """Adds hashes of leaves, one after the other, to a tree of that size; ``tiles`` has its right edge, and then what
    has changed."""
    level, at, new = 0, size, leaves
    while new:
        full, done = [], 0
        while done < len(new):
            number, there = divmod(at + done // HASH_BYTES, TILE)
            room = (TILE - there) * HASH_BYTES
            tile = tiles.get((level, number), b"") + new[done : done + room]
            tiles[level, number] = tile
            if len(tile) == TILE * HASH_BYTES:
                full.append(_tile_root(tile))
            done += room
        level, at, new = level + 1, at // TILE, b"".join(full)


def _tile_root(hashes: bytes) -> bytes:
    """Of a power of two of them."""
    sha256 = hashlib.sha256
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(_NODE + hashes[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
    return hashes


def root_of(tiles: Tiles, size: int) -> bytes:
    """The hash of the tree of the first ``size`` leaves.

    Raises:
        MissingTiles.
    """
    return _with(tiles, lambda subtree: _range(subtree, 0, size)) if size else hashlib.sha256().digest()


def inclusion_proof(tiles: Tiles, index: int, size: int) -> list[bytes]:
    """That leaf ``index`` is in the tree of the first ``size`` leaves (RFC 9162 2.1.3.1).

    Raises:
        MissingTiles.
    """

    def proof(subtree: Callable[[int, int], bytes]) -> list[bytes]:
        found: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _below(high - low)
            if index < middle:
                found.append(_range(subtree, middle, high))
                high = middle
            else:
                found.append(_range(subtree, low, middle))
                low = middle
        return found[::-1]

    return _with(tiles, proof)


def consistency_proof(tiles: Tiles, first: int, second: int) -> list[bytes]:
    """That the tree of ``first`` leaves is the beginning of that of ``second`` (RFC 9162 2.1.4.1).

    Raises:
        MissingTiles.
    """

    def proof(subtree: Callable[[int, int], bytes]) -> list[bytes]:
        found: list[bytes] = []
        low, high, whole = 0, second, True
        while high != first:
            middle = low + _below(high - low)
            if first <= middle:
                found.append(_range(subtree, middle, high))
                high = middle
            else:
                found.append(_range(subtree, low, middle))
                low, whole = middle, False
        if not whole:
            found.append(_range(subtree, low, high))
        return found[::-1]

    return _with(tiles, proof) if 0 < first < second else []


_T = TypeVar("_T")


def _below(count: int) -> int:
    """The largest power of two that is less."""
    return 1 << (count - 1).bit_length() - 1


def _range(subtree: Callable[[int, int], bytes], low: int, high: int) -> bytes:
    """The hash of the leaves from ``low`` to ``high``, of which the first is where a subtree of the tree begins."""
    peaks = []
    while low < high:
        height = (high - low).bit_length() - 1
        peaks.append(subtree(height, low >> height))
        low += 1 << height
    hashed = peaks.pop()
    while peaks:
        hashed = _node_hash(peaks.pop(), hashed)
    return hashed


def _with(tiles: Tiles, work: Callable[[Callable[[int, int], bytes]], _T]) -> _T:
    """The result of work that asks for the hashes of whole subtrees, by height and number."""
    wanted: set[tuple[int, int]] = set()

    def subtree(height: int, number: int) -> bytes:
        level, inner = divmod(height, _HEIGHT)
        first = number << inner
        tile = tiles.get((level, first // TILE))
        at, size = first % TILE * HASH_BYTES, HASH_BYTES << inner
        if tile is None or len(tile) < at + size:
            wanted.add((level, first // TILE))
            return b""
        return _tile_root(tile[at : at + size])

    done = work(subtree)
    if wanted:
        raise MissingTiles(frozenset(wanted))
    return done


# The other side


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2."""
    if not 0 <= index < size:
        return False
    at, last, hashed = index, size - 1, leaf
    for other in proof:
        if last == 0 or len(other) != HASH_BYTES:
            return False
        if at & 1 or at == last:
            hashed = _node_hash(other, hashed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hashed = _node_hash(hashed, other)
        at, last = at >> 1, last >> 1
    return last == 0 and hashed == root


def check_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """RFC 9162 2.1.4.2; the tree of no leaves is the beginning of every other."""
    if not 0 <= first <= second or any(len(other) != HASH_BYTES for other in proof):
        return False
    if first in (0, second):
        empty = first > 0 or first_root == hashlib.sha256().digest()
        return not proof and empty and (first == 0 or first_root == second_root)
    if not proof:
        return False
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    one = other = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            one, other = _node_hash(step, one), _node_hash(step, other)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            other = _node_hash(other, step)
        at, last = at >> 1, last >> 1
    return last == 0 and one == first_root and other == second_root


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a node says of its log at one moment.

    Attributes:
        log: the log's name; another one begins when a node's data are brought back from a backup.
        time_ms: since the epoch.
        key_id: of the key that signs.
    """

    log: str
    size: int
    root: bytes
    time_ms: int
    key_id: str

    def canonical(self) -> bytes:
        """What is signed: parts after their length, as of a receipt."""
        parts = (
            _HEAD_FORM.encode(), b"ed25519", self.key_id.encode(), self.log.encode(), self.size.to_bytes(8, "big"),
            self.root, self.time_ms.to_bytes(8, "big"),
        )  # fmt: skip
        return b"".join([len(part).to_bytes(4, "big") + part for part in parts])

    def document(self, signature: bytes) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "form": _HEAD_FORM, "algorithm": "ed25519", "key": self.key_id, "log": self.log, "size": self.size,
            "root": text(self.root), "time": self.time_ms, "signature": text(signature),
        }  # fmt: skip


def read_head(document: Mapping[str, Any], keys: Mapping[str, PublishedKey]) -> TreeHead:
    """A tree head that one of these keys has signed, in its time.

    Raises:
        InvalidReceipt: it is none.
    """
    try:
        if document["form"] != _HEAD_FORM or document["algorithm"] != "ed25519":
            raise InvalidReceipt("the tree head is of another form or algorithm")
        head = TreeHead(
            str(document["log"]), int(document["size"]), hash_of(document["root"]), int(document["time"]),
            str(document["key"]),
        )  # fmt: skip
        key = keys.get(head.key_id)
        signature = base64.urlsafe_b64decode(document["signature"] + "==")
        signed = (
            key is not None
            and (key.until_s is None or head.time_ms <= key.until_s * 1000 + GRACE_MS)
            and verify_signature(key.public, head.canonical(), signature)
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidReceipt("this is no tree head") from error
    if not signed or head.document(signature) != {name: document[name] for name in head.document(signature)}:
        raise InvalidReceipt("the tree head is not signed by this node")
    return head


def text(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hash_of(value: str) -> bytes:
    """The hash that :func:`text` wrote.

    Raises:
        ValueError, TypeError: it is none.
    """
    data = base64.urlsafe_b64decode(value + "=")
    if len(data) != HASH_BYTES or text(data) != value:
        raise ValueError("not a hash")
    return data
