"""What images of agents differ in from the base image, on disk: for agents that nobody asks at the moment.

The file has no name and goes with the process. A disk may be somebody else's (the host's, where the node itself runs in
a machine that is protected from it), so what is read is believed only if its digest is the one that it was written
with, which stays in memory.
"""

import asyncio
import ctypes
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wapo.engine.difference import Difference

__all__ = ["ColdImages"]

_ALIGNMENT: Final = 4096
_PUNCH_HOLE: Final = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

_libc: Final = ctypes.CDLL(None, use_errno=True)
_fallocate = _libc.fallocate
_fallocate.restype = ctypes.c_int
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    length: int
    digest: bytes


class ColdImages:
    """Differences by key. The file grows at its end only; what is dropped becomes a hole in it, which takes no room.

    Args:
        directory: where the file is. Raises OSError if it cannot be made there.

    Attributes:
        stored_bytes: what the file occupies.
    """

    def __init__(self, directory: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=directory, prefix="wapo-images-")  # noqa: SIM115
        self._end = 0
        self._entries: dict[str, _Entry] = {}
        self.stored_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    async def put(self, key: str, difference: Difference) -> None:
        """Keeps a difference, in place of what was there.

        Raises:
            OSError: the disk is full.
        """
        self.drop(key)
        encoded = difference.encode()
        offset, self._end = self._end, self._end + _room(len(encoded))
        digest = await asyncio.to_thread(self._write, offset, encoded)
        self._entries[key] = _Entry(offset, len(encoded), digest)
        self.stored_bytes += _room(len(encoded))

    def _write(self, offset: int, encoded: bytes) -> bytes:
        written = 0
        while written < len(encoded):
            written += os.pwrite(self._file.fileno(), memoryview(encoded)[written:], offset + written)
        return _digest(encoded)

    async def get(self, key: str) -> Difference | None:
        """The difference; None if there is none, or what the disk gives is not what it was given."""
        entry = self._entries.get(key)
        return None if entry is None else await asyncio.to_thread(self._read, entry)

    def _read(self, entry: _Entry) -> Difference | None:
        try:
            encoded = os.pread(self._file.fileno(), entry.length, entry.offset)
        except OSError:
            return None
        return Difference.decode(encoded) if _digest(encoded) == entry.digest else None

    def drop(self, key: str) -> None:
        """Forgets a difference, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.stored_bytes -= _room(entry.length)
            _fallocate(self._file.fileno(), _PUNCH_HOLE, entry.offset, _room(entry.length))

    def close(self) -> None:
        """The file goes. Idempotent."""
        self._entries.clear()
        self._file.close()


def _room(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()
