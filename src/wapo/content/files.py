"""What both the block store and the pins do with files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wapo.content.errors import BlockStoreFailed

__all__ = ["store_errors", "sync_folder"]


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn the system's errors into ``BlockStoreFailed``: "Could not ``what``: No space left on device."."""
    try:
        yield
    except OSError as error:
        raise BlockStoreFailed(f"Could not {what}: {error.strerror or error}.") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; syncing a file does not do that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
