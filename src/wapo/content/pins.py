"""What must stay: the roots of published content, as empty files named by their identifiers.

A file a pin and no index: several processes may pin and unpin at once, and a backup of the folder is a backup.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wapo.content.cid import Cid
from wapo.content.errors import BlockStoreFailed, InvalidCid

__all__ = ["Pin", "Pins"]


class Pin(NamedTuple):
    """A root that stays, and since when (Unix time in seconds)."""

    cid: Cid
    pinned_s: float


class Pins:
    """The pins in a directory, which is made if need be. Methods block, briefly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BlockStoreFailed(f"Could not open the pins in {folder}: {error.strerror}.") from error

    def add(self, cid: Cid) -> None:
        """Pin a root; harmless if it is pinned. Durable when this returns."""
        try:
            (self._folder / str(cid)).touch()
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise BlockStoreFailed(f"Could not pin {cid}: {error.strerror}.") from error

    def remove(self, cid: Cid) -> bool:
        """Unpin a root, however it was spelled when it was pinned; False if it was not."""
        pinned = [pin.cid for pin in self if pin.cid.v1() == cid.v1()]
        for spelling in pinned:
            (self._folder / str(spelling)).unlink(missing_ok=True)
        return bool(pinned)

    def __iter__(self) -> Iterator[Pin]:
        for path in sorted(self._folder.iterdir()):
            try:
                yield Pin(Cid.parse(path.name), path.stat().st_mtime)
            except (InvalidCid, FileNotFoundError):
                continue  # somebody else's file; or unpinned just now
