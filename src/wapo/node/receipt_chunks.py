"""Receipts on their way to the disk, many to a chunk.

What they consist of is put one after the other into a few byte strings: half a second's worth are thousands, and
objects that stay alive are looked at by the collector, and push other things out of the processor's caches.
"""

import hashlib
import struct
import time
from array import array
from typing import Final

import msgspec

from wapo.trust.merkle import LEAF
from wapo.trust.receipts import beginning, ending, fields_of, uuid_ending

__all__ = ["NO_CONTENT", "NO_FIELDS", "Chunk", "Common", "Entry", "WrittenChunk"]

#: Of these many receipts, or of so many bytes of them, is one transaction.
_RECEIPTS: Final = 4096
_BYTES: Final = 4 << 20
#: So many briefs are made receipts of at once: enough for caches, and 0.2 ms for whoever is the last one.
_TOGETHER: Final = 64
#: Larger contents do not wait for that.
_KEPT_BYTES: Final = 4 << 10
#: Headers of so many bytes are compared with those of other responses; what a chunk remembers of larger ones would be
#: more than the chunk.
_KNOWN_BYTES: Final = 1 << 10

#: The beginning of a receipt, and the arguments of its ending (``wapo.trust.receipts``).
Entry = tuple[bytes, str, str, bytes, int, int]
#: What the receipts of many GETs without content have in common: key id, program, target, status of the response, and
#: the lines of its headers as they are sent.
Common = tuple[str, str, bytes, int, bytes]
NO_FIELDS: Final = fields_of(())
NO_CONTENT: Final = hashlib.sha256().digest()

#: Number of the beginning, request id, content of the response, when it was complete (seconds since the epoch), and for
#: how long the exchange went on (seconds).
_Brief = tuple[int, str, bytes, float, float]
_sha256: Final = hashlib.sha256


class Chunk:
    """Receipts that are written together.

    Attributes:
        full: no more are to be added.
        leaves: their hashes as leaves of the log, one after the other, of those that are settled.
    """

    __slots__ = (
        "_beginnings", "_briefs", "_endings", "_ends", "_known", "_numbers", "_prefixes", "_size", "full", "leaves",
    )  # fmt: skip

    def __init__(self) -> None:
        self._known: dict[Common, int] = {}
        self._briefs: list[_Brief] = []
        self._beginnings: dict[bytes, int] = {}
        #: What hashes of leaves begin with, by the number of the beginning.
        self._prefixes: list[bytes] = []
        # Of each receipt the number of its beginning, its ending, and where that ends.
        self._numbers: array[int] = array("I")
        self._endings = bytearray()
        self._ends: array[int] = array("I")
        self._size = 0
        self.leaves = bytearray()
        self.full = False

    def __len__(self) -> int:
        """Receipts that are settled."""
        return len(self._ends)

    def add(self, entry: Entry) -> None:
        """Adds a receipt. Its request id is a UUID."""
        common, request_id, nonce, digest, started_ms, ended_ms = entry
        self._append(self._number(common), ending(request_id, nonce, digest, started_ms, ended_ms))
        self._weigh()

    def add_brief(self, common: Common, request_id: str, content: bytes, for_s: float) -> None:
        """Adds what a receipt is to be made of, which :meth:`settle` does: with others it takes a third of the time,
        since nothing of it is in the processor's caches where a program has run just before."""
        number = self._known.get(common)
        if number is None:
            number = self._learn(common)
        briefs = self._briefs
        briefs.append((number, request_id, content, time.time(), for_s))
        if len(briefs) >= _TOGETHER or len(content) > _KEPT_BYTES:
            self.settle()

    def settle(self) -> None:
        """Makes receipts of all briefs."""
        briefs, self._briefs = self._briefs, []
        for number, request_id, content, ended_s, for_s in briefs:
            ended_ms = int(ended_s * 1000)
            started_ms = ended_ms - int(for_s * 1000)
            self._append(number, uuid_ending(request_id.encode(), _sha256(content).digest(), started_ms, ended_ms))
        self._weigh()

    def _learn(self, common: Common) -> int:
        key_id, program, target, status, lines = common
        split = [line.partition(b": ") for line in lines.split(b"\r\n")[:-1]]
        headers = fields_of([(name, value) for name, _, value in split])
        told = target.decode("latin-1")
        number = self._number(beginning(key_id, program, "GET", told, NO_FIELDS, NO_CONTENT, status, headers))
        if len(target) + len(lines) <= _KNOWN_BYTES:
            self._known[common] = number
        return number

    def _number(self, common: bytes) -> int:
        number = self._beginnings.get(common)
        if number is None:
            number = self._beginnings[common] = len(self._beginnings)
            self._prefixes.append(LEAF + common)
            self._size += 2 * len(common)
        return number

    def _append(self, number: int, own: bytes) -> None:
        self._endings += own
        self.leaves += _sha256(self._prefixes[number] + own).digest()
        self._numbers.append(number)
        self._ends.append(len(self._endings))

    def _weigh(self) -> None:
        self.full = len(self._ends) >= _RECEIPTS or self.size >= _BYTES

    @property
    def size(self) -> int:
        """What it takes of memory, in bytes, about."""
        return self._size + len(self._endings)

    def ids(self) -> bytes:
        """Of all, 16 bytes each: an ending begins with its id, a UUID, after the length."""
        endings, starts = bytes(self._endings), (0, *self._ends[:-1])
        ids = b"".join([endings[at + 4 : at + 40] for at in starts])
        return bytes.fromhex(ids.replace(b"-", b"").decode())

    def encoded(self) -> bytes:
        """What :class:`WrittenChunk` reads."""
        written = list(self._beginnings), _packed(self._numbers), _packed(self._ends), self._endings
        return msgspec.msgpack.encode(written)


class WrittenChunk:
    """What was written of a chunk."""

    def __init__(self, encoded: bytes) -> None:
        self._beginnings, self._numbers, self._ends, self._endings = _WRITTEN.decode(encoded)

    def __getitem__(self, index: int) -> bytes:
        """A receipt's canonical form."""
        start = _at(self._ends, index - 1) if index else 0
        return self._beginnings[_at(self._numbers, index)] + self._endings[start : _at(self._ends, index)]


_WRITTEN: Final = msgspec.msgpack.Decoder(tuple[list[bytes], bytes, bytes, bytes])


def _packed(numbers: "array[int]") -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def _at(packed: bytes, index: int) -> int:
    return int.from_bytes(packed[4 * index : 4 * index + 4], "little")
