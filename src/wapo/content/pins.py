"""What must stay: the roots of published content, as empty files named by their identifiers.

A file a pin and no index: several processes may pin and unpin at once, and a backup of the folder is a backup.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from wapo.content.cid import Cid
from wapo.content.errors import InvalidCid
from wapo.content.files import store_errors, sync_folder

__all__ = ["Pin", "Pins"]


class Pin(NamedTuple):
    """A root that stays, and since when (Unix time in seconds)."""

    cid: Cid
    pinned_s: float


class Pins:
    """The pins in a directory, which is made if need be. Methods block, briefly, and raise ``BlockStoreFailed``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with store_errors(f"open the pins in {folder}"):
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, cid: Cid) -> None:
        """Pin a root; harmless if it is pinned. Durable when this returns."""
        with store_errors(f"pin {cid}"):
            (self._folder / str(cid)).touch()
            sync_folder(self._folder)

    def remove(self, cid: Cid) -> bool:
        """Unpin a root, however it was spelled when it was pinned; False if it was not."""
        pinned = [pin.cid for pin in self if pin.cid.v1() == cid.v1()]
        with store_errors(f"unpin {cid}"):
            for spelling in pinned:
                (self._folder / str(spelling)).unlink(missing_ok=True)
        return bool(pinned)

    def __iter__(self) -> Iterator[Pin]:
        with store_errors("list the pins"):
            for path in sorted(self._folder.iterdir()):
                # Somebody else's file; or unpinned just now.
                with suppress(InvalidCid, FileNotFoundError):
                    yield Pin(Cid.parse(path.name), path.stat().st_mtime)
