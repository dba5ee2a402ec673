"""A block store in a directory, shared by any number of processes.

::

    <root>/blocks/<last byte of the digest>/<multihash in hex>      after "1220" the name is what sha256sum prints
    <root>/incoming/<random>                                        being written; swept when over an hour old

What must hold:

* A name in ``blocks/`` never shows a half-written block: a block is written beside, synced, then renamed. Two
  processes that write the same block rename the same bytes; whoever comes last wins and nobody can tell.
* What is read is hashed before it is handed out. A file that does not match its name (a failing disk, a curious hand)
  counts as missing: it is moved away and logged, so that the block can be fetched again.

Measured with 50 000 blocks of 1 KiB on ext4: one level of 256 folders puts in 89 us, gets in 16 us and scans in 0.2 s;
1024 or 65 536 folders put in over 370 us, since each folder has to be made. Syncing costs 1 ms a block, and a folder
0.5 ms, so ``put_verified`` syncs each folder once for all its blocks.
"""

import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from wapo.content.blocks import MAX_BLOCK_BYTES, Block, StoredBlock, check_block, check_block_size
from wapo.content.cid import Cid
from wapo.content.files import store_errors, sync_folder
from wapo.content.multihash import multihash_matches

__all__ = ["DiskBlocks"]

_STALE_S = 3600.0

_log = logging.getLogger(__name__)


class DiskBlocks:
    """Blocks in the directory ``root``, which is made if need be."""

    def __init__(self, root: Path, *, max_block_bytes: int = MAX_BLOCK_BYTES) -> None:
        """
        Raises:
            BlockStoreFailed: the directory cannot be made or written to.
        """
        self._blocks = root / "blocks"
        self._incoming = root / "incoming"
        self._max_block_bytes = max_block_bytes
        with store_errors(f"open the block store in {root}"):
            self._blocks.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._sweep()

    def get(self, cid: Cid) -> bytes | None:
        inline = cid.inline
        if inline is not None:
            return inline
        path = self._path(cid.multihash)
        with store_errors(f"read block {cid}"):
            data = _read(path, self._max_block_bytes)
            if data is not None and not multihash_matches(cid.multihash, data):
                self._withdraw(path, cid)
                return None
        return data

    def has(self, cid: Cid) -> bool:
        with store_errors(f"look for block {cid}"):
            return cid.inline is not None or self._path(cid.multihash).is_file()

    def put(self, cid: Cid, data: bytes) -> None:
        check_block_size(len(data), self._max_block_bytes)
        self.put_verified([check_block(cid, data, "the caller")])

    def put_verified(self, blocks: Iterable[Block]) -> None:
        folders: set[Path] = set()
        for cid, data in blocks:
            check_block_size(len(data), self._max_block_bytes)
            if cid.inline is not None:
                continue
            path = self._path(cid.multihash)
            with store_errors(f"write block {cid}"):
                if not self._touch(path, data):
                    folders.add(self._write(path, data))
        with store_errors("sync the block store"):
            for folder in folders:
                sync_folder(folder)

    def remove(self, cid: Cid) -> bool:
        with store_errors(f"remove block {cid}"):
            try:
                self._path(cid.multihash).unlink()
            except FileNotFoundError:
                return False
        return True

    def entries(self) -> Iterator[StoredBlock]:
        with store_errors("list the block store"):
            for folder in self._blocks.iterdir():
                with os.scandir(folder) as files:
                    for file in files:
                        # Another process may remove a block between the listing and the look at it.
                        with suppress(FileNotFoundError, ValueError):
                            status = file.stat()
                            yield StoredBlock(bytes.fromhex(file.name), status.st_size, status.st_mtime)

    def _path(self, multihash: bytes) -> Path:
        name = multihash.hex()
        return self._blocks / name[-2:] / name

    def _touch(self, path: Path, data: bytes) -> bool:
        """Whether the block is here, in which case it counts as written now: ``upkeep.prune`` takes the oldest."""
        try:
            if _read(path, self._max_block_bytes) != data:
                return False
            os.utime(path)
        except FileNotFoundError:  # pruned by another process in between
            return False
        return True

    def _write(self, path: Path, data: bytes) -> Path:
        """Put ``data`` at ``path``; returns the folder, which the caller still has to sync."""
        incoming = self._incoming / secrets.token_hex(16)
        try:
            with incoming.open("xb", buffering=0) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
                os.fsync(file.fileno())
            try:
                incoming.rename(path)
            except FileNotFoundError:
                path.parent.mkdir(exist_ok=True)
                sync_folder(self._blocks)
                incoming.rename(path)
        except BaseException:
            incoming.unlink(missing_ok=True)
            raise
        return path.parent

    def _withdraw(self, path: Path, cid: Cid) -> None:
        """Take a damaged file away, unless another process has just replaced it by a good one."""
        aside = self._incoming / secrets.token_hex(16)
        try:
            path.rename(aside)
        except FileNotFoundError:
            return
        data = _read(aside, self._max_block_bytes)
        if data is not None and multihash_matches(cid.multihash, data):
            aside.rename(path)
            return
        aside.unlink(missing_ok=True)
        _log.warning("block %s was damaged on disk and has been removed: %s", cid, path)

    def _sweep(self) -> None:
        """Remove what crashed processes left behind."""
        now = time.time()
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > _STALE_S:
                    path.unlink()


def _read(path: Path, max_bytes: int) -> bytes | None:
    """The file's bytes; None if there is no file, or one over the limit.

    Such a file is left where it is: it may be a sound block from when the limit was higher.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return file.read() if os.fstat(file.fileno()).st_size <= max_bytes else None
    except FileNotFoundError:
        return None
