"""Boot data on disk (node-and-gateway 4.7): one sealed record an app, one cache for all its instances."""

import asyncio
import contextlib
import os
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Final

from wapo.errors import HostError
from wapo.node.apps.blobs import sync_folder
from wapo.trust.boot_data import MAX_SEALED_BYTES, BootDataSealer, boot_data_file
from wapo.trust.seal import Unsealable
from wapo.trust.worker_key import WorkerKey

__all__ = ["BootDataFailed", "BootDataStore"]

_CACHED: Final = 64


class BootDataFailed(HostError):
    """An app's record cannot be read, opened or written."""

    code = "boot_data_failed"


class BootDataStore:
    """The records of all apps.

    Args:
        folder: where they are, one file an app; the folder of blobs.
    """

    def __init__(self, folder: Path, worker: WorkerKey) -> None:
        self._folder = folder
        self._worker = worker
        self._cache: OrderedDict[bytes, bytes | None] = OrderedDict()
        self._locks: dict[bytes, asyncio.Lock] = {}

    async def read(self, app: bytes) -> bytes | None:
        """The record; None if there is none.

        Raises:
            BootDataFailed.
        """
        async with self._lock(app):
            if app not in self._cache:
                self._remember(app, await asyncio.to_thread(self._read, app))
            return self._cache[app]

    async def write(self, app: bytes, record: bytes) -> None:
        """Replaces the record; it is on the disk when this returns. Writes of one app follow one another.

        Raises:
            BootDataFailed: the record is the one of before.
            BootDataTooLarge.
        """
        async with self._lock(app):
            await asyncio.to_thread(self._write, app, record)
            self._remember(app, record)

    def _lock(self, app: bytes) -> asyncio.Lock:
        return self._locks.setdefault(app, asyncio.Lock())

    def _remember(self, app: bytes, record: bytes | None) -> None:
        self._cache[app] = record
        self._cache.move_to_end(app)
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

    def _read(self, app: bytes) -> bytes | None:
        path = boot_data_file(self._folder, app)
        try:
            with path.open("rb") as file:
                sealed = file.read(MAX_SEALED_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BootDataFailed(f"the boot data in {path} cannot be read: {error.strerror}") from error
        try:
            return BootDataSealer(self._worker, app).open(sealed)
        except Unsealable as error:
            raise BootDataFailed(str(error)) from error

    def _write(self, app: bytes, record: bytes) -> None:
        sealed = BootDataSealer(self._worker, app).seal(record)
        temporary = self._folder / ".tmp" / secrets.token_hex(16)
        try:
            with temporary.open("xb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(boot_data_file(self._folder, app))
            sync_folder(self._folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise BootDataFailed(f"boot data cannot be written: {error.strerror}") from error
